#include "ops/gemm/product_cuda.h"
#include "ops/hgemm/hgemm.h"

namespace halftone {
namespace {

Status describe_hgemm(const Hgemm::Params& params, CudaProduct* p) {
  p->compute = Compute::kFloat16;
  p->alpha = params.alpha;
  p->beta = params.beta;
  return gemm_shapes(params, p);
}

}  // namespace

std::vector<CudaOp> hgemm_cuda_ops() {
  return {ProductOp<Hgemm, describe_hgemm, &CudaProduct::c>::op()};
}

}  // namespace halftone
