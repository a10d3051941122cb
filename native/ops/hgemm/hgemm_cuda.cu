#include "ops/gemm/product_cuda.h"
#include "ops/hgemm/hgemm.h"

namespace halftone {
namespace {

Status describe_hgemm(const Hgemm::Params& params, const TensorView& a, const TensorView& b,
                      const TensorView& y, CudaProduct* p) {
  p->op = "hgemm";
  p->a = a;
  p->b = b;
  p->y = y;
  p->trans_a = params.transA;
  p->trans_b = params.transB;
  p->compute = Compute::kFloat16;
  p->alpha = params.alpha;
  p->beta = params.beta;
  return product_shapes(a.shape, b.shape, params.transA, params.transB, Batching::kStrided, false,
                        &p->product);
}

Status hgemm_supports(const Hgemm::Params& params, const CudaCall& call) {
  CudaProduct p;
  HALFTONE_TRY(describe_hgemm(params, call.in[0], call.in[1], call.out[0], &p));
  return product_supports(p, call.device);
}

Status hgemm_cuda(const Hgemm::Params& params, DeviceContext& context) {
  CudaProduct p;
  HALFTONE_TRY(describe_hgemm(params, context.in(0), context.in(1), context.out(), &p));
  if (context.has(2)) p.c = &context.in(2);
  return run_cuda_product(context, p);
}

}  // namespace

std::vector<CudaOp> hgemm_cuda_ops() { return {cuda_op<Hgemm, hgemm_cuda, hgemm_supports>()}; }

}  // namespace halftone
