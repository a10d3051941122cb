#include "core/elementwise.h"
#include "ops/reduce/reduce.h"
#include "ops/reduce/reduce_isa.h"
#include "ops/reduce/reduce_plan.h"

namespace halftone {
namespace {

constexpr int64_t kChunk = 1024;
constexpr int64_t kLanes = 16;
static_assert(kChunk == kBlock);

/// Columns reduced side by side: 16 lanes of them fill 16 KiB.
template <class A>
constexpr int64_t kTile = 1024 / static_cast<int64_t>(sizeof(A));

/// float32 for 16-bit floats and float32, float64 and uint64 for themselves, int64 for integers.
template <class T>
using Accumulator = std::conditional_t<std::is_integral_v<T> && !std::is_same_v<T, uint64_t>,
                                       int64_t, ComputeType<T>>;

/// How the chunks of later rounds combine.
constexpr ReduceKind next_round(ReduceKind k) {
  return k == ReduceKind::kSumSquare ? ReduceKind::kSum : k;
}

/// n elements in the accumulator type: where they lie, or converted into `scratch`.
template <class T, class A>
const A* load(const T* x, int64_t n, A* scratch) {
  if constexpr (std::is_same_v<T, A>) {
    return x;
  } else {
    if constexpr (is_widened<T>)
      convert(x, scratch, n);
    else
      for (int64_t i = 0; i < n; ++i) scratch[i] = x[i];
    return scratch;
  }
}

/// lanes[l][w]: lane l of column w, `width` columns side by side.
template <ReduceKind kKind, class A>
void fold_lanes(A* lanes, int64_t width) {
  for (int64_t half = kLanes / 2; half > 0; half /= 2)
    for (int64_t i = 0; i < half * width; ++i)
      lanes[i] = combine<kKind>(lanes[i], lanes[i + half * width]);
}

/// y[r]: row r of `x` [rows, n], one chunk.
template <ReduceKind kKind, class A>
void reduce_rows(const A* x, int64_t rows, int64_t n, A* y) {
  if constexpr (std::is_same_v<A, float>)
    HALFTONE_ISA_PICK(reduce_rows_f32)(kKind, x, rows, n, y);
  else
    for (int64_t r = 0; r < rows; ++r) y[r] = combine_row<kKind>(x + r * n, n);
}

template <ReduceKind kKind, class A>
void reduce_columns(A* to, int64_t width, const A* x, int64_t first, int64_t rows) {
  if constexpr (std::is_same_v<A, float>)
    HALFTONE_ISA_PICK(reduce_columns_f32)(kKind, to, width, x, first, rows);
  else
    combine_columns<kKind>(to, width, x, first, rows);
}

/// The chunk of n terms from position `first` of plan.reduced, for the one result whose terms start
/// at x.
template <ReduceKind kKind, class T, class A>
A reduce_chunk(Walk walk, const T* x, int64_t first, int64_t n) {
  alignas(64) A scratch[kChunk];
  walk.seek(first);
  const A* terms = scratch;
  if (walk.run() >= n) {
    terms = load(x + walk.offset, n, scratch);
  } else {
    for (int64_t done = 0; done < n;) {
      const int64_t run = std::min(walk.run(), n - done);
      const A* part = load(x + walk.offset, run, scratch + done);
      if (part != scratch + done) std::copy(part, part + run, scratch + done);
      walk.advance(run);
      done += run;
    }
  }
  A result;
  reduce_rows<kKind>(terms, 1, n, &result);
  return result;
}

/// The same for `width` neighbouring results; `to` gets one value for each.
template <ReduceKind kKind, class T, class A>
void reduce_chunk_columns(Walk walk, const T* x, int64_t first, int64_t n, int64_t width, A* to) {
  alignas(64) A scratch[kBlock];
  alignas(64) A lanes[kLanes * kTile<A>];
  for (int64_t i = 0; i < kLanes * width; ++i) lanes[i] = identity<kKind, A>();
  walk.seek(first);
  for (int64_t done = 0; done < n;) {
    // Rows that follow one another in memory are loaded together.
    const bool dense = walk.count > 0 && walk.strides[walk.count - 1] == width;
    const int64_t rows = dense ? std::min({kBlock / width, walk.run(), n - done}) : 1;
    const A* row = load(x + walk.offset, rows * width, scratch);
    reduce_columns<kKind>(lanes, width, row, done, rows);
    walk.advance(rows);
    done += rows;
  }
  fold_lanes<kKind>(lanes, width);
  std::copy(lanes, lanes + width, to);
}

/// Rows of one chunk each that follow one another in memory: loaded many at a time.
template <ReduceKind kKind, class T, class A>
void reduce_short_rows(const KernelContext& context, int64_t rows, int64_t n, const T* x, A* to) {
  const int64_t batch = kBlock / n;
  context.parallel_for(rows, kElementwiseGrain / n, [&](int64_t begin, int64_t end) {
    alignas(64) A scratch[kBlock];
    for (int64_t r = begin; r < end; r += batch) {
      const int64_t count = std::min(batch, end - r);
      reduce_rows<kKind>(load(x + r * n, count * n, scratch), count, n, to + r);
    }
  });
}

/// One round: to[chunk * plan.results + result], for all chunks.
template <ReduceKind kKind, class T, class A>
void reduce_round(const KernelContext& context, const ReducePlan& plan, const T* x, A* to) {
  const int64_t chunks = (plan.terms + kChunk - 1) / kChunk;
  if (plan.columns == 1 && chunks == 1 && plan.kept.count <= 1 && plan.reduced.count <= 1)
    return reduce_short_rows<kKind>(context, plan.results, plan.terms, x, to);
  constexpr int64_t kSide = kTile<A>;
  const int64_t tiles = (plan.columns + kSide - 1) / kSide;
  const int64_t items = plan.kept.positions() * tiles * chunks;
  const int64_t cost = std::min(plan.terms, kChunk) * std::min(plan.columns, kSide);
  context.parallel_for(items, kElementwiseGrain / cost, [&](int64_t begin, int64_t end) {
    Walk kept = plan.kept;
    kept.seek(begin / (tiles * chunks));
    int64_t position = begin / (tiles * chunks);
    for (int64_t item = begin; item < end; ++item) {
      const int64_t chunk = item % chunks, tile = item / chunks % tiles,
                    at = item / (tiles * chunks);
      if (at != position) {
        kept.advance(1);
        position = at;
      }
      const int64_t first = chunk * kChunk, n = std::min(kChunk, plan.terms - first);
      A* result = to + chunk * plan.results + at * plan.columns + tile * kSide;
      const T* from = x + kept.offset + tile * kSide;
      if (plan.columns == 1)
        *result = reduce_chunk<kKind, T, A>(plan.reduced, from, first, n);
      else
        reduce_chunk_columns<kKind, T, A>(plan.reduced, from, first, n,
                                          std::min(kSide, plan.columns - tile * kSide), result);
    }
  });
}

/// All rounds: one value per result.
template <ReduceKind kKind, class T, class A>
std::vector<A> reduce_all(const KernelContext& context, const ReducePlan& plan, const T* x) {
  const int64_t chunks = (plan.terms + kChunk - 1) / kChunk;
  std::vector<A> values(static_cast<size_t>(plan.results * chunks));
  reduce_round<kKind, T, A>(context, plan, x, values.data());
  if (chunks == 1) return values;
  const bool is_reduced[kMaxRank] = {true, false};
  return reduce_all<next_round(kKind), A, A>(
      context, ReducePlan(Shape{chunks, plan.results}, is_reduced), values.data());
}

/// y[i] = values[i], divided for a mean, rounded once to T.
template <ReduceKind kKind, class T, class A>
void store(std::vector<A>& values, int64_t terms, T* y) {
  const int64_t n = static_cast<int64_t>(values.size());
  if constexpr (kKind == ReduceKind::kMean)
    for (A& v : values) v = math::divide(v, static_cast<A>(terms));
  if constexpr (is_widened<T>)
    convert(values.data(), y, n);
  else
    for (int64_t i = 0; i < n; ++i) y[i] = static_cast<T>(values[static_cast<size_t>(i)]);
}

/// Terms one after the other, each sum rounded to float16.
template <ReduceKind kKind>
void reduce_in_float16(const KernelContext& context, const ReducePlan& plan) {
  const f16* x = context.in(0).as<f16>();
  f16* y = context.out().as<f16>();
  const int64_t grain = std::max<int64_t>(1, kElementwiseGrain / 8 / plan.terms);
  context.parallel_for(plan.results, grain, [&](int64_t begin, int64_t end) {
    Walk kept = plan.kept, reduced = plan.reduced;
    for (int64_t result = begin; result < end; ++result) {
      kept.seek(result / plan.columns);
      reduced.seek(0);
      const f16* from = x + kept.offset + result % plan.columns;
      f16 sum = to_f16(identity<kKind, float>());
      for (int64_t i = 0; i < plan.terms; ++i) {
        const f16 v = from[reduced.offset];
        if constexpr (kKind == ReduceKind::kSumSquare)
          sum = fma_f16(v, v, sum);
        else
          sum = to_f16(combine<kKind>(to_float(sum), to_float(v)));
        reduced.advance(1);
      }
      if constexpr (kKind == ReduceKind::kMean)
        sum = to_f16(to_float(sum) / static_cast<float>(plan.terms));
      y[result] = sum;
    }
  });
}

template <class Row>
Status reduce_cpu(const typename Reduce<Row>::Params& p, const KernelContext& context) {
  constexpr ReduceKind kKind = Row::kKind;
  const TensorView &x = context.in(0), &y = context.out();
  bool half = false;
  if constexpr (!is_extremum(kKind)) half = p.accumulate == Accumulate::kFloat16;
  bool reduced[kMaxRank];
  HALFTONE_TRY(reduced_axes(p.axes, x.shape.rank, reduced));
  dispatch(x.dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    if constexpr (!std::is_same_v<T, Bool>) {
      using A = Accumulator<T>;
      if (x.elements() == 0) {  // nothing to walk, but there may be results
        using Limit = std::conditional_t<std::is_integral_v<T>, T, A>;
        std::vector<Limit> nothing(static_cast<size_t>(y.elements()), identity<kKind, Limit>());
        store<kKind>(nothing, 0, y.as<T>());
        return;
      }
      const ReducePlan plan(x.shape, reduced);
      if constexpr (!is_extremum(kKind) && std::is_same_v<T, f16>)
        if (half) return reduce_in_float16<kKind>(context, plan);
      std::vector<A> values = reduce_all<kKind, T, A>(context, plan, x.as<T>());
      store<kKind>(values, plan.terms, y.as<T>());
    }
  });
  const char* arithmetic = half                  ? "float16"
                           : is_integer(x.dtype) ? integer_accumulator(x.dtype)
                                                 : name(compute_dtype(x.dtype));
  const std::string kernel =
      concat(Row::kName, "_", info(x.dtype).short_name, half ? "_sequential" : "_lanes16");
  context.made_by(kernel.c_str(), name(x.dtype), arithmetic, arithmetic);
  return {};
}

}  // namespace

std::vector<CpuOp> reduce_cpu_ops() {
  return {
#define HALFTONE_REDUCE_ROW(Type, name, kind, doc) cpu_op<Type, reduce_cpu<Type##Row>>(),
      HALFTONE_REDUCE_TABLE(HALFTONE_REDUCE_ROW)
#undef HALFTONE_REDUCE_ROW
  };
}

}  // namespace halftone
