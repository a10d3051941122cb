#include "ops/gemm/product_cuda.h"
#include "ops/matmul/matmul.h"

namespace halftone {
namespace {

Status describe_matmul(const Matmul::Params& params, const TensorView& a, const TensorView& b,
                       const TensorView& y, CudaProduct* p) {
  p->op = "matmul";
  p->a = a;
  p->b = b;
  p->y = y;
  p->trans_a = params.transA;
  p->trans_b = params.transB;
  const TensorDesc descs[] = {{a.dtype, a.shape}, {b.dtype, b.shape}};
  const TensorDesc* const inputs[] = {&descs[0], &descs[1]};
  DType out;
  return Matmul::resolve(params, Inputs(inputs), &p->product, &p->compute, &out);
}

Status matmul_supports(const Matmul::Params& params, const CudaCall& call) {
  CudaProduct p;
  HALFTONE_TRY(describe_matmul(params, call.in[0], call.in[1], call.out[0], &p));
  return product_supports(p, call.device);
}

Status matmul_cuda(const Matmul::Params& params, DeviceContext& context) {
  CudaProduct p;
  HALFTONE_TRY(describe_matmul(params, context.in(0), context.in(1), context.out(), &p));
  return run_cuda_product(context, p);
}

}  // namespace

std::vector<CudaOp> matmul_cuda_ops() { return {cuda_op<Matmul, matmul_cuda, matmul_supports>()}; }

}  // namespace halftone
