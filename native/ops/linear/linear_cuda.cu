#include "ops/gemm/product_cuda.h"
#include "ops/linear/linear.h"

namespace halftone {
namespace {

Status describe_linear(const Linear::Params& params, CudaProduct* p) {
  p->trans_b = !params.transW;
  p->activation = params.activation == LinearActivation::kRelu       ? FinishActivation::kRelu
                  : params.activation == LinearActivation::kGeluTanh ? FinishActivation::kGeluTanh
                                                                     : FinishActivation::kNone;
  // The bias was checked by infer().
  const TensorDesc descs[] = {{p->a.dtype, p->a.shape}, {p->b.dtype, p->b.shape}};
  const TensorDesc* const inputs[] = {&descs[0], &descs[1]};
  DType out;
  return Linear::resolve(params, Inputs(inputs), &p->product, &p->compute, &out);
}

}  // namespace

std::vector<CudaOp> linear_cuda_ops() {
  return {ProductOp<Linear, describe_linear, &CudaProduct::bias>::op()};
}

}  // namespace halftone
