// Conversions of float16 and bfloat16 against oracles that share no code with them.
//
// Narrowing: the numbers of a 16-bit format cut the real line into intervals, one for each number,
// with the ties at their ends. The ends are computed from the values of the numbers alone (exactly,
// in float64), so each interval of inputs has one known answer. By default a 64th of all float32 is
// tried, with the inputs next to every end; HALFTONE_EXHAUSTIVE=1 tries all 2^32.
#include "core/half.h"

#include <chrono>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <string>

#include "check.h"
#include "core/dtype.h"
#include "core/half_isa.h"
#include "core/status.h"
#include "core/thread_pool.h"
#include "each_isa.h"

using namespace halftone;

namespace {

bool exhaustive() {
  const char* text = std::getenv("HALFTONE_EXHAUSTIVE");
  return text && std::strcmp(text, "1") == 0;
}

const std::atomic<bool> kNever{false};

// What the oracles know of a format.
struct Format {
  const char* name;
  int fraction_bits, bias;
  uint32_t infinity;  // bits of +infinity

  /// The value of a finite, non-negative pattern; of infinity's: the power of two that the exponent
  /// would mean.
  double value(uint32_t bits) const {
    const int exponent = static_cast<int>(bits >> fraction_bits);
    const double fraction = bits & ((1u << fraction_bits) - 1);
    const int unit = -bias - fraction_bits;  // of the last place, when the exponent field is 0
    if (exponent == 0) return std::ldexp(fraction, unit + 1);
    return std::ldexp(std::ldexp(1.0, fraction_bits) + fraction, unit + exponent);
  }
  /// The tie above a pattern.
  double tie(uint32_t bits) const { return (value(bits) + value(bits + 1)) / 2; }
};
const Format kF16{"float16", 10, 15, 0x7c00};
const Format kBf16{"bfloat16", 7, 127, 0x7f80};

uint32_t float_bits(double exact) { return std::bit_cast<uint32_t>(static_cast<float>(exact)); }

// The non-negative float32 inputs, as bits, that must give `bits`: first and last.
struct Interval {
  uint32_t first, last;
};
Interval inputs_of(const Format& format, uint32_t bits) {
  const uint32_t even = bits % 2 == 0;  // a tie belongs to the even neighbour
  // All ties are float32 themselves: they have one bit more than the format.
  const uint32_t first = bits == 0 ? 0 : float_bits(format.tie(bits - 1)) + (even ? 0 : 1);
  const uint32_t last =
      bits == format.infinity ? 0x7f800000u : float_bits(format.tie(bits)) - (even ? 0 : 1);
  return {first, last};
}

using Narrow = void (*)(const float*, uint16_t*, int64_t);

constexpr int64_t kChunk = 4096;

// Checks inputs first, first + step, ... up to last, with both signs, against one answer.
bool all_give(Narrow narrow, uint32_t first, uint32_t last, uint32_t step, uint32_t answer) {
  float in[kChunk];
  uint16_t out[kChunk];
  for (uint32_t sign = 0; sign < 2; ++sign) {
    for (uint64_t u = first; u <= last;) {
      int64_t n = 0;
      for (; n < kChunk && u <= last; ++n, u += step)
        in[n] = std::bit_cast<float>(static_cast<uint32_t>(u) | sign << 31);
      narrow(in, out, n);
      uint32_t wrong = 0;
      for (int64_t i = 0; i < n; ++i) wrong |= out[i] ^ (answer | sign << 15);
      if (wrong) return false;
    }
  }
  return true;
}

void check_narrowing(const Format& format, const char* how, Narrow narrow) {
  const auto begin = std::chrono::steady_clock::now();
  std::atomic<int64_t> wrong_at{-1};
  std::atomic<uint64_t> tiled{0};
  const uint32_t step = exhaustive() ? 1 : 64;
  ThreadPool::global().run(format.infinity + 1, kNever, [&](int64_t piece) {
    const uint32_t bits = static_cast<uint32_t>(piece);
    const auto [first, last] = inputs_of(format, bits);
    tiled += last - first + uint64_t{1};
    bool good = all_give(narrow, first, last, step, bits);
    if (step > 1) {  // and those next to the ends
      const uint32_t near = std::min<uint32_t>(3, last - first);
      good = good && all_give(narrow, first, first + near, 1, bits) &&
             all_give(narrow, last - near, last, 1, bits);
    }
    if (!good) wrong_at = piece;
  });
  CHECK_EQ(wrong_at.load(), -1);
  CHECK_EQ(tiled.load(),
           0x7f800001u);  // the intervals leave no gap: all non-negative inputs but the NaNs
  // NaNs: quiet, with the sign and the top of the payload.
  const int dropped = 23 - format.fraction_bits;
  const uint32_t quiet = 1u << (format.fraction_bits - 1);
  const uint32_t payloads = 1u << format.fraction_bits;
  std::atomic<int64_t> wrong_nan{-1};
  ThreadPool::global().run(payloads, kNever, [&](int64_t top) {
    const uint32_t kept = static_cast<uint32_t>(top), first = 0x7f800000u | kept << dropped;
    const uint32_t skip = kept == 0 ? 1 : 0;  // infinity
    if (!all_give(narrow, first + skip, first + (1u << dropped) - 1, step,
                  format.infinity | quiet | kept))
      wrong_nan = top;
  });
  CHECK_EQ(wrong_nan.load(), -1);
  if (exhaustive()) {
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
    std::printf("  float32 -> %s, %s: all 2^32 inputs in %.1f s\n", format.name, how, took.count());
  }
}

// The functions of core/half.h as bulk functions.
void plain_f16(const float* in, uint16_t* out, int64_t n) {
  for (int64_t i = 0; i < n; ++i) out[i] = to_f16(in[i]).bits;
}
void plain_bf16(const float* in, uint16_t* out, int64_t n) {
  for (int64_t i = 0; i < n; ++i) out[i] = to_bf16(in[i]).bits;
}
// The bulk functions that kernels call.
void bulk_f16(const float* in, uint16_t* out, int64_t n) {
  convert(in, reinterpret_cast<f16*>(out), n);
}
void bulk_bf16(const float* in, uint16_t* out, int64_t n) {
  convert(in, reinterpret_cast<bf16*>(out), n);
}

// Deterministic bits: splitmix64.
struct Random {
  uint64_t state;
  uint64_t operator()() {
    uint64_t z = state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
  }
};

}  // namespace

