// Reductions on the emulated device: extrema, positions, integers and float16 sums are the CPU's
// bit for bit, float sums lie within their bound.
#include "cuda_compare.h"
#include "ops/arg_reduce/arg_reduce.h"
#include "ops/min_max/min_max.h"
#include "ops/reduce/reduce.h"
#include "quant_oracle.h"
#include "thinned.h"
#include "tolerance.h"

using namespace halftone;
using namespace halftone::test;

namespace {

constexpr DType kAll[] = {DType::kF32, DType::kF16, DType::kBF16, DType::kF64,
                          DType::kS8,  DType::kU8,  DType::kS16,  DType::kU16,
                          DType::kS32, DType::kS64, DType::kU32,  DType::kU64};

void set(HostTensor& t, int64_t i, double v) {
  dispatch(t.dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    if constexpr (std::is_same_v<T, f16>)
      t.as<T>()[i] = to_f16(v);
    else if constexpr (std::is_same_v<T, bf16>)
      t.as<T>()[i] = to_bf16(v);
    else if constexpr (!std::is_same_v<T, Bool>)
      t.as<T>()[i] = static_cast<T>(v);
  });
}

/// Small numbers with many equal ones; integers of all sizes where `wide`.
HostTensor random_tensor(DType dtype, const Shape& shape, Rng& rng, bool wide = false) {
  HostTensor t(dtype, shape);
  for (int64_t i = 0; i < shape.elements(); ++i) {
    if (is_integer(dtype) && wide)
      dispatch(dtype, [&](auto tag) {
        using T = typename decltype(tag)::type;
        if constexpr (std::is_integral_v<T>) t.as<T>()[i] = static_cast<T>(rng.bits());
      });
    else if (is_integer(dtype))
      set(t, i, static_cast<double>(rng.between(code_range(dtype).low < 0 ? -9 : 0, 9)));
    else
      set(t, i, static_cast<double>(rng.between(-40, 40)) / 64);
  }
  return t;
}

struct AxesCase {
  Shape shape;
  IntList axes;
};
/// Rows and columns around the widths of a pack, a warp and a block, long enough for pieces, and
/// axes of alternating fate.
std::vector<AxesCase> axes_cases() {
  return {{{}, {}},
          {{1}, {0}},
          {{5}, {}},
          {{7, 3}, {1}},
          {{7, 3}, {0}},
          {{300, 8}, {1}},
          {{300, 8}, {0}},
          {{9, 33}, {1}},
          {{33, 9}, {0}},
          {{4, 257}, {-1}},
          {{5, 2047}, {1}},
          {{3, 2064}, {1}},
          {{40007}, {}},
          {{40016}, {}},
          {{2, 20000}, {1}},
          {{20000, 2}, {0}},
          {{9000, 24}, {0}},
          {{700, 130}, {0}},
          {{16, 3, 49}, {0, 2}},
          {{16, 3, 48}, {0, 2}},
          {{3, 5, 4, 16}, {0, 2}},
          {{3, 5, 4, 7}, {1, 3}},
          {{2, 3, 2, 3, 2, 3, 2, 3}, {0, 2, 4, 6}},
          {{2, 3, 2, 3, 2, 3, 2, 3}, {1, 3, 5, 7}},
          {{4, 1, 6}, {1}},
          {{0, 3}, {0}},
          {{3, 0}, {0}},
          {{2, 0, 3}, {}}};
}
std::string label(const AxesCase& c, DType t) {
  return concat(name(t), " ", c.shape, " axes ", c.axes.shape());
}

/// The exact results: sum of f(x), and of its absolute values, in double.
struct Sums {
  std::vector<double> y, magnitude;
  int64_t terms = 1;
};
template <class F>
Sums exact(HostTensor& x, const AxesCase& c, F&& f) {
  bool reduced[kMaxRank];
  static_cast<void>(reduced_axes(c.axes, x.shape.rank, reduced));
  int64_t results = 1;
  Sums s;
  for (int k = 0; k < x.shape.rank; ++k) (reduced[k] ? s.terms : results) *= x.shape[k];
  s.y.resize(static_cast<size_t>(results));
  s.magnitude.resize(s.y.size());
  for (int64_t i = 0; i < x.shape.elements(); ++i) {
    int64_t rest = i, at = 0, step = 1;
    for (int k = x.shape.rank - 1; k >= 0; --k) {
      if (!reduced[k]) {
        at += rest % x.shape[k] * step;
        step *= x.shape[k];
      }
      rest /= x.shape[k];
    }
    const double v = f(number_at(x, i));
    s.y[static_cast<size_t>(at)] += v;
    s.magnitude[static_cast<size_t>(at)] += std::fabs(v);
  }
  return s;
}

