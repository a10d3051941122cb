// Reductions against the documented order of operations, term by term and bit for bit; and argMax,
// argMin.
#include "ops/reduce/reduce.h"

#include <random>

#include "check.h"
#include "core/arithmetic.h"
#include "core/elementwise.h"
#include "each_isa.h"
#include "ops/arg_reduce/arg_reduce.h"
#include "run_op.h"
#include "tolerance.h"

using namespace halftone;
using namespace halftone::test;

namespace {

template <class T>
double value_of(T x) {
  if constexpr (is_widened<T>)
    return to_float(x);
  else
    return static_cast<double>(x);
}

template <class T>
T from_double(double x) {
  if constexpr (std::is_same_v<T, f16>)
    return to_f16(x);
  else if constexpr (std::is_same_v<T, bf16>)
    return to_bf16(x);
  else
    return static_cast<T>(x);
}

template <class T>
HostTensor noise(Shape shape, double scale) {
  HostTensor x(dtype_of<T>, shape);
  std::mt19937 random(5);
  std::uniform_real_distribution<double> uniform(-0.4, 1);
  for (int64_t i = 0; i < shape.elements(); ++i)
    x.as<T>()[i] = from_double<T>(scale * uniform(random));
  return x;
}

// The elements that meet in each result, in index order.
template <class T>
std::vector<std::vector<T>> groups(HostTensor& x, const IntList& axes) {
  bool reduced[kMaxRank];
  CHECK_OK(reduced_axes(axes, x.shape.rank, reduced));
  int64_t results = 1;
  for (int k = 0; k < x.shape.rank; ++k)
    if (!reduced[k]) results *= x.shape[k];
  std::vector<std::vector<T>> all(static_cast<size_t>(results));
  for (int64_t i = 0; i < x.shape.elements(); ++i) {
    int64_t rest = i, result = 0, step = 1;
    for (int k = x.shape.rank - 1; k >= 0; --k) {
      const int64_t at = rest % x.shape[k];
      rest /= x.shape[k];
      if (reduced[k]) continue;
      result += at * step;
      step *= x.shape[k];
    }
    all[static_cast<size_t>(result)].push_back(x.as<T>()[i]);
  }
  return all;
}

// The order that reduce.h documents, written down once more.
template <class A, class F>
A in_documented_order(std::vector<A> terms, A start, F combine) {
  if (terms.empty()) return start;
  for (bool first = true; first || terms.size() > 1; first = false) {
    std::vector<A> next;
    for (size_t begin = 0; begin < terms.size(); begin += 1024) {
      std::vector<A> lanes(16, start);
      for (size_t i = begin; i < std::min(begin + 1024, terms.size()); ++i)
        lanes[(i - begin) % 16] = combine(lanes[(i - begin) % 16], terms[i]);
      for (size_t half : {8, 4, 2, 1})
        for (size_t k = 0; k < half; ++k) lanes[k] = combine(lanes[k], lanes[k + half]);
      next.push_back(lanes[0]);
    }
    terms = next;
  }
  return terms[0];
}

template <class A, class T>
std::vector<A> widened(const std::vector<T>& x, bool square) {
  std::vector<A> y;
  for (T v : x) {
    A a;
    if constexpr (is_widened<T>)
      a = to_float(v);
    else
      a = static_cast<A>(v);
    y.push_back(square ? math::multiply(a, a) : a);
  }
  return y;
}

struct Case {
  Shape shape;
  IntList axes;
};
const Case kCases[] = {
    {{}, {}},
    {{1}, {}},
    {{5}, {0}},
    {{16}, {}},
    {{1023}, {}},
    {{1024}, {-1}},
    {{1025}, {}},
    {{70000}, {}},
    {{3, 5}, {1}},
    {{3, 5}, {0}},
    {{40, 1500}, {1}},
    {{1500, 40}, {0}},
    {{1500, 65}, {0}},
    {{2100, 3}, {0}},
    {{2100, 1}, {0}},
    {{2, 3, 4, 5}, {0, 2}},
    {{2, 3, 4, 5}, {1, 3}},
    {{2, 3, 4, 5}, {-1, 0}},
    {{30, 4, 50}, {0, 2}},
    {{3, 40, 50, 7}, {1, 2}},
    {{1, 1, 3}, {0, 1}},
    {{2, 2, 2, 2, 2, 2, 2, 2}, {0, 2, 4, 6}},
    {{3, 70, 129}, {1}},
};

template <class T, class A>
void check_order(double scale) {
  for (const Case& c : kCases) {
    HostTensor x = noise<T>(c.shape, scale);
    RunResult sum = run_op<ReduceSum>({c.axes}, {&x}), mean = run_op<ReduceMean>({c.axes}, {&x}),
              square = run_op<ReduceSumSquare>({c.axes, true}, {&x}),
              prod = run_op<ReduceProd>({c.axes}, {&x}), max = run_op<ReduceMax>({c.axes}, {&x}),
              min = run_op<ReduceMin>({c.axes, true}, {&x});
    for (RunResult* r : {&sum, &mean, &square, &prod, &max, &min}) CHECK_OK(r->status);
    const auto all = groups<T>(x, c.axes);
    CHECK_EQ(static_cast<size_t>(sum.outputs[0].shape.elements()), all.size());
    CHECK_EQ(square.outputs[0].shape.rank, c.shape.rank);
    for (size_t i = 0; i < all.size(); ++i) {
      const auto a = widened<A>(all[i], false);
      const A total = in_documented_order<A>(a, 0, math::add<A>);
      auto same = [&](RunResult& r, A want) {
        CHECK_EQ(value_of(r.outputs[0].as<T>()[i]),
                 value_of(from_double<T>(static_cast<double>(want))));
      };
      same(sum, total);
      same(mean, math::divide(total, static_cast<A>(a.size())));
      same(square, in_documented_order<A>(widened<A>(all[i], true), 0, math::add<A>));
      same(prod, in_documented_order<A>(a, 1, math::multiply<A>));
      same(max, *std::max_element(a.begin(), a.end()));
      same(min, *std::min_element(a.begin(), a.end()));
    }
  }
}

template <class T>
void check_integers() {
  std::mt19937_64 random(9);
  for (const Case& c : kCases) {
    HostTensor x(dtype_of<T>, c.shape);
    for (int64_t i = 0; i < c.shape.elements(); ++i) x.as<T>()[i] = static_cast<T>(random());
    const auto all = groups<T>(x, c.axes);
    RunResult sum = run_op<ReduceSum>({c.axes}, {&x}),
              square = run_op<ReduceSumSquare>({c.axes}, {&x}),
              prod = run_op<ReduceProd>({c.axes}, {&x}), mean = run_op<ReduceMean>({c.axes}, {&x}),
              max = run_op<ReduceMax>({c.axes}, {&x}), min = run_op<ReduceMin>({c.axes}, {&x});
    for (size_t i = 0; i < all.size(); ++i) {
      uint64_t s = 0, q = 0, p = 1;
      for (T v : all[i]) {
        const auto u = static_cast<uint64_t>(static_cast<int64_t>(v));
        s += u;
        q += u * u;
        p *= u;
      }
      CHECK_EQ(sum.outputs[0].template as<T>()[i], static_cast<T>(s));
      CHECK_EQ(square.outputs[0].template as<T>()[i], static_cast<T>(q));
      CHECK_EQ(prod.outputs[0].template as<T>()[i], static_cast<T>(p));
      CHECK_EQ(mean.outputs[0].template as<T>()[i],
               static_cast<T>(static_cast<int64_t>(s) / static_cast<int64_t>(all[i].size())));
      CHECK_EQ(max.outputs[0].template as<T>()[i], *std::max_element(all[i].begin(), all[i].end()));
      CHECK_EQ(min.outputs[0].template as<T>()[i], *std::min_element(all[i].begin(), all[i].end()));
    }
  }
}

template <class Op>
std::string refusal(HostTensor x, typename Op::Params params) {
  return run_op<Op>(params, {&x}).status.message;
}

template <class Op, class T>
T reduce_one(std::vector<T> values, typename Op::Params params = {}) {
  HostTensor x({static_cast<int64_t>(values.size())}, values);
  RunResult r = run_op<Op>(params, {&x});
  CHECK_OK(r.status);
  return r.outputs[0].template as<T>()[0];
}

constexpr float kInf = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

}  // namespace

