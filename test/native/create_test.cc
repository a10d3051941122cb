// full, arange and random: values, refusals, published vectors of the generator, moments of the
// distributions.
#include "ops/create/create.h"

#include <cmath>
#include <set>

#include "check.h"
#include "ops/create/normal.h"
#include "ops/create/philox.h"
#include "run_op.h"

using namespace halftone;
using namespace halftone::test;

namespace {

template <class Op>
std::string refusal(const typename Op::Params& params) {
  const RunResult r = run_op<Op>(params, {});
  return r.status.ok() ? "not refused" : r.status.message;
}

// Says what the text is when it does not begin as it should.
#define CHECK_BEGINS(text, start)                                           \
  do {                                                                      \
    const std::string text_ = (text);                                       \
    if (text_.rfind(start, 0) != 0) check::fail(__FILE__, __LINE__, text_); \
  } while (0)

template <class T>
double number(T x) {
  if constexpr (is_16_bit_float<T>)
    return to_float(x);
  else if constexpr (std::is_same_v<T, Bool>)
    return x.value;
  else
    return static_cast<double>(x);
}

template <class T>
std::vector<double> numbers(RunResult& r) {
  CHECK_OK(r.status);
  std::vector<double> all;
  if (r.status.ok())
    for (const T& x : r.outputs[0].values<T>()) all.push_back(number(x));
  return all;
}

constexpr double kInf = std::numeric_limits<double>::infinity();

}  // namespace

TEST(full_of_every_dtype) {
  for (const auto& d : kDTypes)
    dispatch(d.dtype, [&](auto tag) {
      using T = typename decltype(tag)::type;
      if (is_stored(d.dtype)) return;
      RunResult r = run_op<Full>({.shape = {3, 5}, .value = 1, .dtype = d.dtype}, {});
      CHECK(numbers<T>(r) == std::vector<double>(15, 1));
      r = run_op<Full>({.shape = {2, 0}, .value = 1, .dtype = d.dtype}, {});
      CHECK(numbers<T>(r).empty());
      r = run_op<Full>({.shape = {}, .value = 0, .dtype = d.dtype}, {});
      CHECK(numbers<T>(r) == std::vector<double>(1, 0));
    });
  RunResult r = run_op<Full>({.shape = {2}, .value = 65520, .dtype = DType::kF16}, {});
  CHECK(numbers<f16>(r) == (std::vector<double>{kInf, kInf}));
  r = run_op<Full>({.shape = {100000}, .value = -128, .dtype = DType::kS8}, {});
  CHECK(numbers<int8_t>(r) == std::vector<double>(100000, -128));
}

TEST(full_refuses) {
  CHECK_BEGINS(refusal<Full>({.shape = {2}, .value = 300, .dtype = DType::kS8}),
               "full: value must be a whole number in [-128, 127] for int8, got 300");
  CHECK_BEGINS(refusal<Full>({.shape = {2}, .value = 0.5, .dtype = DType::kU8}),
               "full: value must be a whole number in [0, 255] for uint8, got 0.5");
  CHECK_BEGINS(refusal<Full>({.shape = {2}, .value = 2, .dtype = DType::kBool}),
               "full: value must be a whole number in [0, 1] for bool, got 2");
  CHECK_BEGINS(refusal<Full>({.shape = {2}, .value = 0x1p63, .dtype = DType::kS64}),
               "full: value must be");
  CHECK_BEGINS(refusal<Full>({.shape = {2}, .value = std::nan(""), .dtype = DType::kS32}),
               "full: value must be");
  CHECK_BEGINS(refusal<Full>({.shape = {1LL << 40, 1LL << 40}, .value = 0}),
               "full: shape [1099511627776,");
}

