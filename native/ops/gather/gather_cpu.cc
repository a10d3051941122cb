#include <cstring>

#include "core/dispatch_bits.h"
#include "core/elementwise.h"
#include "ops/gather/rows.h"

namespace halftone {
namespace {

// Row r of y is row rows.source(r) of x, for rows of `inner` elements. Every index is in range.
template <class Rows>
void move_rows(const KernelContext& context, const Rows& rows, int64_t inner) {
  const TensorView &x = context.in(0), &y = context.out();
  if (y.elements() == 0) return;
  const int64_t count = y.elements() / inner;
  dispatch_bits(size_of(x.dtype), [&](auto bits) {
    using T = decltype(bits);
    const T* from = x.as<T>();
    T* to = y.as<T>();
    context.parallel_for(count, kElementwiseGrain / inner, [&](int64_t first, int64_t last) {
      for (int64_t r = first; r < last; ++r) {
        const T* row = from + rows.source(r) * inner;
        if (inner == 1)
          to[r] = *row;
        else
          std::memcpy(to + r * inner, row, static_cast<size_t>(inner) * sizeof(T));
      }
    });
  });
}

void made_by(const KernelContext& context, const char* op) {
  const DType t = context.out().dtype;
  context.made_by(concat(op, "_", info(t).short_name).c_str(), name(t), "none", "none");
}

Status gather_cpu(const Gather::Params& p, const KernelContext& context) {
  made_by(context, Gather::kName);
  const TensorView &x = context.in(0), &indices = context.in(1);
  int32_t axis;
  HALFTONE_TRY(normalize_axis(p.axis, x.shape.rank, "axis", &axis));
  HALFTONE_TRY(check_range(indices, x.shape, axis, 1));
  move_rows(context, axis_rows(x, indices, axis), product(x.shape, axis + 1, x.shape.rank));
  return {};
}

Status gather_elements_cpu(const GatherElements::Params& p, const KernelContext& context) {
  made_by(context, GatherElements::kName);
  const TensorView &x = context.in(0), &indices = context.in(1);
  int32_t axis;
  HALFTONE_TRY(normalize_axis(p.axis, x.shape.rank, "axis", &axis));
  HALFTONE_TRY(check_range(indices, x.shape, axis, 1));
  move_rows(context, element_rows(x.shape, indices, axis), 1);
  return {};
}

Status gather_nd_cpu(const GatherNd::Params& p, const KernelContext& context) {
  made_by(context, GatherNd::kName);
  const TensorView &x = context.in(0), &indices = context.in(1);
  const int batch = static_cast<int>(p.batchDims);
  const int64_t length = indices.shape[indices.shape.rank - 1];
  HALFTONE_TRY(check_range(indices, x.shape, batch, length));
  move_rows(context, tuple_rows(x, indices, p.batchDims),
            product(x.shape, batch + static_cast<int>(length), x.shape.rank));
  return {};
}

}  // namespace

std::vector<CpuOp> gather_cpu_ops() {
  return {cpu_op<Gather, gather_cpu>(), cpu_op<GatherElements, gather_elements_cpu>(),
          cpu_op<GatherNd, gather_nd_cpu>()};
}

}  // namespace halftone
