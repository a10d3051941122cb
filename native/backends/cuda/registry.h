// The operators of this module, built once from ops/ops.def.
#pragma once
#include <string_view>

#include "device/context.h"

namespace halftone::cuda {

struct RegisteredCudaOp {
  OpSchema schema;
  CudaOp op;
};

/// nullptr when CUDA has no kernel of that op.
const RegisteredCudaOp* find_op(std::string_view name);

}  // namespace halftone::cuda
