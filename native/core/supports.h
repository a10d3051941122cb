// Whether a backend would take a call, without data and without running it.
#pragma once
#include <span>

#include "core/backend.h"
#include "core/registry.h"

namespace halftone {

/// What Stream::run() checks before it enqueues: infer(), whose outputs are put into *outputs, then
/// the backend's supports(). kUnsupported from the latter names what could. `inputs` holds null for
/// an optional input that is not given; `params` is the op's Params.
Status supports(const Backend& backend, int device, const RegisteredOp& op, const void* params,
                std::span<const TensorDesc* const> inputs, Outputs* outputs);

}  // namespace halftone
