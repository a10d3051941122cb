#include "core/dispatch_bits.h"
#include "device/context.h"
#include "device/elementwise.h"
#include "ops/gather/rows.h"
#include "ops/one_hot/one_hot.h"
#include "ops/one_hot/one_hot_kernel.cuh"

namespace halftone {
namespace {

Status one_hot_cuda(const OneHot::Params& p, DeviceContext& context) {
  const TensorView& y = context.out();
  const DType t = y.dtype;
  context.made_by(
      {concat(OneHot::kName, "_", info(t).short_name).c_str(), name(t), "none", "none"});
  if (y.elements() == 0) return {};
  int32_t axis;
  HALFTONE_TRY(normalize_axis(p.axis, y.shape.rank, "axis", &axis));
  return dispatch_bits(size_of(t), [&](auto bits) -> Status {
    using T = decltype(bits);
    return device::launch(OneHot::kName, one_hot_elements<T>,
                          device::elementwise_grid(context.properties(), y.elements(), 1),
                          device::kElementwiseThreads, 0, context.stream(),
                          indices_of(context.in(0)), context.in(1).as<T>(), y.as<T>(), p.depth,
                          product(y.shape, axis + 1, y.shape.rank), y.elements());
  });
}

}  // namespace

std::vector<CudaOp> one_hot_cuda_ops() { return {cuda_op<OneHot, one_hot_cuda>()}; }

}  // namespace halftone
