// cast on all 169 pairs of dtypes that are computed in: every pair against an oracle in long double
// and __int128, and the rules one by one.
#include "ops/cast/cast.h"

#include <cmath>
#include <limits>

#include "check.h"
#include "each_isa.h"
#include "interesting.h"
#include "run_op.h"

using namespace halftone;
using namespace halftone::test;

namespace {

constexpr float kInf = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

template <class To, class From>
std::vector<To> cast(const std::vector<From>& x, bool saturate = false) {
  HostTensor in(Shape{static_cast<int64_t>(x.size())}, x);
  RunResult r = run_op<Cast>({.to = dtype_of<To>, .saturate = saturate}, {&in});
  CHECK_OK(r.status);
  return r.outputs[0].values<To>();
}

// ---- an oracle that has the value of every element as a long double (64 bits of fraction: int64
// is exact) ----

template <class T>
long double value_of(T x) {
  if constexpr (std::is_same_v<T, Bool>)
    return x.value;
  else if constexpr (std::is_same_v<T, f16> || std::is_same_v<T, bf16>)
    return to_float(x);
  else
    return x;
}

// Rounds to a binary format by scaling to units of its last place; nearbyint rounds ties to even.
long double rounded(long double x, int fraction_bits, int least_exponent, int most_exponent) {
  if (x == 0 || std::isnan(x) || std::isinf(x)) return x;
  const int exponent = std::max(std::ilogb(x), least_exponent);
  const long double y =
      std::ldexp(std::nearbyint(std::ldexp(x, fraction_bits - exponent)), exponent - fraction_bits);
  return std::fabs(y) >= std::ldexp(1.0L, most_exponent + 1) ? std::copysign(kInf, x) : y;
}

template <class To, class From>
long double expected(long double x, bool saturate) {
  if constexpr (std::is_same_v<To, Bool>)
    return x != 0;
  else if constexpr (std::is_same_v<To, f16>)
    return rounded(x, 10, -14, 15);
  else if constexpr (std::is_same_v<To, bf16>)
    return rounded(x, 7, -126, 127);
  else if constexpr (std::is_same_v<To, float>)
    return rounded(x, 23, -126, 127);
  else if constexpr (std::is_same_v<To, double>)
    return rounded(x, 52, -1022, 1023);
  else {
    if (std::isnan(x)) return 0;
    using Limits = std::numeric_limits<To>;
    // Without saturate, floats are clamped to int64, beyond which only uint64 has numbers; integers
    // wrap as they are.
    const long double lowest = Limits::min(), highest = Limits::max();
    const long double least = saturate ? lowest : -0x1p63L;
    const long double most = saturate                         ? highest
                             : std::is_same_v<From, uint64_t> ? 0x1p64L - 1
                                                              : std::max(highest, 0x1p63L - 1);
    const __int128 n = static_cast<__int128>(std::min(std::max(std::trunc(x), least), most));
    const __int128 modulus = static_cast<__int128>(1) << (8 * sizeof(To));
    __int128 wrapped = ((n - Limits::min()) % modulus + modulus) % modulus + Limits::min();
    return static_cast<long double>(wrapped);
  }
}

template <class From, class To>
void check_pair(bool saturate) {
  const std::vector<From> x = interesting<From>();
  const std::vector<To> y = cast<To>(x, saturate);
  for (size_t i = 0; i < x.size(); ++i) {
    const long double want = expected<To, From>(value_of(x[i]), saturate), got = value_of(y[i]);
    const bool good =
        std::isnan(want) ? std::isnan(got) : want == got && std::signbit(want) == std::signbit(got);
    if (!good)
      check::fail(__FILE__, __LINE__,
                  concat("cast from ", name(dtype_of<From>), " to ", name(dtype_of<To>),
                         saturate ? " (saturate)" : "", " of ", value_of(x[i]), " is ", got,
                         ", must be ", want));
  }
}

template <class F>
void for_all_pairs(F&& body) {
  for (const auto& from : kDTypes)
    for (const auto& to : kDTypes)
      if (!is_stored(from.dtype) && !is_stored(to.dtype))
        dispatch(from.dtype, [&](auto f) { dispatch(to.dtype, [&](auto t) { body(f, t); }); });
}

}  // namespace

TEST(all_pairs_agree_with_long_double) {
  for_each_isa([](Isa) {
    for_all_pairs([](auto from, auto to) {
      check_pair<typename decltype(from)::type, typename decltype(to)::type>(false);
      check_pair<typename decltype(from)::type, typename decltype(to)::type>(true);
    });
  });
}

TEST(int_to_narrower_int_wraps_or_saturates) {
  CHECK(cast<int8_t>(std::vector<int32_t>{200, -129, 256, 127}) ==
        (std::vector<int8_t>{-56, 127, 0, 127}));
  CHECK(cast<int8_t>(std::vector<int32_t>{200, -129, 256, 127}, true) ==
        (std::vector<int8_t>{127, -128, 127, 127}));
  CHECK(cast<uint8_t>(std::vector<int8_t>{-1, 5}) == (std::vector<uint8_t>{255, 5}));
  CHECK(cast<uint8_t>(std::vector<int8_t>{-1, 5}, true) == (std::vector<uint8_t>{0, 5}));
}

