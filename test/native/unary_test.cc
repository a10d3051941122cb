// Elementwise functions: every float16 and bfloat16 against float64, float32 and float64 on
// samples, integers exactly.
#include "ops/unary/unary.h"

#include <random>

#include "check.h"
#include "core/elementwise.h"
#include "each_isa.h"
#include "run_op.h"
#include "tolerance.h"

using namespace halftone;
using namespace halftone::test;

namespace {

// What a function is in exact arithmetic, and how many units in the last place of the compute type
// it may be off.
struct Oracle {
  double (*exact)(double);
  double ulps;  // 0: the correctly rounded result, bit for bit
};

double oracle_sign(double x) { return x > 0 ? 1 : x < 0 ? -1 : x == 0 ? 0 : x; }
double oracle_relu(double x) { return x > 0 || x != x ? x : 0; }
double oracle_sigmoid(double x) { return 1 / (1 + std::exp(-x)); }
double oracle_gelu(double x) { return 0.5 * x * std::erfc(-x * std::sqrt(0.5)); }
double oracle_gelu_tanh(double x) {
  const double u = std::sqrt(8 / std::acos(-1.0)) * (x + 0.044715 * x * x * x);
  return x / (1 + std::exp(-u));
}

double value_of(float x) { return x; }
double value_of(double x) { return x; }
template <class T>
double value_of(T x) {
  return to_float(x);
}
template <class T>
T round_to(double x) {
  if constexpr (std::is_same_v<T, f16>)
    return to_f16(x);
  else if constexpr (std::is_same_v<T, bf16>)
    return to_bf16(x);
  else
    return static_cast<T>(x);
}

bool same_number(double a, double b) {
  return (a != a && b != b) || (a == b && std::signbit(a) == std::signbit(b));
}

// The tails of gelu are ill-conditioned: an argument off by u changes the result by 2 z^2 u, z
// being what exp gets.
double gelu_condition(double x) { return x < 0 ? 2 * std::min(x * x, 400.0) : 0; }

template <class T>
void check_value(const char* op, T x, T got, double exact, double ulps) {
  constexpr DType t = dtype_of<T>;
  const double g = value_of(got), nearest = value_of(round_to<T>(exact));
  if (same_number(g, nearest)) return;
  const double computed_off = ulps * (2 * unit_roundoff(compute_dtype(t)) * std::fabs(exact) +
                                      2 * underflow(compute_dtype(t)));
  const double bound = rounding_bound(t, exact) + computed_off;
  bool ok = ulps > 0 && std::fabs(g - exact) <= bound;
  // Next to the overflow threshold either side may be right.
  if (ulps > 0 && std::isinf(g) != std::isinf(nearest))
    ok = value_of(round_to<T>(exact * (1 - 4 * ulps * unit_roundoff(compute_dtype(t))))) == g ||
         value_of(round_to<T>(exact * (1 + 4 * ulps * unit_roundoff(compute_dtype(t))))) == g;
  if (!ok)
    check::fail(
        __FILE__, __LINE__,
        concat(op, "(", value_of(x), ") of ", name(t), ": ", g, " != ", exact, " +- ", bound));
}

template <class Op, class T>
void check_values(const std::vector<T>& x, Oracle oracle, const typename Op::Params& params = {},
                  bool gelu = false) {
  HostTensor in({static_cast<int64_t>(x.size())}, x);
  RunResult r = run_op<Op>(params, {&in});
  CHECK_OK(r.status);
  const T* y = r.outputs[0].template as<T>();
  for (size_t i = 0; i < x.size(); ++i) {
    const double v = value_of(x[i]);
    check_value(Op::kName, x[i], y[i], oracle.exact(v),
                oracle.ulps + (gelu ? gelu_condition(v) : 0));
  }
}

template <class T>
std::vector<T> all_patterns() {
  std::vector<T> x(65536);
  for (uint32_t i = 0; i < 65536; ++i) x[i].bits = static_cast<uint16_t>(i);
  return x;
}

// Specials, integers and halves around 0, and random bit patterns.
template <class T>
std::vector<T> samples() {
  using Limits = std::numeric_limits<T>;
  std::vector<T> x = {0,
                      Limits::infinity(),
                      Limits::quiet_NaN(),
                      Limits::max(),
                      Limits::min(),
                      Limits::denorm_min(),
                      T(0.49999997),
                      T(0x1p23),
                      T(0x1p23 - 0.5),
                      T(0x1p52),
                      T(0x1p52 - 0.5),
                      T(0x1p53),
                      T(88.7),
                      T(709.7)};
  for (int i = 1; i < 400; ++i) x.push_back(T(i) / 8);
  std::mt19937_64 random(7);
  using Bits = std::conditional_t<sizeof(T) == 4, uint32_t, uint64_t>;
  for (int i = 0; i < 20000; ++i) x.push_back(std::bit_cast<T>(static_cast<Bits>(random())));
  std::normal_distribution<double> normal(0, 5);
  for (int i = 0; i < 20000; ++i) x.push_back(static_cast<T>(normal(random)));
  const size_t n = x.size();
  for (size_t i = 0; i < n; ++i) x.push_back(-x[i]);
  return x;
}

template <class T>
void check_all(const std::vector<T>& x) {
  check_values<Neg, T>(x, {[](double v) { return -v; }, 0});
  check_values<Abs, T>(x, {[](double v) { return std::fabs(v); }, 0});
  check_values<Sqrt, T>(x, {[](double v) { return std::sqrt(v); }, 0});
  check_values<Exp, T>(x, {[](double v) { return std::exp(v); }, 2});
  check_values<Log, T>(x, {[](double v) { return std::log(v); }, 2});
  check_values<Tanh, T>(x, {[](double v) { return std::tanh(v); }, 3});
  check_values<Sigmoid, T>(x, {oracle_sigmoid, 4});
  check_values<Relu, T>(x, {oracle_relu, 0});
  check_values<Erf, T>(x, {[](double v) { return std::erf(v); }, 2});
  check_values<Floor, T>(x, {[](double v) { return std::floor(v); }, 0});
  check_values<Ceil, T>(x, {[](double v) { return std::ceil(v); }, 0});
  check_values<Round, T>(x, {[](double v) { return std::nearbyint(v); }, 0});
  check_values<Reciprocal, T>(x, {[](double v) { return 1 / v; }, 0});
  check_values<Sign, T>(x, {oracle_sign, 0});
  check_values<Sin, T>(x, {[](double v) { return std::sin(v); }, 2});
  check_values<Cos, T>(x, {[](double v) { return std::cos(v); }, 2});
  check_values<Tan, T>(x, {[](double v) { return std::tan(v); }, 4});
  check_values<Asin, T>(x, {[](double v) { return std::asin(v); }, 2});
  check_values<Acos, T>(x, {[](double v) { return std::acos(v); }, 2});
  check_values<Atan, T>(x, {[](double v) { return std::atan(v); }, 2});
  check_values<Sinh, T>(x, {[](double v) { return std::sinh(v); }, 3});
  check_values<Cosh, T>(x, {[](double v) { return std::cosh(v); }, 2});
  check_values<Asinh, T>(x, {[](double v) { return std::asinh(v); }, 3});
  check_values<Acosh, T>(x, {[](double v) { return std::acosh(v); }, 4});
  check_values<Atanh, T>(x, {[](double v) { return std::atanh(v); }, 3});
  check_values<Gelu, T>(x, {oracle_gelu, 4}, {}, true);
  check_values<Gelu, T>(x, {oracle_gelu_tanh, 8}, {GeluApproximation::kTanh}, true);
  check_values<Clip, T>(
      x, {[](double v) { return v <= -0.1 ? value_of(round_to<T>(-0.1))
                                : v >= 6  ? 6
                                          : v; }, 0},
      {-0.1, 6});
}

template <class Op, class T>
void check_integers(std::vector<T> x, std::vector<T> expected,
                    const typename Op::Params& params = {}) {
  HostTensor in({static_cast<int64_t>(x.size())}, x);
  RunResult r = run_op<Op>(params, {&in});
  CHECK_OK(r.status);
  CHECK(r.outputs[0].dtype == dtype_of<T>);
  CHECK(r.outputs[0].template values<T>() == expected);
}

template <class T>
void check_signed() {
  constexpr T low = std::numeric_limits<T>::min(), high = std::numeric_limits<T>::max();
  check_integers<Neg, T>({0, 1, -1, high, low}, {0, -1, 1, static_cast<T>(low + 1), low});
  check_integers<Abs, T>({0, 1, -1, high, low}, {0, 1, 1, high, low});
  check_integers<Relu, T>({0, 1, -1, high, low}, {0, 1, 0, high, 0});
  check_integers<Sign, T>({0, 1, -1, high, low}, {0, 1, -1, 1, -1});
  check_integers<BitwiseNot, T>({0, 1, -1, high, low}, {-1, -2, 0, low, high});
  check_integers<Clip, T>({0, 1, -1, high, low}, {0, 1, -1, 100, -2}, {-2.5, 100.9});
  check_integers<Clip, T>({0, high, low}, {0, high, low}, {});
  check_integers<Clip, T>({0, high, low}, {high, high, high}, {1e300, 1e300});
  check_integers<Clip, T>({0, high, low}, {-3, -3, -3}, {5, -3});
}

template <class T>
void check_unsigned() {
  constexpr T high = std::numeric_limits<T>::max();
  check_integers<Abs, T>({0, 1, high}, {0, 1, high});
  check_integers<Relu, T>({0, 1, high}, {0, 1, high});
  check_integers<Sign, T>({0, 1, high}, {0, 1, 1});
  check_integers<BitwiseNot, T>({0, 1, high}, {high, static_cast<T>(high - 1), 0});
  check_integers<Clip, T>({0, 1, 7, high}, {1, 1, 7, 200}, {0.5, 200});
}

template <class Op>
std::string refusal(DType t, const typename Op::Params& params = {}) {
  HostTensor in(t, {2});
  return run_op<Op>(params, {&in}).status.message;
}

}  // namespace

