#include "device/context.h"
#include "ops/col2im/col2im_kernel.cuh"

namespace halftone {
namespace {

template <class T>
Status fold(const BlockGeometry& g, DeviceContext& context) {
  const int64_t n = context.out().elements();
  return device::launch("col2im", col2im<T>, device::elementwise_grid(context.properties(), n, 1),
                        device::kElementwiseThreads, 0, context.stream(), context.in(0).as<T>(),
                        context.out().as<T>(), g, n);
}

Status col2im_cuda(const Col2im::Params& p, DeviceContext& context) {
  const TensorView& x = context.in(0);
  BlockGeometry g;
  Shape y;
  HALFTONE_TRY(Col2im::resolve(p, x.shape, &g, &y));
  const char* sums = name(compute_dtype(x.dtype));
  context.made_by(
      {concat("col2im_", info(x.dtype).short_name).c_str(), name(x.dtype), "none", sums});
  if (context.out().elements() == 0) return {};
  switch (x.dtype) {
    case DType::kF16:
      return fold<f16>(g, context);
    case DType::kBF16:
      return fold<bf16>(g, context);
    case DType::kF64:
      return fold<double>(g, context);
    default:
      return fold<float>(g, context);
  }
}

}  // namespace

std::vector<CudaOp> col2im_cuda_ops() { return {cuda_op<Col2im, col2im_cuda>()}; }

}  // namespace halftone