TEST(float32_to_float16_plain) { check_narrowing(kF16, "plain", plain_f16); }
TEST(float32_to_bfloat16_plain) { check_narrowing(kBf16, "plain", plain_bf16); }
TEST(float32_to_float16_bulk) {
  test::for_each_isa([](Isa isa) { check_narrowing(kF16, name(isa), bulk_f16); });
}
TEST(float32_to_bfloat16_bulk) {
  test::for_each_isa([](Isa isa) { check_narrowing(kBf16, name(isa), bulk_bf16); });
}

// The oracle above against another one: scaled to units of the last place, and rounded by the C
// library.
TEST(the_intervals_agree_with_scaled_rounding) {
  Random random{1};
  for (const Format& format : {kF16, kBf16})
    for (int i = 0; i < 200000; ++i) {
      const double x = std::bit_cast<float>(static_cast<uint32_t>(random() % 0x7f800001u));
      const int exponent = std::max(x == 0 || std::isinf(x) ? 0 : std::ilogb(x), 1 - format.bias);
      const double units = std::nearbyint(std::ldexp(x, format.fraction_bits - exponent));
      const double bits = std::ldexp(exponent - (1 - format.bias), format.fraction_bits) + units;
      const uint32_t answer = static_cast<uint32_t>(std::min<double>(bits, format.infinity));
      const auto [first, last] = inputs_of(format, answer);
      CHECK(first <= float_bits(x) && float_bits(x) <= last);
    }
}

