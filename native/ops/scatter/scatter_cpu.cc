#include <cstring>

#include "core/element.h"
#include "core/elementwise.h"
#include "ops/scatter/scatter.h"
#include "ops/scatter/scatter_walk.h"

namespace halftone {
namespace {

// y = x, then all updates. Every index is in range.
template <class Lines>
void update_lines(const KernelContext& context, ScatterReduction reduction, const Lines& lines) {
  const TensorView &x = context.in(0), &updates = context.in(2), &y = context.out();
  if (y.elements() == 0) return;
  const int64_t size = size_of(y.dtype);
  context.parallel_for(y.elements() * size, kElementwiseGrain * 8,
                       [&](int64_t first, int64_t last) {
                         std::memcpy(y.as<std::byte>() + first, x.as<std::byte>() + first,
                                     static_cast<size_t>(last - first));
                       });
  if (updates.elements() == 0) return;
  dispatch(y.dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    const T* from = updates.as<T>();
    T* to = y.as<T>();
    context.parallel_for(
        lines.lines, kElementwiseGrain / lines.count, [&](int64_t begin, int64_t end) {
          // Updates outside, so that neighbouring lines are walked together.
          constexpr int64_t kTogether = 64;
          for (int64_t l = begin; l < end; l += kTogether) {
            const int64_t n = std::min(kTogether, end - l);
            int64_t firsts[kTogether], starts[kTogether];
            for (int64_t i = 0; i < n; ++i) {
              firsts[i] = lines.first(l + i);
              starts[i] = lines.start(firsts[i]);
            }
            for (int64_t j = 0; j < lines.count; ++j)
              for (int64_t i = 0; i < n; ++i) {
                T& element = to[lines.target(firsts[i], j, starts[i])];
                const T update = from[firsts[i] + j * lines.step];
                element =
                    reduction == ScatterReduction::kNone
                        ? update
                        : narrow_one<T>(updated(reduction, widen_one(element), widen_one(update)));
              }
          }
        });
  });
}

void made_by(const KernelContext& context, const char* op) {
  const DType t = context.out().dtype;
  const char* arithmetic = name(compute_dtype(t));
  context.made_by(concat(op, "_", info(t).short_name).c_str(), name(t), arithmetic, name(t));
}

Status scatter_elements_cpu(const ScatterElements::Params& p, const KernelContext& context) {
  made_by(context, ScatterElements::kName);
  const TensorView &x = context.in(0), &indices = context.in(1);
  int32_t axis;
  HALFTONE_TRY(normalize_axis(p.axis, x.shape.rank, "axis", &axis));
  HALFTONE_TRY(check_range(indices, x.shape, axis, 1));
  update_lines(context, p.reduction, element_lines(x, indices, axis));
  return {};
}

Status scatter_nd_cpu(const ScatterNd::Params& p, const KernelContext& context) {
  made_by(context, ScatterNd::kName);
  const TensorView &x = context.in(0), &indices = context.in(1);
  HALFTONE_TRY(check_range(indices, x.shape, 0, indices.shape[indices.shape.rank - 1]));
  update_lines(context, p.reduction, slice_lines(x, indices));
  return {};
}

}  // namespace

std::vector<CpuOp> scatter_cpu_ops() {
  return {cpu_op<ScatterElements, scatter_elements_cpu>(), cpu_op<ScatterNd, scatter_nd_cpu>()};
}

}  // namespace halftone
