#include "device/context.h"

namespace halftone {

// No kernels yet: the CUDA backend answers UnsupportedError.
std::vector<CudaOp> arg_reduce_cuda_ops() { return {}; }

}  // namespace halftone
