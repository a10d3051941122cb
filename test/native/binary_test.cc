// Binary functions and where: values of all dtypes against plain arithmetic, and broadcasting
// against index arithmetic.
#include "ops/binary/binary.h"

#include <random>

#include "check.h"
#include "core/elementwise.h"
#include "each_isa.h"
#include "ops/where/where.h"
#include "run_op.h"

using namespace halftone;
using namespace halftone::test;

namespace {

template <class T>
double value_of(T x) {
  if constexpr (std::is_same_v<T, Bool>)
    return x.value;
  else if constexpr (is_widened<T>)
    return to_float(x);
  else
    return static_cast<double>(x);
}

double element(HostTensor& t, int64_t i) {
  return dispatch(t.dtype,
                  [&](auto tag) { return value_of(t.as<typename decltype(tag)::type>()[i]); });
}

// A tensor of small integers, exact in every dtype, from a seed.
HostTensor small_integers(DType t, Shape shape, int seed, int low, int high) {
  HostTensor x(t, shape);
  std::mt19937 random(static_cast<unsigned>(seed));
  dispatch(t, [&](auto tag) {
    using T = typename decltype(tag)::type;
    for (int64_t i = 0; i < shape.elements(); ++i) {
      const int v = low + static_cast<int>(random() % static_cast<unsigned>(high - low + 1));
      if constexpr (std::is_same_v<T, f16>)
        x.as<T>()[i] = to_f16(static_cast<float>(v));
      else if constexpr (std::is_same_v<T, bf16>)
        x.as<T>()[i] = to_bf16(static_cast<float>(v));
      else if constexpr (std::is_same_v<T, Bool>)
        x.as<T>()[i] = Bool(v != 0);
      else
        x.as<T>()[i] = static_cast<T>(v);
    }
  });
  return x;
}

// Position in a tensor of `shape` that output position i of `out` reads.
int64_t source(const Shape& shape, const Shape& out, int64_t i) {
  int64_t at = 0, step = 1;
  for (int k = out.rank - 1; k >= 0; --k) {
    const int64_t coordinate = i % out[k];
    i /= out[k];
    const int j = k - (out.rank - shape.rank);
    if (j < 0) continue;
    if (shape[j] != 1) at += coordinate * step;
    step *= shape[j];
  }
  return at;
}

struct Shapes {
  Shape a, b, y;
};
const Shapes kBroadcasts[] = {
    {{}, {}, {}},
    {{0}, {1}, {0}},
    {{3, 0, 2}, {2}, {3, 0, 2}},
    {{1}, {1, 1}, {1, 1}},
    {{7}, {}, {7}},
    {{}, {2049}, {2049}},
    {{1025}, {1025}, {1025}},
    {{700, 3}, {3}, {700, 3}},
    {{3}, {700, 3}, {700, 3}},
    {{5, 1000}, {1000}, {5, 1000}},
    {{3, 5000}, {5000}, {3, 5000}},
    {{300, 1}, {300, 9}, {300, 9}},
    {{40, 1}, {1, 70}, {40, 70}},
    {{2, 3, 40, 50}, {1, 3, 1, 1}, {2, 3, 40, 50}},
    {{2, 1, 4, 1, 5}, {3, 1, 6, 1}, {2, 3, 4, 6, 5}},
    {{2, 3, 1, 5, 1, 2, 1, 3}, {2, 1, 4, 5, 6, 2, 2, 1}, {2, 3, 4, 5, 6, 2, 2, 3}},
    {{2, 5000, 1}, {5000, 4}, {2, 5000, 4}},
    {{33, 1, 1024}, {33, 2, 1024}, {33, 2, 1024}},
};

template <class Op, class F>
void check_small(DType ta, DType tb, const Shapes& s, F f) {
  HostTensor a = small_integers(ta, s.a, 1, 0, 9), b = small_integers(tb, s.b, 2, 1, 4);
  RunResult r = run_op<Op>({}, {&a, &b});
  CHECK_OK(r.status);
  if (!r.status.ok()) return;
  CHECK(r.outputs[0].shape == s.y);
  for (int64_t i = 0; i < s.y.elements(); ++i)
    CHECK_EQ(element(r.outputs[0], i),
             f(element(a, source(s.a, s.y, i)), element(b, source(s.b, s.y, i))));
}

template <class Op, class T, class Y = T>
void check_values(const std::vector<T>& a, const std::vector<T>& b,
                  const std::vector<Y>& expected) {
  const int64_t n = static_cast<int64_t>(a.size());
  HostTensor ta({n}, a), tb({n}, b);
  RunResult r = run_op<Op>({}, {&ta, &tb});
  CHECK_OK(r.status);
  for (int64_t i = 0; i < n; ++i) {
    const double got = element(r.outputs[0], i), want = value_of(expected[static_cast<size_t>(i)]);
    if (!((got != got && want != want) || (got == want && std::signbit(got) == std::signbit(want))))
      check::fail(__FILE__, __LINE__,
                  concat(Op::kName, "(", value_of(a[static_cast<size_t>(i)]), ", ",
                         value_of(b[static_cast<size_t>(i)]), "): ", got, " != ", want));
  }
}

template <class T>
void check_signed() {
  constexpr T low = std::numeric_limits<T>::min(), high = std::numeric_limits<T>::max();
  check_values<Add, T>({high, low, 3}, {1, -1, -5}, {low, high, -2});
  check_values<Sub, T>({low, high, 3}, {1, -1, 5}, {high, low, -2});
  check_values<Mul, T>({low, high, -3}, {-1, high, 5}, {low, 1, -15});
  check_values<Div, T>({7, -7, 7, -7, low, 5, 0}, {2, 2, -2, -2, -1, 0, 0},
                       {3, -3, -3, 3, low, 0, 0});
  check_values<Min, T>({low, 1, -1}, {high, -1, 1}, {low, -1, -1});
  check_values<Max, T>({low, 1, -1}, {high, -1, 1}, {high, 1, 1});
  check_values<Pow, T>({2, -2, -1, -1, 1, 0, 0, 5, 2, high}, {6, 3, -3, -2, -9, -1, 0, -1, 63, 2},
                       {64, -8, -1, 1, 1, 0, 1, 0, sizeof(T) == 8 ? low : T{0}, 1});
  check_values<Less, T, uint8_t>({low, 1, 1}, {high, 1, 0}, {1, 0, 0});
}

template <class T>
void check_unsigned() {
  constexpr T high = std::numeric_limits<T>::max();
  check_values<Add, T>({high, 1}, {1, 2}, {0, 3});
  check_values<Sub, T>({0, 5}, {1, 2}, {high, 3});
  check_values<Mul, T>({high, 3}, {high, 5}, {1, 15});
  check_values<Div, T>({high, 7, 1}, {2, 0, high}, {high / 2, 0, 0});
  check_values<Pow, T>({2, 3, high}, {5, 0, 2}, {32, 1, 1});
}

template <class T>
T nearest(double x) {
  if constexpr (std::is_same_v<T, f16>)
    return to_f16(x);
  else
    return to_bf16(x);
}

// float64 holds sums, differences and products of 16-bit floats exactly or far from ties, and its
// quotients round the same in the end: 53 >= 2 * 11 + 2.
template <class T>
void check_rounding() {
  std::mt19937 random(3);
  std::vector<T> a, b, sum, difference, product, quotient, least, greatest;
  std::vector<uint8_t> less, equal;
  for (int i = 0; i < 200000; ++i) {
    T x, y;
    x.bits = static_cast<uint16_t>(random());
    y.bits = static_cast<uint16_t>(i % 3 == 0 ? x.bits ^ (random() & 0x8003) : random());
    const double u = to_float(x), v = to_float(y);
    a.push_back(x);
    b.push_back(y);
    sum.push_back(nearest<T>(u + v));
    difference.push_back(nearest<T>(u - v));
    product.push_back(nearest<T>(u * v));
    quotient.push_back(nearest<T>(u / v));
    const bool nan = u != u || v != v, x_is_less = u < v || (u == v && std::signbit(u));
    least.push_back(nan ? nearest<T>(std::nan("")) : x_is_less ? x : y);
    greatest.push_back(nan ? nearest<T>(std::nan("")) : x_is_less ? y : x);
    less.push_back(u < v);
    equal.push_back(u == v);
  }
  check_values<Add, T>(a, b, sum);
  check_values<Sub, T>(a, b, difference);
  check_values<Mul, T>(a, b, product);
  check_values<Div, T>(a, b, quotient);
  check_values<Min, T>(a, b, least);
  check_values<Max, T>(a, b, greatest);
  check_values<Less, T, uint8_t>(a, b, less);
  check_values<Equal, T, uint8_t>(a, b, equal);
}

template <class Op>
std::string refusal(DType ta, Shape a, DType tb, Shape b) {
  HostTensor x(ta, a), y(tb, b);
  return run_op<Op>({}, {&x, &y}).status.message;
}

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInf = std::numeric_limits<double>::infinity();

}  // namespace

