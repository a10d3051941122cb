#include "device/reduction_launch.h"
#include "ops/min_max/min_max.h"
#include "ops/min_max/min_max_kernel.cuh"
#include "ops/quantize/code_dispatch.h"

namespace halftone {
namespace {

Status min_max_cuda(const MinMax::Params& p, DeviceContext& context) {
  const TensorView& x = context.in(0);
  const std::string kernel =
      concat("min_max_", info(x.dtype).short_name, p.axis.present ? "_per_axis" : "");
  context.made_by({kernel.c_str(), name(x.dtype), "", ""});
  if (context.out().elements() == 0) return {};
  bool reduced[kMaxRank];
  for (bool& r : reduced) r = true;
  if (p.axis.present) {
    int32_t axis;
    HALFTONE_TRY(normalize_axis(p.axis.value, x.shape.rank, "axis", &axis));
    reduced[axis] = false;
  }
  const device::Reduction r = device::reduction_of(x.shape, reduced);
  const MinMaxFold fold{context.out(0).as<float>(), context.out(1).as<float>()};
  return dispatch_real(x.dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    return device::launch_reduction("min_max", context, r, device::Elements<T>{x.as<T>()}, fold);
  });
}

}  // namespace

std::vector<CudaOp> min_max_cuda_ops() { return {cuda_op<MinMax, min_max_cuda>()}; }

}  // namespace halftone
