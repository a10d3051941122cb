#include "napi/errors.h"

#include <new>

#include "napi/env.h"

namespace halftone::js {
namespace {

const char* code_name(Code code) {
  switch (code) {
    case Code::kShape:
      return "ERR_SHAPE";
    case Code::kDtype:
      return "ERR_DTYPE";
    case Code::kParam:
      return "ERR_PARAM";
    case Code::kUnsupported:
      return "ERR_UNSUPPORTED";
    case Code::kBackendUnavailable:
      return "ERR_BACKEND_UNAVAILABLE";
    case Code::kDevice:
      return "ERR_DEVICE";
    case Code::kDeviceLost:
      return "ERR_DEVICE_LOST";
    case Code::kOutOfMemory:
      return "ERR_OUT_OF_MEMORY";
    case Code::kDisposed:
      return "ERR_DISPOSED";
    case Code::kAborted:
      return "ERR_ABORTED";
    case Code::kOk:
    case Code::kInternal:
      break;
  }
  return "ERR_INTERNAL";
}

}  // namespace

void check(Napi::Env env, napi_status status) {
  if (status == napi_ok) return;
  bool pending = false;
  napi_is_exception_pending(env, &pending);
  if (pending) throw PendingException();
  const napi_extended_error_info* details = nullptr;
  napi_get_last_error_info(env, &details);
  throw StatusError(
      error(Code::kInternal, "Node-API call failed: ",
            details && details->error_message ? details->error_message : "unknown reason"));
}

Napi::Value to_error(Napi::Env env, const Status& status) {
  const EnvData& data = EnvData::of(env);
  if (data.create_error.IsEmpty()) return Napi::Error::New(env, status.message).Value();
  return data.create_error.Call(
      {Napi::String::New(env, code_name(status.code)), Napi::String::New(env, status.message)});
}

void throw_current(Napi::Env env) {
  Status status;
  try {
    throw;
  } catch (const PendingException&) {
    return;
  } catch (const Napi::Error&) {
    throw;
  } catch (const StatusError& e) {
    status = e.status;
  } catch (const std::bad_alloc&) {
    status = error(Code::kOutOfMemory, "no host memory for the call");
  } catch (const std::exception& e) {
    status = error(Code::kInternal, e.what());
  }
  napi_throw(env, to_error(env, status));
}

}  // namespace halftone::js