template <class Op, class F>
void check_sums(const AxesCase& c, DType type, Rng& rng, bool mean, F&& f) {
  HostTensor x = random_tensor(type, c.shape, rng);
  ReduceParams p;
  p.axes = c.axes;
  RunResult r = run_cuda<Op>(p, {&x}), again = run_cuda<Op>(p, {&x});
  CHECK_OK(r.status);
  if (!r.status.ok()) return;
  CHECK(r.outputs[0].bytes == again.outputs[0].bytes);
  Sums want = exact(x, c, f);
  for (size_t i = 0; i < want.y.size(); ++i) {
    const double divisor = mean ? static_cast<double>(want.terms) : 1;
    const double got = number_at(r.outputs[0], static_cast<int64_t>(i));
    const double y = want.y[i] / divisor;
    if (want.terms == 0) {
      CHECK(mean ? std::isnan(got) : got == 0);
      continue;
    }
    // One more term for the division of a mean. float64: its sums are those of float32 with its own
    // unit.
    double bound =
        product_bound(type, Compute::kFloat32, want.terms + 1, y, want.magnitude[i] / divisor);
    if (type == DType::kF64)
      bound = 4 * std::sqrt(static_cast<double>(want.terms + 1)) * 0x1p-53 * want.magnitude[i] /
              divisor;
    if (!(std::fabs(got - y) <= bound))
      check::fail(Op::kName, 0,
                  concat(label(c, type), " result ", i, ": ", got, ", want ", y, " +- ", bound));
  }
}

}  // namespace

TEST(float_sums_lie_within_their_bounds) {
  Rng rng(1);
  Thinned thinned(3);
  for (const AxesCase& c : axes_cases())
    for (const DType type : {DType::kF32, DType::kF16, DType::kBF16, DType::kF64}) {
      if (thinned.skip()) continue;
      check_sums<ReduceSum>(c, type, rng, false, [](double v) { return v; });
      check_sums<ReduceMean>(c, type, rng, true, [](double v) { return v; });
      check_sums<ReduceSumSquare>(c, type, rng, false, [](double v) { return v * v; });
    }
}

TEST(integers_are_exact) {
  Rng rng(2);
  Thinned thinned(5);
  for (const AxesCase& c : axes_cases())
    for (const DType type : kAll) {
      if (!is_integer(type) || thinned.skip()) continue;
      HostTensor x = random_tensor(type, c.shape, rng, true);
      ReduceParams p;
      p.axes = c.axes;
      same_as_cpu<ReduceSum>(label(c, type), p, {&x});
      same_as_cpu<ReduceSumSquare>(label(c, type), p, {&x});
      same_as_cpu<ReduceProd>(label(c, type), p, {&x});
      if (x.shape.elements() > 0) same_as_cpu<ReduceMean>(label(c, type), p, {&x});
    }
}

TEST(extrema_and_their_positions_are_exact) {
  Rng rng(3);
  Thinned thinned(11);
  for (const AxesCase& c : axes_cases())
    for (const DType type : kAll)
      for (const bool special : {false, true}) {
        if (thinned.skip()) continue;
        HostTensor x = random_tensor(type, c.shape, rng, special);
        const int64_t n = x.shape.elements();
        if (special && is_float(type) && n > 0)
          for (const double v : {double{NAN}, double{INFINITY}, -double{INFINITY}, -0.0, 0.0})
            set(x, rng.between(0, n - 1), v);
        ExtremumParams p;
        p.axes = c.axes;
        same_as_cpu<ReduceMax>(label(c, type), p, {&x});
        same_as_cpu<ReduceMin>(label(c, type), p, {&x});
        for (int64_t axis = 0; axis < c.shape.rank; ++axis) {
          if (c.shape[static_cast<int>(axis)] == 0 && n == 0) continue;
          same_as_cpu<ArgMax>(concat(label(c, type), " at ", axis), {.axis = axis}, {&x});
          same_as_cpu<ArgMin>(concat(label(c, type), " at ", axis), {.axis = axis}, {&x});
        }
      }
}