TEST(broadcasting_of_every_width) {
  for (DType t : {DType::kF16, DType::kF32, DType::kF64, DType::kU8})
    for (const Shapes& s : kBroadcasts) {
      check_small<Add>(t, t, s, [](double a, double b) { return a + b; });
      check_small<LessEqual>(t, t, s, [](double a, double b) { return a <= b; });
    }
}

TEST(every_pair_of_dtypes_meets_in_the_promoted_one) {
  for (const DTypeInfo& a : kDTypes)
    for (const DTypeInfo& b : kDTypes)
      for (const Shapes& s :
           {Shapes{{50}, {50}, {50}}, Shapes{{4, 5}, {5}, {4, 5}}, Shapes{{4, 1}, {3}, {4, 3}}}) {
        if (is_stored(a.dtype) || is_stored(b.dtype) || !promotes(a.dtype, b.dtype)) continue;
        check_small<Equal>(a.dtype, b.dtype, s, [](double x, double y) { return x == y; });
        if (promote(a.dtype, b.dtype) != DType::kBool)
          check_small<Mul>(a.dtype, b.dtype, s, [](double x, double y) { return x * y; });
      }
}

TEST(integers_meeting_floats_are_rounded_once) {
  // 2049 is a tie between 2048 and 2050; 2^62 + 2^54 + 1 lies just above one of bfloat16.
  HostTensor a({3}, std::vector<int32_t>{2049, 70000, -2051}),
      zero({1}, std::vector<f16>{to_f16(0.0f)});
  RunResult r = run_op<Add>({}, {&a, &zero});
  CHECK_OK(r.status);
  CHECK(r.outputs[0].dtype == DType::kF16);
  CHECK_EQ(element(r.outputs[0], 0), 2048.0);
  CHECK_EQ(element(r.outputs[0], 1), kInf);
  CHECK_EQ(element(r.outputs[0], 2), -2052.0);
  const int64_t above = (int64_t{1} << 62) + (int64_t{1} << 54) + 1;
  HostTensor big({2}, std::vector<int64_t>{above, above - 1}),
      other({1}, std::vector<bf16>{to_bf16(0.0f)});
  r = run_op<Add>({}, {&big, &other});
  CHECK_OK(r.status);
  CHECK_EQ(element(r.outputs[0], 0), 0x1p62 + 0x1p55);
  CHECK_EQ(element(r.outputs[0], 1), 0x1p62);
}

