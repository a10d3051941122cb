#include "device/context.h"
#include "ops/grid_sample/grid_sample_kernel.cuh"

namespace halftone {
namespace {

template <class T>
Status sample(const GridSample::Params& p, DeviceContext& context) {
  const TensorView &x = context.in(0), &y = context.out();
  const int64_t n = y.elements();
  return device::launch(
      "gridSample", grid_sample<T>, device::elementwise_grid(context.properties(), n, 1),
      device::kElementwiseThreads, 0, context.stream(), x.as<T>(),
      context.in(1).as<ComputeType<T>>(), y.as<T>(), p, grid_geometry(x.shape, y.shape), n);
}

Status grid_sample_cuda(const GridSample::Params& p, DeviceContext& context) {
  const DType t = context.in(0).dtype;
  const char* arithmetic = name(compute_dtype(t));
  context.made_by(
      {concat("grid_sample_", info(t).short_name).c_str(), name(t), arithmetic, arithmetic});
  if (context.out().elements() == 0) return {};
  switch (t) {
    case DType::kF16:
      return sample<f16>(p, context);
    case DType::kBF16:
      return sample<bf16>(p, context);
    case DType::kF64:
      return sample<double>(p, context);
    default:
      return sample<float>(p, context);
  }
}

}  // namespace

std::vector<CudaOp> grid_sample_cuda_ops() { return {cuda_op<GridSample, grid_sample_cuda>()}; }

}  // namespace halftone
