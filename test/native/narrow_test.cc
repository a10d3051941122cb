// The stored types against oracles that share no code with them: codes are read field by field in
// float64, and numbers are rounded by looking for the nearest of all values.
#include "core/narrow.h"

#include <cmath>
#include <random>
#include <vector>

#include "check.h"
#include "core/half.h"

using namespace halftone;

namespace {

constexpr float kInf = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

constexpr DType kFloats[] = {DType::kF8E4M3FN, DType::kF8E4M3FNUZ, DType::kF8E5M2,
                             DType::kF8E5M2FNUZ, DType::kF4E2M1};

// What the specifications say of a format.
struct Facts {
  int bits, fraction, bias;
  double largest;
  bool has_infinity, fnuz;
};
Facts facts_of(DType t) {
  switch (t) {
    case DType::kF8E4M3FN:
      return {8, 3, 7, 448, false, false};
    case DType::kF8E4M3FNUZ:
      return {8, 3, 8, 240, false, true};
    case DType::kF8E5M2:
      return {8, 2, 15, 57344, true, false};
    case DType::kF8E5M2FNUZ:
      return {8, 2, 16, 57344, false, true};
    default:
      return {4, 1, 1, 6, false, false};
  }
}

// The value that exponent and fraction of a magnitude's code mean, whatever the type makes of it.
double plain_value(const Facts& f, int code) {
  const int exponent = code >> f.fraction, fraction = code & ((1 << f.fraction) - 1);
  const double significand = fraction * std::ldexp(1.0, -f.fraction);
  return exponent == 0 ? std::ldexp(significand, 1 - f.bias)
                       : std::ldexp(1 + significand, exponent - f.bias);
}

double value_of(const Facts& f, int byte) {
  const int half = 1 << (f.bits - 1);
  const bool negative = (byte & half) != 0;
  if (f.fnuz && byte == half) return kNan;
  const double magnitude = plain_value(f, byte & (half - 1));
  if (magnitude <= f.largest) return negative ? -magnitude : magnitude;
  // Above the largest number the first code is infinity where there is one.
  const bool first = plain_value(f, (byte & (half - 1)) - 1) == f.largest;
  return f.has_infinity && first ? (negative ? -kInf : kInf) : kNan;
}

// The greatest magnitude's code, found in the values.
int largest_code(const Facts& f) {
  int code = 0;
  while (code + 1 < 1 << (f.bits - 1) && plain_value(f, code + 1) <= f.largest) ++code;
  return code;
}

// The nearest magnitude among all numbers and the one that would follow the largest.
int nearest_code(const Facts& f, double magnitude) {
  const int beyond = largest_code(f) + 1;
  int best = 0;
  for (int code = 1; code <= beyond; ++code) {
    const double distance = std::fabs(plain_value(f, code) - magnitude),
                 least = std::fabs(plain_value(f, best) - magnitude);
    if (distance < least || (distance == least && code % 2 == 0)) best = code;
  }
  return magnitude > plain_value(f, beyond) ? beyond : best;
}

// The value that x must get; NaN, infinities and zeros by the table of ONNX Cast-25.
double rounded(DType t, double x, bool saturate) {
  const Facts f = facts_of(t);
  if (std::isnan(x)) return t == DType::kF4E2M1 ? -0.0 : kNan;
  const int code = nearest_code(f, std::fabs(x));
  double magnitude = plain_value(f, code);
  if (code > largest_code(f)) {
    if (saturate || t == DType::kF4E2M1)
      magnitude = f.largest;
    else
      return f.has_infinity ? std::copysign(kInf, x) : kNan;
  }
  return f.fnuz && magnitude == 0 ? 0.0 : std::copysign(magnitude, x);
}

bool same(double a, double b) {
  return std::isnan(a) ? std::isnan(b) : a == b && std::signbit(a) == std::signbit(b);
}

void check_rounding(DType t, float x) {
  for (const bool saturate : {false, true}) {
    const uint8_t code = narrow::encode(narrow_format(t), x, saturate);
    const double got = value_of(facts_of(t), code), expected = rounded(t, x, saturate);
    if (same(got, expected)) continue;
    std::printf("%s of %a, saturate %d: is %g, must be %g\n", name(t), static_cast<double>(x),
                saturate, got, expected);
    CHECK(false);
  }
}

TEST(every_code_of_a_float_stands_for_what_its_fields_say) {
  for (const DType t : kFloats)
    for (int code = 0; code < 1 << facts_of(t).bits; ++code)
      CHECK(same(narrow::decode(narrow_format(t), static_cast<uint8_t>(code)),
                 value_of(facts_of(t), code)));
  for (int code = 0; code < 256; ++code)
    CHECK(same(narrow::decode(narrow_format(DType::kF8E8M0), static_cast<uint8_t>(code)),
               code == 255 ? kNan : std::ldexp(1.0, code - 127)));
}

TEST(tables_have_the_same_numbers) {
  for (const DType t : kFloats)
    for (int code = 0; code < 1 << facts_of(t).bits; ++code)
      CHECK(same(narrow_table(t)[static_cast<size_t>(code)], value_of(facts_of(t), code)));
  for (int byte = 0; byte < 256; ++byte) {
    const size_t at = static_cast<size_t>(byte);
    CHECK_EQ(narrow_table(DType::kU4)[at], static_cast<float>(byte % 16));
    CHECK_EQ(narrow_table(DType::kS4)[at], static_cast<float>((byte + 8) % 16 - 8));
    CHECK_EQ(narrow_table(DType::kU2)[at], static_cast<float>(byte % 4));
    CHECK_EQ(narrow_table(DType::kS2)[at], static_cast<float>((byte + 2) % 4 - 2));
  }
}

TEST(every_float16_and_special_number_is_rounded_to_the_nearest) {
  for (const DType t : kFloats) {
    for (uint32_t bits = 0; bits < 1u << 16; ++bits)
      check_rounding(t, to_float(f16{static_cast<uint16_t>(bits)}));
    for (const float x : {0.0f, kInf, kNan, 3.4e38f, 0x1p-149f, 0x1p-126f}) {
      check_rounding(t, x);
      check_rounding(t, -x);
    }
  }
}

TEST(numbers_beside_every_tie_are_rounded_to_the_nearest) {
  for (const DType t : kFloats) {
    const Facts f = facts_of(t);
    for (int code = 0; code <= largest_code(f); ++code) {
      const float tie =
          static_cast<float>((plain_value(f, code) + plain_value(f, code + 1)) / 2);  // exact
      for (const float x : {std::nextafter(tie, 0.0f), tie, std::nextafter(tie, kInf)}) {
        check_rounding(t, x);
        check_rounding(t, -x);
      }
    }
  }
}

TEST(random_floats_are_rounded_to_the_nearest) {
  std::mt19937 random(20240607);
  for (const DType t : kFloats)
    for (int i = 0; i < 20000; ++i)
      check_rounding(t, std::bit_cast<float>(static_cast<uint32_t>(random())));
}

TEST(e8m0_rounds_to_powers_as_asked) {
  const NarrowFormat f = narrow_format(DType::kF8E8M0);
  const auto code = [&](float x, PowerRounding rounding, bool saturate = false) {
    return static_cast<int>(narrow::encode(f, x, saturate, rounding));
  };
  using enum PowerRounding;
  for (int power = -127; power <= 127; ++power) {
    const float x = std::ldexp(1.0f, power);
    for (const PowerRounding rounding : {kUp, kDown, kNearest})
      CHECK_EQ(code(x, rounding), power + 127);
    const bool last = power == 127;
    const float above = std::nextafter(x, kInf), below_half = std::nextafter(1.5f * x, 0.0f);
    CHECK_EQ(code(above, kUp), last ? 255 : power + 128);
    CHECK_EQ(code(above, kUp, true), last ? 254 : power + 128);
    CHECK_EQ(code(above, kDown), power + 127);
    CHECK_EQ(code(above, kNearest), power + 127);
    CHECK_EQ(code(below_half, kNearest), power + 127);
    CHECK_EQ(code(1.5f * x, kNearest), last ? 255 : power + 128);
  }
  // Below the range: 2^-127 is the least number.
  CHECK_EQ(code(0x1p-149f, kUp), 0);
  CHECK_EQ(code(0x1.8p-128f, kNearest), 0);
  CHECK_EQ(code(0x1.4p-128f, kNearest), 255);
  CHECK_EQ(code(0x1.4p-128f, kNearest, true), 0);
  CHECK_EQ(code(0x1.cp-128f, kDown), 255);
  CHECK_EQ(code(0x1.cp-128f, kDown, true), 0);
  for (const PowerRounding rounding : {kUp, kDown, kNearest}) {
    CHECK_EQ(code(0.0f, rounding), 255);
    CHECK_EQ(code(0.0f, rounding, true), 0);
    CHECK_EQ(code(kInf, rounding), 255);
    CHECK_EQ(code(kInf, rounding, true), 254);
    for (const float x : {kNan, -1.0f, -kInf}) CHECK_EQ(code(x, rounding, true), 255);
  }
}

TEST(integers_wrap_or_clamp) {
  for (int x = -128; x < 128; ++x) {
    const auto four =
        static_cast<int8_t>(narrow::encode_integer(narrow_format(DType::kS4), x, false));
    CHECK_EQ(static_cast<int>(four), (x + 136) % 16 - 8);
    const auto two =
        static_cast<int8_t>(narrow::encode_integer(narrow_format(DType::kS2), x, true));
    CHECK_EQ(static_cast<int>(two), std::min(std::max(x, -2), 1));
  }
  for (int x = 0; x < 256; ++x) {
    CHECK_EQ(static_cast<int>(narrow::encode_integer(narrow_format(DType::kU4), x, false)), x % 16);
    CHECK_EQ(static_cast<int>(narrow::encode_integer(narrow_format(DType::kU2), x, true)),
             std::min(x, 3));
  }
}

}  // namespace
