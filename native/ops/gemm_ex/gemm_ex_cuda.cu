#include "ops/gemm/product_cuda.h"
#include "ops/gemm_ex/gemm_ex.h"

namespace halftone {
namespace {

Status describe_gemm_ex(const GemmEx::Params& params, const TensorView& a, const TensorView& b,
                        const TensorView& y, CudaProduct* p) {
  p->op = "gemmEx";
  p->a = a;
  p->b = b;
  p->y = y;
  p->trans_a = params.transA;
  p->trans_b = params.transB;
  p->alpha = params.alpha;
  p->beta = params.beta;
  HALFTONE_TRY(resolve_compute(a.dtype, params.compute, &p->compute));
  return product_shapes(a.shape, b.shape, params.transA, params.transB, Batching::kStrided, false,
                        &p->product);
}

Status gemm_ex_supports(const GemmEx::Params& params, const CudaCall& call) {
  CudaProduct p;
  HALFTONE_TRY(describe_gemm_ex(params, call.in[0], call.in[1], call.out[0], &p));
  return product_supports(p, call.device);
}

Status gemm_ex_cuda(const GemmEx::Params& params, DeviceContext& context) {
  CudaProduct p;
  HALFTONE_TRY(describe_gemm_ex(params, context.in(0), context.in(1), context.out(), &p));
  if (context.has(2)) p.c = &context.in(2);
  return run_cuda_product(context, p);
}

}  // namespace

std::vector<CudaOp> gemm_ex_cuda_ops() {
  return {cuda_op<GemmEx, gemm_ex_cuda, gemm_ex_supports>()};
}

}  // namespace halftone
