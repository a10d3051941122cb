#include "core/dispatch_bits.h"
#include "device/context.h"
#include "device/elementwise.h"
#include "device/strided_copy.h"
#include "ops/gather/gather_kernel.cuh"
#include "ops/gather/rows.h"

namespace halftone {
namespace {

// Rows of `inner` elements, in the widest units that they consist of.
template <class Rows>
Status move_rows(const char* op, DeviceContext& context, const Rows& rows, int64_t inner,
                 int first_axis, int64_t axes) {
  const TensorView &x = context.in(0), &y = context.out();
  const DType t = y.dtype;
  context.made_by({concat(op, "_", info(t).short_name).c_str(), name(t), "none", "none"});
  if (y.elements() == 0) return {};
  IndexSite site;
  HALFTONE_TRY(context.index_site(op, x.shape, first_axis, axes, &site));
  const int64_t size = size_of(t);
  // An empty x has no rows, and all of y is 0.
  const uint64_t bits = reinterpret_cast<uintptr_t>(x.data) | reinterpret_cast<uintptr_t>(y.data) |
                        static_cast<uint64_t>(inner * size);
  int64_t unit = 16;
  while (unit > size && bits % static_cast<uint64_t>(unit) != 0) unit /= 2;
  const auto move_as = [&](auto zero) -> Status {
    using T = decltype(zero);
    const int64_t units = inner * size / unit, n = y.elements() / inner * units;
    return device::launch(op, gather_rows<T, Rows>,
                          device::elementwise_grid(context.properties(), n, 1),
                          device::kElementwiseThreads, 0, context.stream(), rows, site, x.as<T>(),
                          y.as<T>(), units, n);
  };
  return unit == 16 ? move_as(device::Bytes16{}) : dispatch_bits(unit, move_as);
}

Status gather_cuda(const Gather::Params& p, DeviceContext& context) {
  const TensorView& x = context.in(0);
  int32_t axis;
  HALFTONE_TRY(normalize_axis(p.axis, x.shape.rank, "axis", &axis));
  return move_rows(Gather::kName, context, axis_rows(x, context.in(1), axis),
                   product(x.shape, axis + 1, x.shape.rank), axis, 1);
}

Status gather_elements_cuda(const GatherElements::Params& p, DeviceContext& context) {
  const TensorView& x = context.in(0);
  int32_t axis;
  HALFTONE_TRY(normalize_axis(p.axis, x.shape.rank, "axis", &axis));
  return move_rows(GatherElements::kName, context, element_rows(x.shape, context.in(1), axis), 1,
                   axis, 1);
}

Status gather_nd_cuda(const GatherNd::Params& p, DeviceContext& context) {
  const TensorView &x = context.in(0), &indices = context.in(1);
  const int64_t length = indices.shape[indices.shape.rank - 1];
  return move_rows(GatherNd::kName, context, tuple_rows(x, indices, p.batchDims),
                   product(x.shape, static_cast<int>(p.batchDims + length), x.shape.rank),
                   static_cast<int>(p.batchDims), length);
}

}  // namespace

std::vector<CudaOp> gather_cuda_ops() {
  return {cuda_op<Gather, gather_cuda>(), cuda_op<GatherElements, gather_elements_cuda>(),
          cuda_op<GatherNd, gather_nd_cuda>()};
}

}  // namespace halftone