TEST(widening_is_exact_for_all_patterns) {
  auto check_all = [](const Format& format, auto widen, bool makes_quiet) {
    for (uint32_t bits = 0; bits < 0x10000; ++bits) {
      const uint32_t magnitude = bits & 0x7fffu, sign = (bits >> 15) << 31;
      uint32_t want;
      if (magnitude < format.infinity) {
        want = sign | float_bits(format.value(magnitude));
      } else {
        const uint32_t payload = (magnitude - format.infinity) << (23 - format.fraction_bits);
        want = sign | 0x7f800000u | payload | (makes_quiet && payload ? 0x400000u : 0);
      }
      CHECK_EQ(std::bit_cast<uint32_t>(widen(static_cast<uint16_t>(bits))), want);
    }
  };
  check_all(kF16, [](uint16_t bits) { return to_float(f16{bits}); }, true);
  check_all(kBf16, [](uint16_t bits) { return to_float(bf16{bits}); }, false);
  std::vector<f16> half(0x10000);
  std::vector<bf16> brain(0x10000);
  for (uint32_t i = 0; i < 0x10000; ++i) half[i].bits = brain[i].bits = static_cast<uint16_t>(i);
  test::for_each_isa([&](Isa) {
    std::vector<float> wide(0x10000);
    convert(half.data(), wide.data(), 0x10000);
    check_all(kF16, [&](uint16_t bits) { return wide[bits]; }, true);
    convert(brain.data(), wide.data(), 0x10000);
    check_all(kBf16, [&](uint16_t bits) { return wide[bits]; }, false);
  });
}

TEST(every_pattern_survives_the_way_to_float32_and_back) {
  test::for_each_isa([](Isa) {
    for (uint32_t i = 0; i < 0x10000; ++i) {
      const uint16_t bits = static_cast<uint16_t>(i);
      const bool f16_nan = (i & 0x7fffu) > kF16.infinity, bf16_nan = (i & 0x7fffu) > kBf16.infinity;
      CHECK_EQ(to_f16(to_float(f16{bits})).bits, i | (f16_nan ? 0x200u : 0));
      CHECK_EQ(to_bf16(to_float(bf16{bits})).bits, i | (bf16_nan ? 0x40u : 0));
    }
  });
}

// Tails and unaligned pointers: what lies before and behind must stay.
TEST(bulk_conversions_write_n_elements_and_no_more) {
  test::for_each_isa([](Isa) {
    for (int offset = 0; offset < 4; ++offset)
      for (int64_t n = 0; n <= 67; ++n) {
        std::vector<float> wide(80), wide_again(80, 7.0f);
        std::vector<f16> half(80, f16{0x5555});
        std::vector<bf16> brain(80, bf16{0x5555});
        for (size_t i = 0; i < 80; ++i) wide[i] = static_cast<float>(i) * 1.25f - 30;
        convert(wide.data() + offset, half.data() + offset, n);
        convert(wide.data() + offset, brain.data() + offset, n);
        convert(half.data() + offset, wide_again.data() + offset, n);
        for (int64_t i = 0; i < 80; ++i) {
          const size_t at = static_cast<size_t>(i);
          const bool inside = i >= offset && i < offset + n;
          CHECK_EQ(half[at].bits, inside ? to_f16(wide[at]).bits : 0x5555);
          CHECK_EQ(brain[at].bits, inside ? to_bf16(wide[at]).bits : 0x5555);
          CHECK_EQ(wide_again[at], inside ? to_float(half[at]) : 7.0f);
        }
        convert(brain.data() + offset, wide_again.data() + offset, n);
        for (size_t i = 0; i < 80; ++i) {
          const bool inside =
              static_cast<int64_t>(i) >= offset && static_cast<int64_t>(i) < offset + n;
          CHECK_EQ(wide_again[i], inside ? to_float(brain[i]) : 7.0f);
        }
      }
  });
}