TEST(every_float16_and_bfloat16_on_every_instruction_set) {
  for_each_isa([](Isa) {
    check_all(all_patterns<f16>());
    check_all(all_patterns<bf16>());
  });
}

TEST(float32_samples_on_every_instruction_set) {
  for_each_isa([](Isa) { check_all(samples<float>()); });
}

// Only what is exact: an oracle for the others would need more digits than float64.
TEST(float64_samples) {
  const auto x = samples<double>();
  check_values<Neg, double>(x, {[](double v) { return -v; }, 0});
  check_values<Abs, double>(x, {[](double v) { return std::fabs(v); }, 0});
  check_values<Sqrt, double>(x, {[](double v) { return std::sqrt(v); }, 0});
  check_values<Exp, double>(x, {[](double v) { return std::exp(v); }, 0});
  check_values<Relu, double>(x, {oracle_relu, 0});
  check_values<Floor, double>(x, {[](double v) { return std::floor(v); }, 0});
  check_values<Ceil, double>(x, {[](double v) { return std::ceil(v); }, 0});
  check_values<Round, double>(x, {[](double v) { return std::nearbyint(v); }, 0});
  check_values<Sign, double>(x, {oracle_sign, 0});
}

TEST(integers) {
  check_signed<int8_t>();
  check_signed<int16_t>();
  check_signed<int32_t>();
  check_signed<int64_t>();
  check_unsigned<uint8_t>();
  check_unsigned<uint16_t>();
}