TEST(floats_are_combined_in_the_documented_order) {
  for_each_isa([](Isa) {
    check_order<f16, float>(1.5);
    check_order<bf16, float>(1.5);
  });
  check_order<float, float>(1.5);
  check_order<double, double>(1.5);
}

TEST(integers_wrap) {
  check_integers<int8_t>();
  check_integers<uint8_t>();
  check_integers<int16_t>();
  check_integers<uint16_t>();
  check_integers<int32_t>();
  check_integers<int64_t>();
}

TEST(a_long_float32_sum_stays_near_the_exact_one) {
  HostTensor x = noise<float>({1 << 20}, 1);
  RunResult r = run_op<ReduceSum>({}, {&x});
  double exact = 0, magnitude = 0;
  for (int64_t i = 0; i < x.shape.elements(); ++i) {
    exact += x.as<float>()[i];
    magnitude += std::fabs(x.as<float>()[i]);
  }
  // Each round: 64 terms of a lane and 4 folds; two rounds.
  const double bound = 2 * 68 * unit_roundoff(DType::kF32) * magnitude;
  CHECK(std::fabs(r.outputs[0].as<float>()[0] - exact) <= bound);
  CHECK(std::fabs(r.outputs[0].as<float>()[0] - exact) <=
        product_bound(DType::kF32, Compute::kFloat32, x.shape.elements(), exact, magnitude));
}