// float64 next to every tie: a rounding through float32 would fall onto the tie itself and lose the
// side.
TEST(float64_is_rounded_once) {
  auto check_all = [](const Format& format, auto narrow) {
    for (uint32_t low = 0; low < format.infinity; ++low) {
      const double tie = format.tie(low);
      const uint32_t even = low % 2 == 0 ? low : low + 1;
      CHECK_EQ(narrow(tie), even);
      CHECK_EQ(narrow(-tie), even | 0x8000u);
      for (const double step : {0x1p-52, 0x1p-40, 0x1p-30, 0x1p-26, 0x1p-25, 0x1p-24, 0x1p-23}) {
        CHECK_EQ(narrow(tie * (1 - step)), low);
        CHECK_EQ(narrow(tie * (1 + step)), low + 1);
        CHECK_EQ(narrow(-tie * (1 + step)), (low + 1) | 0x8000u);
      }
      CHECK_EQ(narrow(format.value(low)), low);
    }
    constexpr double kMax = std::numeric_limits<double>::max(),
                     kTiny = std::numeric_limits<double>::denorm_min();
    const double infinity = std::numeric_limits<double>::infinity();
    for (const double big : {kMax, infinity, 0x1.ffffffp127, 0x1.fffffefffffffp127, 0x1p128})
      for (const double sign : {1.0, -1.0})
        CHECK_EQ(narrow(sign * big), format.infinity | (sign < 0 ? 0x8000u : 0));
    CHECK_EQ(narrow(kTiny), 0u);
    CHECK_EQ(narrow(-kTiny), 0x8000u);
    CHECK_EQ(narrow(-0.0), 0x8000u);
    CHECK(narrow(std::numeric_limits<double>::quiet_NaN()) % 0x8000u > format.infinity);
  };
  check_all(kF16, [](double x) -> uint32_t { return to_f16(x).bits; });
  check_all(kBf16, [](double x) -> uint32_t { return to_bf16(x).bits; });
}

TEST(random_float64_agree_with_scaled_rounding) {
  Random random{2};
  for (int i = 0; i < 400000; ++i) {
    const uint64_t r = random();
    const double x = std::ldexp(1 + std::ldexp(static_cast<double>(r >> 12), -52),
                                static_cast<int>(r % 48) - 30);
    const int exponent = std::max(std::ilogb(x), -14);
    const double units = std::nearbyint(std::ldexp(x, 10 - exponent));
    const double bits = (exponent + 14) * 1024 + units;
    CHECK_EQ(to_f16(x).bits, static_cast<uint16_t>(std::min(bits, 31744.0)));
  }
}

namespace {

// a * b + c, exactly: all products and sums of float16 are multiples of 2^-48 below 2^81.
uint32_t exact_fma(uint32_t a, uint32_t b, uint32_t c) {
  auto value = [](uint32_t bits) {  // in units of 2^-24
    const int64_t exponent = bits >> 10 & 31, fraction = bits & 1023;
    const int64_t magnitude = exponent ? (1024 + fraction) << (exponent - 1) : fraction;
    return bits & 0x8000 ? -magnitude : magnitude;
  };
  const __int128 sum =
      static_cast<__int128>(value(a)) * value(b) + static_cast<__int128>(value(c)) * (1 << 24);
  if (sum == 0)  // zero is negative when both terms are
    return ((a ^ b) & c & 0x8000u) && value(c) == 0 ? 0x8000u : 0;
  const uint32_t sign = sum < 0 ? 0x8000u : 0;
  const unsigned __int128 magnitude = static_cast<unsigned __int128>(sum < 0 ? -sum : sum);
  int top = 127;
  while (!(magnitude >> top & 1)) --top;
  const int shift =
      std::max(top - 10, 24);  // down to the last place of the result: 2^-24 at the least
  uint32_t units = static_cast<uint32_t>(magnitude >> shift);
  const unsigned __int128 rest = magnitude - (static_cast<unsigned __int128>(units) << shift);
  const unsigned __int128 half = static_cast<unsigned __int128>(1) << (shift - 1);
  if (rest > half || (rest == half && (units & 1))) ++units;
  const uint32_t bits = (static_cast<uint32_t>(shift) - 24) * 1024 + units;
  return sign | std::min(bits, 0x7c00u);
}

bool is_finite(uint32_t bits) { return (bits & 0x7c00u) != 0x7c00u; }

void check_fma(uint32_t a, uint32_t b, uint32_t c) {
  const uint32_t got = fma_f16(f16{static_cast<uint16_t>(a)}, f16{static_cast<uint16_t>(b)},
                               f16{static_cast<uint16_t>(c)})
                           .bits;
  const uint32_t want = exact_fma(a, b, c);
  if (got != want)
    check::fail(__FILE__, __LINE__,
                concat("fma_f16(", a, ", ", b, ", ", c, ") is ", got, ", exactly it is ", want));
}

}  // namespace

