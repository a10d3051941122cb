// float16 (IEEE 754 binary16) and bfloat16: storage types and exact conversions.
//
// Every narrowing conversion rounds to nearest, ties to even, keeps subnormals and signed zeros,
// overflows to infinity and keeps NaN a NaN (made quiet, sign and the top payload bits kept).
// Widening is exact; a float16 NaN is made quiet by it, a bfloat16 NaN is not touched. All this is
// what VCVTPS2PH, VCVTPH2PS and a shift do.
#pragma once
#include <bit>
#include <cstdint>

namespace halftone {

/// IEEE binary16: 1 sign, 5 exponent (bias 15), 10 fraction bits. Largest finite 65504, smallest
/// subnormal 2^-24.
struct f16 {
  uint16_t bits = 0;
};

/// bfloat16: the top half of a float32. 1 sign, 8 exponent (bias 127), 7 fraction bits.
struct bf16 {
  uint16_t bits = 0;
};

/// Exact.
constexpr float to_float(f16 h) {
  const uint32_t sign = static_cast<uint32_t>(h.bits & 0x8000u) << 16;
  const uint32_t exponent = (h.bits >> 10) & 0x1fu, fraction = h.bits & 0x3ffu;
  if (exponent == 0x1f) {  // infinity or NaN; a NaN is made quiet, as hardware does
    const uint32_t quiet = fraction ? 0x400000u : 0;
    return std::bit_cast<float>(sign | 0x7f800000u | quiet | fraction << 13);
  }
  if (exponent == 0) {  // zero or subnormal: fraction * 2^-24, exact in float32
    const float magnitude = static_cast<float>(fraction) * 0x1p-24f;
    return std::bit_cast<float>(sign | std::bit_cast<uint32_t>(magnitude));
  }
  return std::bit_cast<float>(sign | (exponent + 112) << 23 | fraction << 13);  // 112 = 127 - 15
}

/// Exact.
constexpr float to_float(bf16 b) {
  return std::bit_cast<float>(static_cast<uint32_t>(b.bits) << 16);
}

/// Round to nearest even. |x| >= 65520 (half-way between 65504 and 2^16) gives infinity.
constexpr f16 to_f16(float x) {
  const uint32_t u = std::bit_cast<uint32_t>(x), magnitude = u & 0x7fffffffu;
  const uint16_t sign = static_cast<uint16_t>(u >> 16 & 0x8000u);
  if (magnitude > 0x7f800000u)
    return {static_cast<uint16_t>(sign | 0x7e00u | (magnitude >> 13 & 0x3ffu))};
  if (magnitude >= 0x477ff000u) return {static_cast<uint16_t>(sign | 0x7c00u)};
  if (magnitude < 0x38800000u) {
    // Below 2^-14 the result is a multiple of 2^-24. Adding 0.5 puts the unit of the last place of
    // a float32 at 2^-24, so the addition itself does the rounding, to nearest even.
    const float shifted = std::bit_cast<float>(magnitude) + 0.5f;
    return {static_cast<uint16_t>(sign | (std::bit_cast<uint32_t>(shifted) - 0x3f000000u))};
  }
  // Rebias the exponent (127 -> 15), add half a unit less one, plus one when the kept part is odd.
  const uint32_t rounded = magnitude - (112u << 23) + 0xfffu + (magnitude >> 13 & 1u);
  return {static_cast<uint16_t>(sign | rounded >> 13)};
}

/// Round to nearest even.
constexpr bf16 to_bf16(float x) {
  const uint32_t u = std::bit_cast<uint32_t>(x);
  if ((u & 0x7fffffffu) > 0x7f800000u) return {static_cast<uint16_t>(u >> 16 | 0x40u)};
  return {static_cast<uint16_t>((u + 0x7fffu + (u >> 16 & 1u)) >> 16)};
}

/// float64 -> float32 rounded to odd: an inexact result is the neighbour whose last bit is 1.
/// Rounding it once more, to a format with at least two bits less (float16 and bfloat16, down to
/// their smallest subnormals), gives what one rounding of the float64 gives: the odd bit says "not
/// exactly here" (Boldo and Melquiond, 2008).
constexpr float round_to_odd(double x) {
  constexpr double kOverflow = 0x1.ffffffp127;  // from here on, to nearest would give infinity
  if (x >= kOverflow || x <= -kOverflow) {
    if (x - x != 0) return static_cast<float>(x);       // infinity
    return x > 0 ? 0x1.fffffep127f : -0x1.fffffep127f;  // the largest finite number is odd
  }
  const float nearest = static_cast<float>(x);
  const uint32_t bits = std::bit_cast<uint32_t>(nearest);
  if (static_cast<double>(nearest) == x || x != x || (bits & 1u)) return nearest;
  if (bits << 1 == 0)
    return std::bit_cast<float>(bits | 1u);  // the smallest subnormal, with x's sign
  const bool rounded_up = (static_cast<double>(nearest) > x) == (x > 0);  // in magnitude
  return std::bit_cast<float>(rounded_up ? bits - 1 : bits + 1);
}

/// One rounding from float64, to nearest even.
constexpr f16 to_f16(double x) { return to_f16(round_to_odd(x)); }
constexpr bf16 to_bf16(double x) { return to_bf16(round_to_odd(x)); }

/// a * b + c with one rounding: the float16 FMA. Why float64 suffices: the product p of two float16
/// is exact in it (22 bits). All terms are multiples of 2^-48, so p + c is exact unless it spans
/// more than 53 bits, and then
/// - |p| >= 2^29: the result is infinity either way; or
/// - c = 2^e * 1.x with e >= 5 and |p| < 2^(e-30), since p has 22 bits and its last one lies below
/// 2^(e-52). The
///   nearest tie of the float16 grid is at least 2^(e-12) away from c, so c + p, rounded to float64
///   or not, rounds to c.
/// A NaN result is a quiet NaN; its sign and payload are the CPU's choice.
constexpr f16 fma_f16(f16 a, f16 b, f16 c) {
  return to_f16(static_cast<double>(to_float(a)) * static_cast<double>(to_float(b)) +
                static_cast<double>(to_float(c)));
}

/// Bulk conversions, in the widest instructions that cpu_isa() allows; bit for bit the functions
/// above. `in` and `out` must not overlap.
void convert(const f16* in, float* out, int64_t n);
void convert(const bf16* in, float* out, int64_t n);
void convert(const float* in, f16* out, int64_t n);
void convert(const float* in, bf16* out, int64_t n);

}  // namespace halftone
