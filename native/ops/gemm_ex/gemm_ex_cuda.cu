#include "ops/gemm/product_cuda.h"
#include "ops/gemm_ex/gemm_ex.h"

namespace halftone {
namespace {

Status describe_gemm_ex(const GemmEx::Params& params, CudaProduct* p) {
  p->alpha = params.alpha;
  p->beta = params.beta;
  HALFTONE_TRY(resolve_compute(p->a.dtype, params.compute, &p->compute));
  return gemm_shapes(params, p);
}

}  // namespace

std::vector<CudaOp> gemm_ex_cuda_ops() {
  return {ProductOp<GemmEx, describe_gemm_ex, &CudaProduct::c>::op()};
}

}  // namespace halftone
