#include "ops/gemm/product_cuda.h"
#include "ops/matmul/matmul.h"

namespace halftone {
namespace {

Status describe_matmul(const Matmul::Params& params, CudaProduct* p) {
  p->trans_a = params.transA;
  p->trans_b = params.transB;
  const TensorDesc descs[] = {{p->a.dtype, p->a.shape}, {p->b.dtype, p->b.shape}};
  const TensorDesc* const inputs[] = {&descs[0], &descs[1]};
  DType out;
  return Matmul::resolve(params, Inputs(inputs), &p->product, &p->compute, &out);
}

}  // namespace

std::vector<CudaOp> matmul_cuda_ops() { return {ProductOp<Matmul, describe_matmul>::op()}; }

}  // namespace halftone
