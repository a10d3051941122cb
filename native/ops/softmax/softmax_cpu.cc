#include "core/elementwise.h"
#include "ops/softmax/softmax.h"
#include "ops/softmax/softmax_isa.h"

namespace halftone {
namespace {

constexpr int64_t kTile = 16;  // columns copied side by side when the axis is not the last

// In place.
void softmax_row(float* x, int64_t n) { HALFTONE_ISA_PICK(softmax_f32)(x, n); }
void softmax_row(double* x, int64_t n) { softmax_in_place(x, n); }

template <class T>
ComputeType<T> load(T x) {
  if constexpr (is_widened<T>)
    return to_float(x);
  else
    return x;
}

template <class T>
T store(ComputeType<T> x) {
  if constexpr (std::is_same_v<T, f16>)
    return to_f16(x);
  else if constexpr (std::is_same_v<T, bf16>)
    return to_bf16(x);
  else
    return x;
}

/// Rows of n neighbours, through a buffer of one row.
template <class T>
void softmax_rows(const KernelContext& context, int64_t rows, int64_t n) {
  using C = ComputeType<T>;
  const T* x = context.in(0).as<T>();
  T* y = context.out().as<T>();
  context.parallel_for(rows, std::max<int64_t>(1, kElementwiseGrain / 4 / n),
                       [&](int64_t first, int64_t last) {
                         std::vector<C> buffer(static_cast<size_t>(is_widened<T> ? n : 0));
                         for (int64_t r = first; r < last; ++r) {
                           if constexpr (is_widened<T>) {
                             convert(x + r * n, buffer.data(), n);
                             softmax_row(buffer.data(), n);
                             convert(buffer.data(), y + r * n, n);
                           } else {
                             std::copy(x + r * n, x + (r + 1) * n, y + r * n);
                             softmax_row(y + r * n, n);
                           }
                         }
                       });
}

/// x [outer, n, columns] along its middle axis.
template <class T>
void softmax_columns(const KernelContext& context, int64_t outer, int64_t n, int64_t columns) {
  using C = ComputeType<T>;
  const T* x = context.in(0).as<T>();
  T* y = context.out().as<T>();
  const int64_t tiles = (columns + kTile - 1) / kTile;
  const int64_t grain =
      std::max<int64_t>(1, kElementwiseGrain / 4 / (n * std::min(columns, kTile)));
  context.parallel_for(outer * tiles, grain, [&](int64_t first, int64_t last) {
    std::vector<C> buffer(static_cast<size_t>(n * std::min(columns, kTile)));
    for (int64_t item = first; item < last; ++item) {
      const int64_t column = item % tiles * kTile, width = std::min(kTile, columns - column);
      const int64_t at = item / tiles * n * columns + column;
      for (int64_t i = 0; i < n; ++i)
        for (int64_t w = 0; w < width; ++w)
          buffer[static_cast<size_t>(w * n + i)] = load(x[at + i * columns + w]);
      for (int64_t w = 0; w < width; ++w) softmax_row(buffer.data() + w * n, n);
      for (int64_t i = 0; i < n; ++i)
        for (int64_t w = 0; w < width; ++w)
          y[at + i * columns + w] = store<T>(buffer[static_cast<size_t>(w * n + i)]);
    }
  });
}

Status softmax_cpu(const Softmax::Params& p, const KernelContext& context) {
  const TensorView& x = context.in(0);
  const std::string kernel = concat("softmax_", info(x.dtype).short_name);
  const char* arithmetic = name(compute_dtype(x.dtype));
  context.made_by(kernel.c_str(), name(x.dtype), arithmetic, arithmetic);
  if (x.elements() == 0) return {};
  int32_t axis;
  HALFTONE_TRY(normalize_axis(p.axis, x.shape.rank, "axis", &axis));
  int64_t outer = 1, columns = 1;
  for (int i = 0; i < axis; ++i) outer *= x.shape[i];
  for (int i = axis + 1; i < x.shape.rank; ++i) columns *= x.shape[i];
  const int64_t n = x.shape[axis];
  dispatch(x.dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    if constexpr (std::is_floating_point_v<ComputeType<T>>) {
      if (columns == 1)
        softmax_rows<T>(context, outer, n);
      else
        softmax_columns<T>(context, outer, n, columns);
    }
  });
  return {};
}

}  // namespace

std::vector<CpuOp> softmax_cpu_ops() { return {cpu_op<Softmax, softmax_cpu>()}; }

}  // namespace halftone