TEST(arange_values) {
  RunResult r = run_op<Arange>({.stop = 4}, {});
  CHECK(numbers<float>(r) == (std::vector<double>{0, 1, 2, 3}));
  r = run_op<Arange>({.start = 5, .stop = -1, .step = -2, .dtype = DType::kS8}, {});
  CHECK(numbers<int8_t>(r) == (std::vector<double>{5, 3, 1}));
  r = run_op<Arange>({.start = 0, .stop = 1, .step = 0.25, .dtype = DType::kF64}, {});
  CHECK(numbers<double>(r) == (std::vector<double>{0, 0.25, 0.5, 0.75}));
  r = run_op<Arange>({.start = 2, .stop = 2}, {});
  CHECK(numbers<float>(r).empty());
  r = run_op<Arange>({.start = 3, .stop = 2}, {});
  CHECK(numbers<float>(r).empty());
  r = run_op<Arange>({.start = 2047, .stop = 2051, .dtype = DType::kF16}, {});
  CHECK(numbers<f16>(r) == (std::vector<double>{2047, 2048, 2048, 2050}));  // one rounding each
  r = run_op<Arange>({.start = 7, .stop = 8, .step = 1e300, .dtype = DType::kS32}, {});
  CHECK(numbers<int32_t>(r) == (std::vector<double>{7}));
  r = run_op<Arange>({.start = 0x1p53, .stop = 0x1p53 + 4, .dtype = DType::kS64}, {});
  CHECK_OK(r.status);
  const int64_t base = int64_t{1} << 53;  // float64 does not have base + 1
  CHECK(r.outputs[0].values<int64_t>() ==
        (std::vector<int64_t>{base, base + 1, base + 2, base + 3}));
  r = run_op<Arange>(
      {.start = -0x1p63, .stop = 0x1p62 + 0x1p61, .step = 0x1p61, .dtype = DType::kS64}, {});
  CHECK_OK(r.status);
  CHECK_EQ(r.outputs[0].values<int64_t>().back(),
           int64_t{1} << 62);  // more than 2^63 above the first
  r = run_op<Arange>({.stop = 100000, .dtype = DType::kS32}, {});
  const auto many = r.outputs[0].values<int32_t>();
  for (int32_t i = 0; i < 100000; ++i) CHECK_EQ(many[static_cast<size_t>(i)], i);
}

TEST(arange_refuses) {
  CHECK_BEGINS(refusal<Arange>({.stop = 3, .step = 0}), "arange: step must not be 0, got 0");
  CHECK_BEGINS(refusal<Arange>({.stop = kInf}),
               "arange: start, stop and step must be finite, got 0, inf and 1");
  CHECK_BEGINS(refusal<Arange>({.stop = 200, .dtype = DType::kS8}),
               "arange: the last value must be a whole number in [-128, 127] for int8, got 199");
  CHECK_BEGINS(refusal<Arange>({.stop = 3, .step = 0.5, .dtype = DType::kS8}),
               "arange: step must be a whole number for int8, got 0.5");
  CHECK_BEGINS(refusal<Arange>({.start = 0.5, .stop = 3, .dtype = DType::kS8}),
               "arange: start must be a whole");
  CHECK_BEGINS(refusal<Arange>({.stop = 3, .dtype = DType::kBool}),
               "arange: dtype must be a float or an integer");
  CHECK_BEGINS(refusal<Arange>({.stop = 1e300, .step = 1e-300}),
               "arange: the number of elements must be at most");
}

// kat_vectors of the Random123 library, by the authors of the paper.
TEST(philox_gives_the_published_vectors) {
  auto check = [](PhiloxBlock counter, uint32_t key0, uint32_t key1, PhiloxBlock want) {
    const PhiloxBlock got = philox_4x32_10(counter, key0, key1);
    for (size_t i = 0; i < 4; ++i) CHECK_EQ(got[i], want[i]);
  };
  const uint32_t ones = 0xffffffff;
  check({0, 0, 0, 0}, 0, 0, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8});
  check({ones, ones, ones, ones}, ones, ones, {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd});
  check({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, 0xa4093822, 0x299f31d0,
        {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1});
}

TEST(random_is_made_of_those_words) {
  RunResult r = run_op<Random>({.shape = {4}, .seed = 0}, {});
  const auto y = numbers<float>(r);
  const double words[] = {0x6627e8d5p-32, 0xe169c58dp-32, 0xbc57ac4cp-32, 0x9b00dbd8p-32};
  for (size_t i = 0; i < 4; ++i) CHECK_EQ(y[i], static_cast<double>(static_cast<float>(words[i])));
  r = run_op<Random>({.shape = {1}, .dtype = DType::kF64, .seed = 0}, {});
  CHECK_EQ(numbers<double>(r)[0], static_cast<double>(0xe169c58d6627e8d5u >> 11) * 0x1p-53);
  r = run_op<Random>({.shape = {2}, .dtype = DType::kU8, .seed = 0, .low = 0, .high = 256}, {});
  CHECK(numbers<uint8_t>(r) == (std::vector<double>{0xe1, 0x9b}));
  CHECK_EQ(std::strcmp(r.provenance.kernel, "random_u8_uniform_philox seed=0"), 0);
}