TEST(float_to_int_truncates_and_out_of_range_is_defined) {
  const std::vector<float> x = {1.9f, -1.9f, 300.5f, -200.0f, 1e20f, kInf, -kInf, kNan};
  CHECK(cast<int8_t>(x) == (std::vector<int8_t>{1, -1, 44, 56, -1, -1, 0, 0}));
  CHECK(cast<int8_t>(x, true) == (std::vector<int8_t>{1, -1, 127, -128, 127, 127, -128, 0}));
  CHECK(cast<uint8_t>(x, true) == (std::vector<uint8_t>{1, 0, 255, 0, 255, 255, 0, 0}));
  const int64_t most = std::numeric_limits<int64_t>::max(),
                least = std::numeric_limits<int64_t>::min();
  CHECK(cast<int64_t>(x) == (std::vector<int64_t>{1, -1, 300, -200, most, most, least, 0}));
  CHECK(cast<int32_t>(std::vector<double>{3e9, -3e9}) ==
        (std::vector<int32_t>{-1294967296, 1294967296}));
}

TEST(bool_is_not_zero) {
  auto bits = [](const std::vector<Bool>& v) {
    std::vector<int> all;
    for (Bool b : v) all.push_back(b.value);
    return all;
  };
  CHECK(bits(cast<Bool>(std::vector<float>{0.0f, -0.0f, 1e-45f, kNan, kInf, 0.25f})) ==
        (std::vector<int>{0, 0, 1, 1, 1, 1}));
  CHECK(bits(cast<Bool>(std::vector<f16>{f16{0x8000}, f16{1}, f16{0x7e00}})) ==
        (std::vector<int>{0, 1, 1}));
  CHECK(cast<float>(std::vector<Bool>{Bool(true), Bool(false)}) == (std::vector<float>{1, 0}));
}

// 2^62 + 2^54 is the tie of two bfloat16; the last bit decides, and float64 cannot hold it.
TEST(int64_to_16_bit_floats_is_one_rounding) {
  const int64_t tie = (int64_t{1} << 62) + (int64_t{1} << 54);
  const auto y = cast<bf16>(std::vector<int64_t>{tie - 1, tie, tie + 1, -tie - 1});
  CHECK_EQ(y[0].bits, 0x5e80);
  CHECK_EQ(y[1].bits, 0x5e80);
  CHECK_EQ(y[2].bits, 0x5e81);
  CHECK_EQ(y[3].bits, 0xde81);
}

TEST(same_dtype_keeps_every_bit) {
  const std::vector<f16> x = {f16{0x7c01}, f16{0xfe55}, f16{0x8000}};
  const auto y = cast<f16>(x);
  for (size_t i = 0; i < x.size(); ++i) CHECK_EQ(y[i].bits, x[i].bits);
}

TEST(empty_scalar_and_many_threads) {
  for_all_pairs([](auto from, auto to) {
    using From = typename decltype(from)::type;
    HostTensor empty(dtype_of<From>, Shape{3, 0, 2}), scalar(dtype_of<From>, Shape{});
    const Cast::Params params{.to = dtype_of<typename decltype(to)::type>};
    RunResult r = run_op<Cast>(params, {&empty});
    CHECK_OK(r.status);
    CHECK(r.outputs[0].shape == (Shape{3, 0, 2}));
    CHECK_OK(run_op<Cast>(params, {&scalar}).status);
  });
  std::vector<float> x(100003);
  for (size_t i = 0; i < x.size(); ++i) x[i] = static_cast<float>(i) * 0.37f - 9000;
  HostTensor in(Shape{100003}, x);
  ThreadPool one(1), three(3);
  RunResult a = run_op<Cast>({.to = DType::kF16}, {&in}, one),
            b = run_op<Cast>({.to = DType::kF16}, {&in}, three);
  CHECK(a.outputs[0].bytes == b.outputs[0].bytes);
}

TEST(provenance_and_refusals) {
  HostTensor in(Shape{2}, std::vector<float>{1, 2});
  RunResult r = run_op<Cast>({.to = DType::kF16}, {&in});
  CHECK_EQ(std::string(r.provenance.kernel) == concat("cast_f32_f16_", name(cpu_isa())), true);
  r = run_op<Cast>({.to = DType::kS8, .saturate = true}, {&in});
  CHECK_EQ(std::strcmp(r.provenance.kernel, "cast_f32_s8_saturate"), 0);
  r = run_op<Cast>({.to = static_cast<DType>(42)}, {&in});
  CHECK(r.status.code == Code::kParam);
  CHECK_EQ(r.status.message == "cast: to must be a dtype, got number 42", true);
}
