// From Status to JavaScript's error classes. Native code throws StatusError; guarded() turns it
// into the right class.
#pragma once
#include <napi.h>

#include "core/status.h"

namespace halftone::js {

struct StatusError {
  explicit StatusError(Status s) : status(std::move(s)) {}
  Status status;
};

/// A JavaScript exception is pending in the environment: unwind and leave it there.
struct PendingException {};

inline void check(Status status) {
  if (!status.ok()) throw StatusError(std::move(status));
}

/// For calls of the C API. A failure is either a pending exception or our bug.
void check(Napi::Env env, napi_status status);

/// The Error object for a status, made by lib/errors.ts.
Napi::Value to_error(Napi::Env env, const Status& status);

/// Wraps a function for export: every C++ exception becomes a JavaScript one.
template <Napi::Value (*kBody)(const Napi::CallbackInfo&)>
Napi::Value guarded(const Napi::CallbackInfo& info);

void throw_current(Napi::Env env);

template <Napi::Value (*kBody)(const Napi::CallbackInfo&)>
Napi::Value guarded(const Napi::CallbackInfo& info) {
  try {
    return kBody(info);
  } catch (...) {
    throw_current(info.Env());
  }
  return {};
}

}  // namespace halftone::js