TEST(random_does_not_depend_on_threads_and_does_on_the_seed) {
  ThreadPool one(1), three(3);
  for (const DType dtype : {DType::kF32, DType::kF16, DType::kF64, DType::kS16})
    for (const auto distribution : {Distribution::kUniform, Distribution::kNormal}) {
      if (!is_float(dtype) && distribution == Distribution::kNormal) continue;
      Random::Params p{.shape = {77777}, .dtype = dtype, .seed = -5, .distribution = distribution};
      if (!is_float(dtype)) p.high = 1000;
      const RunResult a = run_op<Random>(p, {}, one), b = run_op<Random>(p, {}, three);
      CHECK_OK(a.status);
      CHECK(a.outputs[0].bytes == b.outputs[0].bytes);
      p.seed = -6;
      const RunResult c = run_op<Random>(p, {}, one);
      CHECK(a.outputs[0].bytes != c.outputs[0].bytes);
      p.seed = -5;
      p.shape = {3};  // a shorter tensor begins the same
      const RunResult d = run_op<Random>(p, {}, one);
      CHECK_EQ(std::memcmp(a.outputs[0].bytes.data(), d.outputs[0].bytes.data(),
                           d.outputs[0].bytes.size()),
               0);
    }
}

TEST(uniform_stays_in_its_range_and_fills_it) {
  const int64_t n = 200000;
  auto check = [&](auto tag, double low, double high) {
    using T = typename decltype(tag)::type;
    RunResult r = run_op<Random>(
        {.shape = {n}, .dtype = dtype_of<T>, .seed = 11, .low = low, .high = high}, {});
    const auto y = numbers<T>(r);
    // Both ends as the dtype holds them: a whole end is its own, 0.1 is not.
    const double least = rounded_to(dtype_of<T>, low), end = rounded_to(dtype_of<T>, high);
    double sum = 0, square = 0, lowest = kInf, highest = -kInf;
    for (double x : y) {
      CHECK(x >= least && x < end);
      const double u = (x - least) / (end - least);
      sum += u;
      square += u * u;
      lowest = std::min(lowest, u);
      highest = std::max(highest, u);
    }
    // Five standard deviations of the mean of n numbers: variance 1/12 of u and 4/45 of u^2. A
    // 16-bit float or an integer also moves the mean by up to half of its unit, relative to the
    // width.
    const double count = static_cast<double>(n),
                 unit = std::is_integral_v<T> ? 1 / (end - least) : 0x1p-8;
    CHECK(std::fabs(sum / count - 0.5) < 5 * std::sqrt(1 / (12 * count)) + unit / 2);
    CHECK(std::fabs(square / count - 1.0 / 3) < 5 * std::sqrt(4 / (45 * count)) + unit);
    CHECK(lowest < 0.01 && highest > 0.98);
  };
  check(TypeTag<float>{}, 0, 1);
  check(TypeTag<float>{}, -3, 0.1);
  check(TypeTag<double>{}, -1e300, 1e300);
  check(TypeTag<f16>{}, 0, 1);
  check(TypeTag<f16>{}, -2, 0);
  check(TypeTag<bf16>{}, 0.1, 3);
  check(TypeTag<int8_t>{}, -128, 128);
  check(TypeTag<uint8_t>{}, 0, 256);
  check(TypeTag<uint16_t>{}, 100, 1000);
  check(TypeTag<int64_t>{}, -0x1p40, 0x1p40);
}

TEST(uniform_integers_hit_every_value) {
  RunResult r =
      run_op<Random>({.shape = {6000}, .dtype = DType::kS32, .seed = 3, .low = -1, .high = 5}, {});
  std::vector<int> count(6);
  for (double x : numbers<int32_t>(r)) ++count[static_cast<size_t>(x + 1)];
  for (int c : count)
    CHECK(std::abs(c - 1000) < 5 * std::sqrt(6000 * 5 / 36.0));  // five standard deviations
  r = run_op<Random>(
      {.shape = {4}, .dtype = DType::kS64, .seed = 1, .low = 0x1p63 - 4096, .high = 0x1p63}, {});
  CHECK_OK(r.status);
  for (int64_t x : r.outputs[0].values<int64_t>())
    CHECK(x >= std::numeric_limits<int64_t>::max() - 4095);
}