TEST(integers_never_trap) {
  check_signed<int8_t>();
  check_signed<int16_t>();
  check_signed<int32_t>();
  check_signed<int64_t>();
  check_unsigned<uint8_t>();
  check_unsigned<uint16_t>();
}

TEST(sixteen_bit_floats_are_correctly_rounded) {
  for_each_isa([](Isa) {
    check_rounding<f16>();
    check_rounding<bf16>();
  });
}

TEST(special_values_of_floats) {
  check_values<Max, double>({kNan, 1, -0.0, 0.0, -kInf, kNan}, {1, kNan, 0.0, -0.0, kInf, kNan},
                            {kNan, kNan, 0.0, 0.0, kInf, kNan});
  check_values<Min, double>({kNan, 1, -0.0, 0.0, -kInf, kInf}, {1, kNan, 0.0, -0.0, kInf, -kInf},
                            {kNan, kNan, -0.0, -0.0, -kInf, -kInf});
  check_values<Pow, double>({kNan, 0, -2, -8, 0.0}, {0, -1, 3, 0.5, 0}, {1, kInf, -8, kNan, 1});
  check_values<Div, double>({1, -1, 0}, {0, 0, 0}, {kInf, -kInf, kNan});
  const std::vector<double> a = {kNan, 0.0, 1}, b = {kNan, -0.0, 2};
  check_values<Equal, double, uint8_t>(a, b, {0, 1, 0});
  check_values<NotEqual, double, uint8_t>(a, b, {1, 0, 1});
  check_values<Less, double, uint8_t>(a, b, {0, 0, 1});
  check_values<LessEqual, double, uint8_t>(a, b, {0, 1, 1});
  check_values<Greater, double, uint8_t>(a, b, {0, 0, 0});
  check_values<GreaterEqual, double, uint8_t>(a, b, {0, 1, 0});
}

