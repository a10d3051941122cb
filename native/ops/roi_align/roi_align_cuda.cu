#include "device/context.h"
#include "ops/roi_align/roi_align_kernel.cuh"

namespace halftone {
namespace {

template <class T>
Status align(const RoiAlign::Params& p, DeviceContext& context) {
  const int64_t n = context.out().elements();
  return device::launch("roiAlign", roi_align<T>,
                        device::elementwise_grid(context.properties(), n, 1),
                        device::kElementwiseThreads, 0, context.stream(), context.in(0).as<T>(),
                        context.in(1).as<ComputeType<T>>(), context.in(2).as<int64_t>(),
                        context.out().as<T>(), p, context.in(0).shape, n);
}

Status roi_align_cuda(const RoiAlign::Params& p, DeviceContext& context) {
  const DType t = context.in(0).dtype;
  const char* arithmetic = name(compute_dtype(t));
  context.made_by(
      {concat("roi_align_", info(t).short_name).c_str(), name(t), arithmetic, arithmetic});
  if (context.out().elements() == 0) return {};
  switch (t) {
    case DType::kF16:
      return align<f16>(p, context);
    case DType::kBF16:
      return align<bf16>(p, context);
    case DType::kF64:
      return align<double>(p, context);
    default:
      return align<float>(p, context);
  }
}

}  // namespace

std::vector<CudaOp> roi_align_cuda_ops() { return {cuda_op<RoiAlign, roi_align_cuda>()}; }

}  // namespace halftone
