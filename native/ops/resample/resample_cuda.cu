#include "core/dispatch_bits.h"
#include "device/context.h"
#include "ops/resample/resample_kernel.cuh"

namespace halftone {
namespace {

template <class T>
Status weighted(const ResampleWalk& walk, DeviceContext& context) {
  const int64_t n = context.out().elements();
  return device::launch(
      "resample", resample_sum<T>, device::elementwise_grid(context.properties(), n, 1),
      device::kElementwiseThreads, 0, context.stream(), context.in(0).as<T>(),
      context.in(1).as<int32_t>(), context.in(2).as<T>(), context.out().as<T>(), walk, n);
}

template <class T>
Status copied(const ResampleWalk& walk, DeviceContext& context) {
  const int64_t n = context.out().elements();
  return device::launch("resample", resample_copy<T>,
                        device::elementwise_grid(context.properties(), n, 1),
                        device::kElementwiseThreads, 0, context.stream(), context.in(0).as<T>(),
                        context.in(1).as<int32_t>(), context.out().as<T>(), walk, n);
}

Status resample_cuda(const Resample::Params& p, DeviceContext& context) {
  const TensorView& x = context.in(0);
  ResampleWalk walk;
  HALFTONE_TRY(resample_axis(p, x.shape, context.in(1).shape, &walk.a));
  const bool sums = context.has(2);
  const std::string kernel =
      concat(sums ? "resample_" : "resample_copy_", info(x.dtype).short_name);
  const char* arithmetic = sums ? name(x.dtype) : "none";
  context.made_by({kernel.c_str(), name(x.dtype), arithmetic, arithmetic});
  if (context.out().elements() == 0) return {};
  walk.inner = device::divisor_of(walk.a.inner);
  walk.size = device::divisor_of(walk.a.size);
  if (!sums)
    return dispatch_bits(size_of(x.dtype),
                         [&](auto bits) { return copied<decltype(bits)>(walk, context); });
  return x.dtype == DType::kF64 ? weighted<double>(walk, context) : weighted<float>(walk, context);
}

}  // namespace

std::vector<CudaOp> resample_cuda_ops() { return {cuda_op<Resample, resample_cuda>()}; }

}  // namespace halftone