TEST(bools) {
  const Bool t(true), f(false);
  const std::vector<Bool> a = {f, f, t, t}, b = {f, t, f, t};
  check_values<LogicalAnd, Bool>(a, b, {f, f, f, t});
  check_values<LogicalOr, Bool>(a, b, {f, t, t, t});
  check_values<LogicalXor, Bool>(a, b, {f, t, t, f});
  check_values<Equal, Bool>(a, b, {t, f, f, t});
  check_values<NotEqual, Bool>(a, b, {f, t, t, f});
}

TEST(threads_do_not_matter) {
  HostTensor a = small_integers(DType::kF16, {300, 1, 500}, 1, -9, 9),
             b = small_integers(DType::kF32, {3, 1}, 2, -9, 9);
  ThreadPool one(1), three(3);
  RunResult x = run_op<Div>({}, {&a, &b}, one), y = run_op<Div>({}, {&a, &b}, three);
  CHECK_OK(x.status);
  CHECK(x.outputs[0].bytes == y.outputs[0].bytes);
}

TEST(where_broadcasts_three_ways) {
  for (const DTypeInfo& t : kDTypes)
    for (const Shapes& s : kBroadcasts)
      for (int order = 0; order < 3; ++order) {
        const Shape shapes[3] = {order == 0 ? Shape{} : s.y, order == 1 ? s.y : s.a, s.b};
        Shape out;
        CHECK_OK(broadcast(s.a, "a", s.b, "b", &out));
        HostTensor c = small_integers(DType::kBool, shapes[0], 5, 0, 1),
                   a = small_integers(t.dtype, shapes[1], 6, 0, 9),
                   b = small_integers(t.dtype, shapes[2], 7, 0, 9);
        RunResult r = run_op<Where>({}, {&c, &a, &b});
        CHECK_OK(r.status);
        if (!r.status.ok()) continue;
        CHECK(r.outputs[0].shape == out);
        for (int64_t i = 0; i < out.elements(); ++i) {
          HostTensor& from = element(c, source(c.shape, out, i)) != 0 ? a : b;
          CHECK_EQ(element(r.outputs[0], i), element(from, source(from.shape, out, i)));
        }
      }
}

TEST(where_copies_bits) {
  HostTensor c({2}, std::vector<Bool>{Bool(true), Bool(false)}),
      a({2}, std::vector<f16>{{0x7d01}, {0}}), b({2}, std::vector<f16>{{0}, {0x8001}});
  RunResult r = run_op<Where>({}, {&c, &a, &b});
  CHECK_OK(r.status);
  CHECK_EQ(r.outputs[0].as<f16>()[0].bits, 0x7d01);
  CHECK_EQ(r.outputs[0].as<f16>()[1].bits, 0x8001);
}

TEST(refusals) {
  CHECK_EQ(
      refusal<Add>(DType::kF32, {2, 3}, DType::kF32, {2}),
      "add: a and b must have equal sizes or 1 on each axis from the last, got a [2, 3] and b [2]");
  CHECK_EQ(refusal<Mul>(DType::kBool, {2}, DType::kBool, {2}),
           "mul: a or b must be a number (float or integer), got bool and bool");
  CHECK_EQ(refusal<LogicalAnd>(DType::kBool, {2}, DType::kU8, {2}),
           "logicalAnd: a and b must be bool, got bool and uint8");
  HostTensor c(DType::kU8, {2}), a(DType::kF32, {2}), b(DType::kF16, {2}), flag(DType::kBool, {3});
  CHECK_EQ(run_op<Where>({}, {&c, &a, &a}).status.message,
           "where: condition must be bool, got uint8");
  c.dtype = DType::kBool;
  CHECK_EQ(run_op<Where>({}, {&c, &a, &b}).status.message,
           "where: a and b must have the same dtype, got float32 and float16");
  CHECK_EQ(run_op<Where>({}, {&flag, &a, &a}).status.message,
           "where: condition and a with b must have equal sizes or 1 on each axis from the last, "
           "got condition [3] and "
           "a with b [2]");
}