TEST(the_first_of_equal_extrema_is_found_in_all_pieces) {
  for (const int64_t n : {64, 1000, 70000})
    for (const int64_t at : {int64_t{0}, n / 2, n - 1}) {
      HostTensor rows(DType::kF32, {n}), columns(DType::kF32, {n, 3});
      for (int64_t i = at; i < n; ++i) {
        rows.as<float>()[i] = 1;
        for (int k = 0; k < 3; ++k) columns.as<float>()[i * 3 + k] = 1;
      }
      for (HostTensor* x : {&rows, &columns}) {
        RunResult r = run_cuda<ArgMax>({.axis = 0}, {x});
        CHECK_OK(r.status);
        for (const int64_t index : r.outputs[0].values<int64_t>()) CHECK_EQ(index, at);
      }
    }
}

TEST(products_of_powers_of_two_are_exact) {
  Rng rng(4);
  Thinned thinned(3);
  for (const AxesCase& c : axes_cases())
    for (const DType type : {DType::kF32, DType::kF16, DType::kBF16, DType::kF64}) {
      if (thinned.skip()) continue;
      HostTensor x(type, c.shape);
      for (int64_t i = 0; i < c.shape.elements(); ++i) set(x, i, rng.bits() & 1 ? 1 : -1);
      ReduceParams p;
      p.axes = c.axes;
      same_as_cpu<ReduceProd>(label(c, type), p, {&x});
    }
}

TEST(float16_sums_are_rounded_after_each_term) {
  Rng rng(5);
  Thinned thinned(3);
  for (const AxesCase& c : axes_cases()) {
    if (thinned.skip()) continue;
    HostTensor x = random_tensor(DType::kF16, c.shape, rng);
    ReduceParams p;
    p.axes = c.axes;
    p.accumulate = Accumulate::kFloat16;
    if (x.shape.elements() == 0) {
      CHECK_OK(run_cuda<ReduceSum>(p, {&x}).status);
      continue;
    }
    same_as_cpu<ReduceSum>(label(c, DType::kF16), p, {&x});
    same_as_cpu<ReduceMean>(label(c, DType::kF16), p, {&x});
    same_as_cpu<ReduceSumSquare>(label(c, DType::kF16), p, {&x});
    const RunResult r = same_as_cpu<ReduceProd>(label(c, DType::kF16), p, {&x});
    CHECK_EQ(std::string(r.provenance.accumulate), "float16");
  }
  HostTensor ones(DType::kF16, {5000});
  for (int i = 0; i < 5000; ++i) set(ones, i, 1);
  ReduceParams p;
  p.accumulate = Accumulate::kFloat16;
  RunResult r = run_cuda<ReduceSum>(p, {&ones});
  CHECK_EQ(to_float(r.outputs[0].as<f16>()[0]), 2048.0f);  // where adding ones stops
}

TEST(ranges_are_those_of_the_cpu) {
  Rng rng(6);
  std::vector<LayoutCase> table = layout_cases();
  table.push_back({Shape{300, 1500}, {1, 1}});
  table.push_back({Shape{3, 20000}, {1, 0}});
  Thinned thinned(5);
  for (const LayoutCase& c : table)
    for (const DType type : {DType::kF32, DType::kF16, DType::kBF16})
      for (const bool special : {false, true}) {
        if (thinned.skip()) continue;
        HostTensor x = random_tensor(type, c.shape, rng);
        const int64_t n = x.shape.elements();
        for (int64_t i = 0; i < n; ++i)  // the CPU's zeros have the sign of the first one
          if (number_at(x, i) == 0) set(x, i, 1);
        if (special && n > 0) {
          for (const double v : {double{INFINITY}, -double{INFINITY}, 1e-40})
            set(x, rng.between(0, n - 1), v);
          set(x, rng.between(0, n - 1), rng.bits() & 1 ? double{NAN} : -double{NAN});
        }
        same_as_cpu<MinMax>(concat(name(type), " ", c.shape), {.axis = c.axis}, {&x});
      }
}
