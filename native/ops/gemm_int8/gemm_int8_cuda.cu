#include "ops/gemm/product_cuda.h"
#include "ops/gemm_int8/gemm_int8.h"

namespace halftone {
namespace {

Status describe_gemm_int8(const GemmInt8::Params& params, CudaProduct* p) {
  p->compute = Compute::kInt32;
  p->a_zero = static_cast<int32_t>(params.aZeroPoint);
  p->b_zero = static_cast<int32_t>(params.bZeroPoint);
  p->bytes = params.kernel == Int8Kernel::kDp4a   ? ByteEngine::kDp4a
             : params.kernel == Int8Kernel::kImma ? ByteEngine::kTensorCores
                                                  : ByteEngine::kAuto;
  return gemm_shapes(params, p);
}

}  // namespace

std::vector<CudaOp> gemm_int8_cuda_ops() { return {ProductOp<GemmInt8, describe_gemm_int8>::op()}; }

}  // namespace halftone