TEST(float16_sums_stagnate_as_asked) {
  const std::vector<f16> ones(5000, to_f16(1.0f));
  CHECK_EQ(to_float(reduce_one<ReduceSum>(ones)), 5000.0f);
  CHECK_EQ(to_float(reduce_one<ReduceSum>(ones, {{}, false, Accumulate::kFloat16})), 2048.0f);
  CHECK_EQ(to_float(reduce_one<ReduceMean>(ones, {{}, false, Accumulate::kFloat16})),
           to_float(to_f16(2048.0f / 5000)));
  const std::vector<f16> large(4, to_f16(300.0f));
  CHECK_EQ(to_float(reduce_one<ReduceSumSquare>(large)), kInf);
  CHECK_EQ(to_float(reduce_one<ReduceMean>(std::vector<f16>(4, to_f16(60000.0f)))), 60000.0f);
  CHECK_EQ(to_float(reduce_one<ReduceMean>(std::vector<f16>(4, to_f16(60000.0f)),
                                           {{}, false, Accumulate::kFloat16})),
           kInf);
}

TEST(float16_sums_round_after_each_term) {
  for (const Case& c : kCases) {
    HostTensor x = noise<f16>(c.shape, 1.2);
    const ReduceParams params{c.axes, false, Accumulate::kFloat16};
    RunResult sum = run_op<ReduceSum>(params, {&x}), square = run_op<ReduceSumSquare>(params, {&x}),
              prod = run_op<ReduceProd>(params, {&x});
    CHECK_OK(sum.status);
    CHECK_EQ(std::string(sum.provenance.accumulate), "float16");
    const auto all = groups<f16>(x, c.axes);
    for (size_t i = 0; i < all.size(); ++i) {
      f16 s = to_f16(0.0f), q = s, p = to_f16(1.0f);
      for (f16 v : all[i]) {
        s = fma_f16(v, to_f16(1.0f), s);
        q = fma_f16(v, v, q);
        p = to_f16(static_cast<double>(to_float(p)) * to_float(v));
      }
      CHECK_EQ(sum.outputs[0].as<f16>()[i].bits, s.bits);
      CHECK_EQ(square.outputs[0].as<f16>()[i].bits, q.bits);
      CHECK_EQ(prod.outputs[0].as<f16>()[i].bits, p.bits);
    }
  }
}

TEST(special_values) {
  CHECK_EQ(reduce_one<ReduceMax>(std::vector<float>{1, -kInf, 3}), 3.0f);
  CHECK_EQ(reduce_one<ReduceMin>(std::vector<float>{1, -kInf, 3}), -kInf);
  std::vector<float> x(40, 1.0f);
  x[33] = kNan;
  for (float y : {reduce_one<ReduceMax>(x), reduce_one<ReduceMin>(x), reduce_one<ReduceSum>(x)})
    CHECK(y != y);
  CHECK(!std::signbit(reduce_one<ReduceMax>(std::vector<float>{-0.0f, 0.0f, -0.0f})));
  CHECK(std::signbit(reduce_one<ReduceMin>(std::vector<float>{0.0f, -0.0f, 0.0f})));
  CHECK_EQ(reduce_one<ReduceMean>(std::vector<int32_t>{-3, -4}), -3);
}

TEST(nothing_to_reduce) {
  HostTensor x(DType::kF16, {2, 0, 3}), i(DType::kS8, {0}), u(DType::kU16, {0}),
      none(DType::kF32, {0, 4});
  auto first = [](RunResult r) {
    CHECK_OK(r.status);
    CHECK(r.outputs[0].shape == (Shape{2, 3}));
    return to_float(r.outputs[0].as<f16>()[5]);
  };
  CHECK_EQ(first(run_op<ReduceSum>({{1}}, {&x})), 0.0f);
  CHECK_EQ(first(run_op<ReduceSumSquare>({{1}}, {&x})), 0.0f);
  CHECK_EQ(first(run_op<ReduceProd>({{1}}, {&x})), 1.0f);
  CHECK_EQ(first(run_op<ReduceMax>({{1}}, {&x})), -kInf);
  CHECK_EQ(first(run_op<ReduceMin>({{1}}, {&x})), kInf);
  const float mean = first(run_op<ReduceMean>({{1}}, {&x}));
  CHECK(mean != mean);
  CHECK_EQ(run_op<ReduceMax>({}, {&i}).outputs[0].as<int8_t>()[0], -128);
  CHECK_EQ(run_op<ReduceMin>({}, {&i}).outputs[0].as<int8_t>()[0], 127);
  CHECK_EQ(run_op<ReduceMin>({}, {&u}).outputs[0].as<uint16_t>()[0], 65535);
  CHECK_EQ(run_op<ReduceSum>({{1}}, {&none}).outputs[0].shape.elements(), 0);
  CHECK_EQ(refusal<ReduceMean>(i, {}),
           "reduceMean: the mean of integers must have one term or more, got x [0]");
}