TEST(sizes_around_blocks_and_pieces) {
  ThreadPool one(1), three(3);
  for (int64_t n : {int64_t{0}, int64_t{1}, kBlock - 1, kBlock, kBlock + 1, kElementwiseGrain + 7,
                    3 * kElementwiseGrain}) {
    std::vector<f16> x(static_cast<size_t>(n));
    for (size_t i = 0; i < x.size(); ++i) x[i] = to_f16(static_cast<float>(i % 999) - 500);
    HostTensor in({n, 1}, x);
    RunResult a = run_op<Relu>({}, {&in}, one), b = run_op<Relu>({}, {&in}, three);
    CHECK_OK(a.status);
    CHECK(a.outputs[0].shape == in.shape);
    CHECK(a.outputs[0].bytes == b.outputs[0].bytes);
    for (size_t i = 0; i < x.size(); ++i)
      CHECK_EQ(to_float(a.outputs[0].as<f16>()[i]), std::max(to_float(x[i]), 0.0f));
  }
}

TEST(a_scalar_and_provenance) {
  HostTensor in(Shape{}, std::vector<f16>{to_f16(2.25f)});
  RunResult r = run_op<Sqrt>({}, {&in});
  CHECK_OK(r.status);
  CHECK_EQ(r.outputs[0].shape.rank, 0);
  CHECK_EQ(to_float(r.outputs[0].as<f16>()[0]), 1.5f);
  CHECK_EQ(std::string(r.provenance.kernel), "sqrt_f16");
  CHECK_EQ(std::string(r.provenance.storage), "float16");
  CHECK_EQ(std::string(r.provenance.multiply), "float32");
}

TEST(refusals) {
  CHECK_EQ(refusal<Exp>(DType::kS32),
           "exp: x must be a float (float32, float16, bfloat16, float64), got int32");
  CHECK_EQ(refusal<Neg>(DType::kU8), "neg: x must be a float or a signed integer, got uint8");
  CHECK_EQ(refusal<Relu>(DType::kBool), "relu: x must be a float or an integer, got bool");
  CHECK_EQ(refusal<Gelu>(DType::kS8),
           "gelu: x must be a float (float32, float16, bfloat16, float64), got int8");
  CHECK_EQ(refusal<Clip>(DType::kF32, {std::numeric_limits<double>::quiet_NaN(), 1}),
           "clip: min and max must not be NaN, got min nan and max 1");
}
