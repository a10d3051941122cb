// The JavaScript object that holds one reference to a tensor, inside under a type tag.
// lib/tensor.ts wraps it; nothing else sees it. It has no properties, which take longer to make
// than all else of a call: describe() tells them to who asks.
#pragma once
#include <napi.h>

#include "core/tensor.h"

namespace halftone::js {

Napi::Object make_handle(Napi::Env env, Tensor tensor);

/// The tensor in a handle. Throws ParamError when `value` is no handle, DisposedError when it was
/// given up.
const Tensor& tensor_of(Napi::Env env, napi_value value, const char* who);

/// The functions of the binding that take a handle: describe, dispose, reshape, read, readSync,
/// explain, explainSync.
void export_tensor_functions(Napi::Env env, Napi::Object exports);

}  // namespace halftone::js