TEST(fma_f16_of_random_patterns_rounds_once) {
  Random random{3};
  const int64_t count = exhaustive() ? 25000000 : 1000000;
  for (int64_t i = 0; i < count; ++i) {
    const uint64_t r = random();
    const uint32_t a = r & 0xffff, b = r >> 16 & 0xffff, c = r >> 32 & 0xffff;
    if (is_finite(a) && is_finite(b) && is_finite(c)) check_fma(a, b, c);
  }
}

// Where one rounding and two differ: the product lies at half a unit of c, or next to it, or far
// below it; and the product is large and c the rest that decides a tie of it.
TEST(fma_f16_near_ties_rounds_once) {
  Random random{4};
  const int64_t count = exhaustive() ? 25000000 : 1000000;
  for (int64_t i = 0; i < count; ++i) {
    const uint64_t r = random();
    const uint32_t c = r & 0xffff, a = r >> 16 & 0xffff;
    if (!is_finite(c) || !is_finite(a) || (a & 0x7fff) == 0) continue;
    const double unit = std::ldexp(1.0, std::max(static_cast<int>(c >> 10 & 31), 1) - 25);
    const double target =
        std::ldexp(unit, -1 - static_cast<int>((r >> 32) % 14) * static_cast<int>(r >> 40 & 1));
    const uint32_t b =
        to_f16(target / static_cast<double>(to_float(f16{static_cast<uint16_t>(a)}))).bits;
    for (uint32_t near = b - 1; near != b + 2; ++near)
      if (near <= 0xffff && is_finite(near)) {
        check_fma(a, near, c);
        check_fma(near, a, c ^ 0x8000u);
      }
    // The other way: c is what is left of the product below its unit.
    const double product = static_cast<double>(to_float(f16{static_cast<uint16_t>(a)})) *
                           static_cast<double>(to_float(f16{static_cast<uint16_t>(c)}));
    const f16 rounded = to_f16(product);
    if (!is_finite(rounded.bits)) continue;
    const uint32_t rest = to_f16(product - static_cast<double>(to_float(rounded))).bits;
    for (uint32_t d : {rest, rest ^ 0x8000u, rest + 1, 1u, 0x8001u})
      if (is_finite(d)) check_fma(a, c, d & 0xffff);
  }
}

TEST(fma_f16_of_zeros_infinities_and_nans) {
  auto fma = [](int a, int b, int c) -> int {
    return fma_f16(f16{static_cast<uint16_t>(a)}, f16{static_cast<uint16_t>(b)},
                   f16{static_cast<uint16_t>(c)})
        .bits;
  };
  CHECK_EQ(fma(0x8000, 0x3c00, 0x8000), 0x8000);  // -0 * 1 + -0
  CHECK_EQ(fma(0x0000, 0x3c00, 0x8000), 0x0000);
  CHECK_EQ(fma(0x3c00, 0x3c00, 0xbc00), 0x0000);  // exact cancellation gives +0
  CHECK_EQ(fma(0x7c00, 0x3c00, 0x3c00), 0x7c00);
  CHECK_EQ(fma(0x7bff, 0x7bff, 0xfbff), 0x7c00);  // finite operands overflow
  CHECK(!is_finite(static_cast<uint32_t>(fma(0x7c00, 0x0000, 0x3c00))));
  CHECK((fma(0x7c00, 0x0000, 0x3c00) & 0x7fff) > 0x7c00);  // infinity * 0
  CHECK((fma(0x7c00, 0x3c00, 0xfc00) & 0x7fff) > 0x7c00);  // infinity - infinity
  CHECK((fma(0x3c00, 0x3c00, 0x7e00) & 0x7fff) > 0x7c00);
}

// All of it also holds at compile time.
static_assert(to_f16(65519.0f).bits == 0x7bff && to_f16(65520.0f).bits == 0x7c00);
static_assert(to_f16(65519.999999).bits == 0x7bff && to_f16(0x1p-25).bits == 0 &&
              to_f16(0x1.0000001p-25).bits == 1);
static_assert(to_bf16(1e300).bits == 0x7f80 && to_f16(-1e300).bits == 0xfc00);
static_assert(fma_f16(f16{0x3c01}, f16{0x3c01}, f16{0xbc02}).bits ==
              0x0010);  // (1 + u)^2 - (1 + 2u) = u^2