TEST(normal_has_the_moments_of_a_normal_distribution) {
  const double n = 400000;
  RunResult r = run_op<Random>({.shape = {static_cast<int64_t>(n)},
                                .dtype = DType::kF64,
                                .seed = 17,
                                .distribution = Distribution::kNormal,
                                .mean = 3,
                                .std = 2},
                               {});
  double moments[5] = {};
  for (double y : numbers<double>(r)) {
    const double x = (y - 3) / 2;
    for (int k = 1; k <= 4; ++k) moments[k] += std::pow(x, k) / n;
  }
  // Five standard deviations; the variance of x^k is (2k - 1)!! less the square of the k-th moment.
  CHECK(std::fabs(moments[1]) < 5 * std::sqrt(1 / n));
  CHECK(std::fabs(moments[2] - 1) < 5 * std::sqrt(2 / n));
  CHECK(std::fabs(moments[3]) < 5 * std::sqrt(15 / n));
  CHECK(std::fabs(moments[4] - 3) < 5 * std::sqrt(96 / n));
}

TEST(logarithm_sine_and_cosine_are_as_accurate_as_said) {
  const Philox philox{99};
  double log_error = 0, angle_error = 0;
  for (uint64_t i = 0; i < 200000; ++i) {
    const PhiloxBlock block = philox.block(i);
    double u = static_cast<double>((Philox::wide(block, 0) >> 11) + 1) * 0x1p-53;
    if (i % 4 == 1) u = std::ldexp(u, -static_cast<int>(i % 53));
    if (i % 4 == 2) u = 1 - std::ldexp(u, -20);
    const long double exact = std::log(static_cast<long double>(u));
    if (u < 1)
      log_error =
          std::max(log_error, static_cast<double>(std::fabs((plain_log(u) - exact) / exact)));
    const double turn = static_cast<double>(Philox::wide(block, 1) >> 11) * 0x1p-53;
    const long double angle = 2 * std::acos(-1.0L) * turn;
    const SineCosine got = sine_cosine(turn);
    angle_error = std::max(angle_error, static_cast<double>(std::fabs(got.sine - std::sin(angle))));
    angle_error =
        std::max(angle_error, static_cast<double>(std::fabs(got.cosine - std::cos(angle))));
  }
  CHECK_EQ(plain_log(1), 0);
  std::printf("  largest errors: log %.2g relative, sine and cosine %.2g\n", log_error,
              angle_error);
  CHECK(log_error < 1e-15);
  CHECK(angle_error < 3e-16);
}

TEST(random_refuses) {
  const auto normal = Distribution::kNormal;
  CHECK_BEGINS(refusal<Random>({.shape = {2}, .dtype = DType::kS8}),
               "random: high - low must lie in [2, 2^53] for int8, got low 0 and high 1");
  CHECK_BEGINS(refusal<Random>({.shape = {2}, .dtype = DType::kS8, .low = -129, .high = 3}),
               "random: low must be a");
  CHECK_BEGINS(refusal<Random>({.shape = {2}, .dtype = DType::kS8, .low = 0, .high = 129}),
               "random: high must be a whole number of at most 128 for int8, got 129");
  CHECK_BEGINS(refusal<Random>({.shape = {2}, .low = 1, .high = 1}),
               "random: low must be less than high");
  CHECK_BEGINS(refusal<Random>({.shape = {2}, .dtype = DType::kF16, .high = 1e5}),
               "random: low and high must be finite and different as float16, got 0 and 100000");
  CHECK_BEGINS(refusal<Random>({.shape = {2}, .dtype = DType::kF16, .low = 1, .high = 1.0001}),
               "random: low and high must be finite and different");
  CHECK_BEGINS(refusal<Random>({.shape = {2}, .dtype = DType::kBool}),
               "random: dtype must be a float or an integer");
  CHECK_BEGINS(refusal<Random>({.shape = {2}, .dtype = DType::kS32, .distribution = normal}),
               "random: dtype must be a float for the normal distribution, got int32");
  CHECK_BEGINS(refusal<Random>({.shape = {2}, .distribution = normal, .high = 2}),
               "random: low and high must be left");
  CHECK_BEGINS(refusal<Random>({.shape = {2}, .mean = 2}), "random: mean and std must be left out");
  CHECK_BEGINS(refusal<Random>({.shape = {2}, .distribution = normal, .std = std::nan("")}),
               "random: mean and std");
}

TEST(empty_random) {
  for (const auto distribution : {Distribution::kUniform, Distribution::kNormal}) {
    RunResult r = run_op<Random>({.shape = {0, 3}, .seed = 1, .distribution = distribution}, {});
    CHECK(numbers<float>(r).empty());
  }
}
