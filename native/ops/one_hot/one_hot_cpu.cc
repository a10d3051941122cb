#include "core/dispatch_bits.h"
#include "core/elementwise.h"
#include "ops/gather/rows.h"
#include "ops/one_hot/one_hot.h"

namespace halftone {
namespace {

Status one_hot_cpu(const OneHot::Params& p, const KernelContext& context) {
  const TensorView &indices = context.in(0), &values = context.in(1), &y = context.out();
  const DType t = y.dtype;
  context.made_by(concat(OneHot::kName, "_", info(t).short_name).c_str(), name(t), "none", "none");
  if (y.elements() == 0) return {};
  int32_t axis;
  HALFTONE_TRY(normalize_axis(p.axis, y.shape.rank, "axis", &axis));
  const Indices at = indices_of(indices);
  const int64_t inner = product(y.shape, axis + 1, y.shape.rank);
  dispatch_bits(size_of(t), [&](auto bits) {
    using T = decltype(bits);
    const T off = values.as<T>()[0], on = values.as<T>()[1];
    T* to = y.as<T>();
    context.parallel_for(y.elements(), kElementwiseGrain, [&](int64_t first, int64_t last) {
      std::fill(to + first, to + last, off);
    });
    context.parallel_for(indices.elements(), kElementwiseGrain, [&](int64_t first, int64_t last) {
      for (int64_t i = first; i < last; ++i) {
        const int64_t place = resolve_index(at.at(i), p.depth);
        if (place >= 0) to[(i / inner * p.depth + place) * inner + i % inner] = on;
      }
    });
  });
  return {};
}

}  // namespace

std::vector<CpuOp> one_hot_cpu_ops() { return {cpu_op<OneHot, one_hot_cpu>()}; }

}  // namespace halftone