TEST(threads_do_not_matter) {
  ThreadPool one(1), three(3);
  for (const Case& c : {Case{{300000}, {}}, Case{{700, 300}, {1}}, Case{{3000, 70}, {0}}}) {
    HostTensor x = noise<f16>(c.shape, 1);
    CHECK(run_op<ReduceSum>({c.axes}, {&x}, one).outputs[0].bytes ==
          run_op<ReduceSum>({c.axes}, {&x}, three).outputs[0].bytes);
  }
}

TEST(refusals) {
  HostTensor f(DType::kF32, {2, 3}), b(DType::kBool, {2}), d(DType::kF64, {2});
  CHECK_EQ(refusal<ReduceSum>(b, {}), "reduceSum: x must be a float or an integer, got bool");
  CHECK_EQ(refusal<ReduceMax>(f, {{2}}),
           "reduceMax: axes must lie in [-2, 1] for a tensor of rank 2, got 2");
  CHECK_EQ(refusal<ReduceMax>(f, {{1, -1}}), "reduceMax: axes must be different, got [1, -1]");
  CHECK_EQ(refusal<ReduceSum>(f, {{}, false, Accumulate::kFloat16}),
           "reduceSum: accumulate 'float16' is offered for float16 only, got x of float32; "
           "nearest: leave accumulate out");
  CHECK_EQ(refusal<ReduceSum>(d, {{}, false, Accumulate::kFloat32}),
           "reduceSum: accumulate 'float32' is offered for float32, float16 and bfloat16, got x of "
           "float64; nearest: "
           "leave accumulate out");
  HostTensor scalar(DType::kF32, Shape{}), empty(DType::kF32, {2, 0});
  CHECK_EQ(refusal<ArgMax>(scalar, {}), "argMax: x must have rank 1 or more, got x []");
  CHECK_EQ(refusal<ArgMin>(empty, {}), "argMin: x must have an element along axis 1, got x [2, 0]");
  CHECK_EQ(refusal<ArgMin>(f, {3}),
           "argMin: axis must lie in [-2, 1] for a tensor of rank 2, got 3");
}

TEST(positions_of_extrema) {
  std::mt19937 random(4);
  for (const DTypeInfo& t : kDTypes) {
    if (t.dtype == DType::kBool || is_stored(t.dtype)) continue;
    for (const Shape& shape :
         {Shape{7}, Shape{3, 200}, Shape{200, 3}, Shape{4, 9, 130}, Shape{5, 1}, Shape{0, 4}})
      for (int axis = 0; axis < shape.rank; ++axis)
        dispatch(t.dtype, [&](auto tag) {
          using T = typename decltype(tag)::type;
          if constexpr (!std::is_same_v<T, Bool>) {
            if (shape[axis] == 0) return;
            HostTensor x(t.dtype, shape);
            for (int64_t i = 0; i < shape.elements(); ++i)
              x.as<T>()[i] = from_double<T>(static_cast<double>(random() % 12));
            RunResult greatest = run_op<ArgMax>({axis - shape.rank, true}, {&x}),
                      smallest = run_op<ArgMin>({axis}, {&x});
            CHECK_OK(greatest.status);
            CHECK_EQ(greatest.outputs[0].shape.rank, shape.rank);
            CHECK_EQ(smallest.outputs[0].shape.rank, shape.rank - 1);
            const IntList axes{axis};
            const auto all = groups<T>(x, axes);
            for (size_t i = 0; i < all.size(); ++i) {
              std::vector<double> v;
              for (T e : all[i]) v.push_back(value_of(e));
              CHECK_EQ(greatest.outputs[0].template as<int64_t>()[i],
                       std::max_element(v.begin(), v.end()) - v.begin());
              CHECK_EQ(smallest.outputs[0].template as<int64_t>()[i],
                       std::min_element(v.begin(), v.end()) - v.begin());
            }
          }
        });
  }
  HostTensor x({5}, std::vector<float>{1, kNan, 7, kNan, -2});
  CHECK_EQ(run_op<ArgMax>({}, {&x}).outputs[0].as<int64_t>()[0], 1);
  CHECK_EQ(run_op<ArgMin>({}, {&x}).outputs[0].as<int64_t>()[0], 1);
  HostTensor infinite({2}, std::vector<float>{-kInf, -kInf});
  CHECK_EQ(run_op<ArgMax>({}, {&infinite}).outputs[0].as<int64_t>()[0], 0);
}
