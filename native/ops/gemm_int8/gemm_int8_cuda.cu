#include "ops/gemm/product_cuda.h"
#include "ops/gemm_int8/gemm_int8.h"

namespace halftone {
namespace {

Status describe_gemm_int8(const GemmInt8::Params& params, const TensorView& a, const TensorView& b,
                          const TensorView& y, CudaProduct* p) {
  p->op = "gemmInt8";
  p->a = a;
  p->b = b;
  p->y = y;
  p->trans_a = params.transA;
  p->trans_b = params.transB;
  p->compute = Compute::kInt32;
  p->a_zero = static_cast<int32_t>(params.aZeroPoint);
  p->b_zero = static_cast<int32_t>(params.bZeroPoint);
  p->bytes = params.kernel == Int8Kernel::kDp4a   ? ByteEngine::kDp4a
             : params.kernel == Int8Kernel::kImma ? ByteEngine::kTensorCores
                                                  : ByteEngine::kAuto;
  return product_shapes(a.shape, b.shape, params.transA, params.transB, Batching::kStrided, false,
                        &p->product);
}

Status gemm_int8_supports(const GemmInt8::Params& params, const CudaCall& call) {
  CudaProduct p;
  HALFTONE_TRY(describe_gemm_int8(params, call.in[0], call.in[1], call.out[0], &p));
  return product_supports(p, call.device);
}

Status gemm_int8_cuda(const GemmInt8::Params& params, DeviceContext& context) {
  CudaProduct p;
  HALFTONE_TRY(describe_gemm_int8(params, context.in(0), context.in(1), context.out(), &p));
  return run_cuda_product(context, p);
}

}  // namespace

std::vector<CudaOp> gemm_int8_cuda_ops() {
  return {cuda_op<GemmInt8, gemm_int8_cuda, gemm_int8_supports>()};
}

}  // namespace halftone
