#include "ops/gemm/product_cuda.h"
#include "ops/linear/linear.h"

namespace halftone {
namespace {

Status describe_linear(const Linear::Params& params, const TensorView& x, const TensorView& w,
                       const TensorView& y, CudaProduct* p) {
  p->op = "linear";
  p->a = x;
  p->b = w;
  p->y = y;
  p->trans_b = !params.transW;
  p->activation = params.activation == LinearActivation::kRelu       ? FinishActivation::kRelu
                  : params.activation == LinearActivation::kGeluTanh ? FinishActivation::kGeluTanh
                                                                     : FinishActivation::kNone;
  // The bias was checked by infer().
  const TensorDesc descs[] = {{x.dtype, x.shape}, {w.dtype, w.shape}};
  const TensorDesc* const inputs[] = {&descs[0], &descs[1]};
  DType out;
  return Linear::resolve(params, Inputs(inputs), &p->product, &p->compute, &out);
}

Status linear_supports(const Linear::Params& params, const CudaCall& call) {
  CudaProduct p;
  HALFTONE_TRY(describe_linear(params, call.in[0], call.in[1], call.out[0], &p));
  return product_supports(p, call.device);
}

Status linear_cuda(const Linear::Params& params, DeviceContext& context) {
  CudaProduct p;
  HALFTONE_TRY(describe_linear(params, context.in(0), context.in(1), context.out(), &p));
  if (context.has(2)) p.bias = &context.in(2);
  return run_cuda_product(context, p);
}

}  // namespace

std::vector<CudaOp> linear_cuda_ops() { return {cuda_op<Linear, linear_cuda, linear_supports>()}; }

}  // namespace halftone
