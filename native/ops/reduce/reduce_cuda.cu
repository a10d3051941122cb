#include "device/reduction_launch.h"
#include "ops/reduce/reduce.h"
#include "ops/reduce/reduce_kernel.cuh"

namespace halftone {
namespace {

using device::Reduction;

/// Means and sums of squares are sums, but for their ends and their terms.
constexpr ReduceKind folded(ReduceKind k) {
  return k == ReduceKind::kMean || k == ReduceKind::kSumSquare ? ReduceKind::kSum : k;
}

template <ReduceKind kKind>
Status fold_integers(DeviceContext& context, const Reduction& r) {
  const TensorView &x = context.in(0), &y = context.out();
  // Over nothing an extremum is the limit of x's own type.
  const int64_t nothing = dispatch(x.dtype, [](auto tag) -> int64_t {
    using T = typename decltype(tag)::type;
    if constexpr (std::is_integral_v<T>) return static_cast<int64_t>(identity<kKind, T>());
    return 0;
  });
  const int64_t flip = is_extremum(kKind) ? device::Integers::ordering(x.dtype) : 0;
  return device::launch_reduction(
      "reduce", context, r, device::Integers{x.data, x.dtype, flip},
      IntegerFold{{y.data, y.dtype, flip}, kKind, nothing ^ flip, r.terms});
}

template <ReduceKind kKind, class T>
Status fold_floats(DeviceContext& context, const Reduction& r) {
  using Source = device::Elements<T>;
  using A = typename Source::Value;
  using Fold = FloatFold<folded(kKind), A, FloatResults<T>>;
  return device::launch_reduction("reduce", context, r, Source{context.in(0).as<T>()},
                                  Fold{{context.out().as<T>()},
                                       identity<kKind, A>(),
                                       static_cast<A>(r.terms),
                                       kKind == ReduceKind::kMean,
                                       kKind == ReduceKind::kSumSquare});
}

template <ReduceKind kKind>
Status fold(DeviceContext& context, const Reduction& r) {
  switch (context.in(0).dtype) {
    case DType::kF32:
      return fold_floats<kKind, float>(context, r);
    case DType::kF16:
      return fold_floats<kKind, f16>(context, r);
    case DType::kBF16:
      return fold_floats<kKind, bf16>(context, r);
    case DType::kF64:
      return fold_floats<kKind, double>(context, r);
    default:
      return fold_integers<kKind>(context, r);
  }
}

template <ReduceKind kKind>
Status in_order(DeviceContext& context, const Reduction& r) {
  return device::launch("reduce_in_order_f16", reduce_in_order_f16<kKind>,
                        device::blocks_for(r.results, device::kReduceThreads),
                        device::kReduceThreads, 0, context.stream(), context.in(0).as<f16>(),
                        context.out().as<f16>(), r, to_f16(identity<kKind, float>()));
}

template <class Row>
Status reduce_cuda(const typename Reduce<Row>::Params& p, DeviceContext& context) {
  constexpr ReduceKind kKind = Row::kKind;
  const TensorView& x = context.in(0);
  bool half = false;
  if constexpr (!is_extremum(kKind)) half = p.accumulate == Accumulate::kFloat16;
  const char* arithmetic = half                     ? "float16"
                           : is_integer(x.dtype)    ? integer_accumulator(x.dtype)
                           : x.dtype == DType::kF64 ? "float64"
                                                    : "float32";
  const std::string kernel =
      concat(Row::kName, "_", info(x.dtype).short_name, half ? "_sequential" : "_tree");
  context.made_by({kernel.c_str(), name(x.dtype), arithmetic, arithmetic});
  if (context.out().elements() == 0) return {};
  bool reduced[kMaxRank];
  HALFTONE_TRY(reduced_axes(p.axes, x.shape.rank, reduced));
  const Reduction r = device::reduction_of(x.shape, reduced);
  if constexpr (!is_extremum(kKind))
    if (half) return in_order<kKind>(context, r);
  return fold<kKind>(context, r);
}

}  // namespace

std::vector<CudaOp> reduce_cuda_ops() {
  return {
#define HALFTONE_REDUCE_ROW(Type, name, kind, doc) cuda_op<Type, reduce_cuda<Type##Row>>(),
      HALFTONE_REDUCE_TABLE(HALFTONE_REDUCE_ROW)
#undef HALFTONE_REDUCE_ROW
  };
}

}  // namespace halftone
