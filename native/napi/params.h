// Reads an options object into an op's Params, through the op's fields.
#pragma once
#include <napi.h>

#include "core/schema.h"

namespace halftone::js {

/// Fills `params` (already holding the defaults) from `options` (undefined, or an object).
/// Properties that are undefined keep the default. Throws ParamError for unknown names (with the
/// nearest known one), wrong types and values out of range.
void read_params(Napi::Env env, napi_value options, const OpSchema& schema, void* params);

/// The default of a field as a JavaScript value; null for one that is absent.
Napi::Value default_value(Napi::Env env, const Field& field, const void* params);

/// A shape out of an array of whole numbers >= 0.
Shape read_shape(Napi::Env env, napi_value value, const char* what);

}  // namespace halftone::js
