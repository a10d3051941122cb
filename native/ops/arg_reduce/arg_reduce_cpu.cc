#include "core/elementwise.h"
#include "ops/arg_reduce/arg_reduce.h"

namespace halftone {
namespace {

constexpr int64_t kTile = 64;  // columns searched side by side

template <class T>
ComputeType<T> load(T x) {
  if constexpr (is_widened<T>)
    return to_float(x);
  else
    return x;
}

/// Whether x takes the place of `best`, which came before it.
template <bool kMax, class C>
bool beats(C x, C best) {
  if (best != best) return false;
  return x != x || (kMax ? x > best : x < best);
}

/// x [n, columns] of which `width` columns from x on are searched.
template <bool kMax, class T>
void search(const T* x, int64_t n, int64_t columns, int64_t width, int64_t* y) {
  ComputeType<T> best[kTile];
  int64_t index[kTile];
  for (int64_t w = 0; w < width; ++w) {
    best[w] = load(x[w]);
    index[w] = 0;
  }
  for (int64_t i = 1; i < n; ++i)
    for (int64_t w = 0; w < width; ++w) {
      const auto v = load(x[i * columns + w]);
      if (beats<kMax>(v, best[w])) {
        best[w] = v;
        index[w] = i;
      }
    }
  for (int64_t w = 0; w < width; ++w) y[w] = index[w];
}

template <bool kMax>
Status arg_reduce_cpu(const ArgReduceParams& p, const KernelContext& context) {
  const TensorView& x = context.in(0);
  const std::string kernel = concat(ArgReduce<kMax>::kName, "_", info(x.dtype).short_name);
  context.made_by(kernel.c_str(), name(x.dtype), name(compute_dtype(x.dtype)), "int64");
  if (context.out().elements() == 0) return {};
  int32_t axis;
  HALFTONE_TRY(normalize_axis(p.axis, x.shape.rank, "axis", &axis));
  int64_t outer = 1, columns = 1;
  for (int i = 0; i < axis; ++i) outer *= x.shape[i];
  for (int i = axis + 1; i < x.shape.rank; ++i) columns *= x.shape[i];
  const int64_t n = x.shape[axis], tiles = (columns + kTile - 1) / kTile;
  const int64_t grain = std::max<int64_t>(1, kElementwiseGrain / (n * std::min(columns, kTile)));
  int64_t* y = context.out().as<int64_t>();
  dispatch(x.dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    if constexpr (!std::is_same_v<T, Bool>)
      context.parallel_for(outer * tiles, grain, [&](int64_t begin, int64_t end) {
        for (int64_t item = begin; item < end; ++item) {
          const int64_t o = item / tiles, column = item % tiles * kTile;
          search<kMax>(x.as<T>() + o * n * columns + column, n, columns,
                       std::min(kTile, columns - column), y + o * columns + column);
        }
      });
  });
  return {};
}

}  // namespace

std::vector<CpuOp> arg_reduce_cpu_ops() {
  return {cpu_op<ArgMax, arg_reduce_cpu<true>>(), cpu_op<ArgMin, arg_reduce_cpu<false>>()};
}

}  // namespace halftone
