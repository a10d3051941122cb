#include "device/context.h"
#include "device/strided_copy.h"
#include "ops/scatter/scatter.h"
#include "ops/scatter/scatter_kernel.cuh"
#include "ops/scatter/scatter_walk.h"

namespace halftone {
namespace {

// As many threads as keep a device busy; more would only look at the same indices more often.
constexpr int64_t kThreads = 1 << 14;

template <class Lines>
Status update_lines(const char* op, ScatterReduction reduction, const Lines& lines, int first_axis,
                    int64_t axes, DeviceContext& context) {
  const TensorView &x = context.in(0), &updates = context.in(2), &y = context.out();
  const DType t = y.dtype;
  const char* arithmetic = name(compute_dtype(t));
  context.made_by({concat(op, "_", info(t).short_name).c_str(), name(t), arithmetic, name(t)});
  if (y.elements() == 0) return {};
  device::Axes<2> all;
  all.push_back(y.elements(), {1, 1});
  HALFTONE_TRY(device::copy_strided(op, all, size_of(t), x.data, y.data, context.properties(),
                                    context.stream()));
  if (updates.elements() == 0) return {};
  IndexSite site;
  HALFTONE_TRY(context.index_site(op, x.shape, first_axis, axes, &site));
  const int64_t owners =
      std::clamp<int64_t>(kThreads / lines.lines, 1, std::min<int64_t>(lines.count, 1024));
  return dispatch(t, [&](auto tag) -> Status {
    using T = typename decltype(tag)::type;
    return device::launch(op, scatter_updates<T, Lines>,
                          device::elementwise_grid(context.properties(), lines.lines * owners, 1),
                          device::kElementwiseThreads, 0, context.stream(), lines, reduction,
                          owners, site, updates.as<T>(), y.as<T>());
  });
}

Status scatter_elements_cuda(const ScatterElements::Params& p, DeviceContext& context) {
  int32_t axis;
  HALFTONE_TRY(normalize_axis(p.axis, context.in(0).shape.rank, "axis", &axis));
  return update_lines(ScatterElements::kName, p.reduction,
                      element_lines(context.in(0), context.in(1), axis), axis, 1, context);
}

Status scatter_nd_cuda(const ScatterNd::Params& p, DeviceContext& context) {
  const Shape& indices = context.in(1).shape;
  return update_lines(ScatterNd::kName, p.reduction, slice_lines(context.in(0), context.in(1)), 0,
                      indices[indices.rank - 1], context);
}

}  // namespace

std::vector<CudaOp> scatter_cuda_ops() {
  return {cuda_op<ScatterElements, scatter_elements_cuda>(), cuda_op<ScatterNd, scatter_nd_cuda>()};
}

}  // namespace halftone
