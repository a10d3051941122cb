// The rounding rules of quantization, one function each, free of the standard library: CPU kernels
// of every instruction set and CUDA kernels use these same lines. They need strict IEEE arithmetic
// (no fast-math, no contraction).
#pragma once
#include <cstdint>

#include "core/host_device.h"

namespace halftone {

// ---- floats to integers ----

/// Adding and taking away 1.5 * 2^fraction_bits leaves no bits below the unit, so the addition
/// rounds: to nearest, ties to even. Right for |t| <= 2^22 (float), 2^51 (double).
HALFTONE_HD float round_half_even(float t) { return (t + 0x1.8p23f) - 0x1.8p23f; }
HALFTONE_HD double round_half_even(double t) { return (t + 0x1.8p52) - 0x1.8p52; }

/// To nearest, ties away from zero (std::round), in the same domain. A tie is where rounding to
/// even moved by exactly a half (the difference is exact); it went the wrong way when it moved
/// toward zero.
template <class W>
HALFTONE_HD W round_half_away(W t) {
  const W even = round_half_even(t), difference = t - even;
  const W up = difference == W(0.5) && t > W(0) ? W(1) : W(0);
  const W down = difference == W(-0.5) && t < W(0) ? W(1) : W(0);
  return even + up - down;
}

/// saturate(round(t) + zero_point) with bounds [low, high] on the sum. Clamping first keeps t in
/// the domain of the roundings and cannot change the result, since the bounds are integers. NaN
/// gives `low`, as ONNX Runtime does (its MAXPS / FMAXNM return the bound). W is double for 32-bit
/// codes: low - zero_point is exact in it.
template <bool kHalfAway, class W>
HALFTONE_HD int32_t quantize_code(W t, int32_t zero_point, int32_t low, int32_t high) {
  const W zero = static_cast<W>(zero_point);
  const W least = static_cast<W>(low) - zero, most = static_cast<W>(high) - zero;
  W c = t > least ? t : least;
  c = c < most ? c : most;
  const W rounded = kHalfAway ? round_half_away(c) : round_half_even(c);
  return static_cast<int32_t>(rounded +
                              zero);  // exact: both are integers, the sum lies in [low, high]
}

// ---- int32 by a fixed-point multiplier ----

/// real multiplier = value * 2^-shift. value is 0 or in [2^30, 2^31) unless shift was limited.
struct FixedPoint {
  int32_t value;
  int32_t shift;
};

/// The bits of a double split as frexp() does, without <cmath>: m = fraction * 2^exponent, fraction
/// in [0.5, 1) as an integer of 53 bits. For m > 0 and normal.
struct Split {
  uint64_t fraction;  // of 2^53
  int32_t exponent;
};
HALFTONE_HD Split split(double m) {
  uint64_t bits = 0;
  __builtin_memcpy(&bits, &m, sizeof bits);
  return {(bits & 0xfffffffffffffull) | 1ull << 52, static_cast<int32_t>(bits >> 52) - 1022};
}

/// m as a Q31 fraction and a right shift: round(fraction * 2^31), ties up (std::round of a positive
/// number). Shared by TensorFlow Lite's QuantizeMultiplier and MLIR's computeMultiplierAndShift,
/// before their limits.
HALFTONE_HD FixedPoint fixed_point(double m) {
  if (!(m >= 0x1p-1000)) return {0, 31};  // zero, and far below what any shift can use
  const Split s = split(m);
  int64_t q = static_cast<int64_t>((s.fraction + (1ull << 21)) >> 22);  // 53 bits -> 31
  int32_t exponent = s.exponent;
  if (q == int64_t{1} << 31) {
    q >>= 1;
    ++exponent;
  }
  return {static_cast<int32_t>(q), 31 - exponent};
}

/// TensorFlow Lite's QuantizeMultiplier: a shift beyond 31 + 31 gives 0.
HALFTONE_HD FixedPoint fixed_point_tflite(double m) {
  const FixedPoint f = fixed_point(m);
  return f.shift > 62 ? FixedPoint{0, 31} : f;
}

/// TOSA's scale32: the shift is at most 62; below that the multiplier loses low bits.
HALFTONE_HD FixedPoint fixed_point_tosa(double m) {
  const FixedPoint f = fixed_point(m);
  if (f.shift <= 62) return f;
  const int32_t excess = f.shift - 62;
  return {f.value >> (excess < 31 ? excess : 31), 62};
}

/// Bounds of a real multiplier, exclusive: TensorFlow Lite shifts left by at most 30, TOSA right by
/// at least 2.
inline constexpr double kTfliteMultiplierEnd = 0x1p30;
inline constexpr double kTosaMultiplierEnd = 0x1p29;

/// gemmlowp's SaturatingRoundingDoublingHighMul: round(2 * a * b / 2^32). Its nudge of 2^30, or 1 -
/// 2^30 below zero, and a division that truncates send ties up, which is what this shift does. b >=
/// 0 here, so nothing saturates.
HALFTONE_HD int32_t doubling_high_mul(int32_t a, int32_t b) {
  return static_cast<int32_t>((static_cast<int64_t>(a) * b + (int64_t{1} << 30)) >> 31);
}

/// gemmlowp's RoundingDivideByPOT: x / 2^exponent to nearest, ties away from zero. 0 <= exponent
/// <= 31.
HALFTONE_HD int32_t rounding_shift_right(int32_t x, int32_t exponent) {
  const int64_t mask = (int64_t{1} << exponent) - 1, remainder = x & mask;
  const int64_t threshold = (mask >> 1) + (x < 0 ? 1 : 0);
  return static_cast<int32_t>((static_cast<int64_t>(x) >> exponent) +
                              (remainder > threshold ? 1 : 0));
}

/// TensorFlow Lite's MultiplyByQuantizedMultiplier with two roundings. A left shift saturates
/// (TensorFlow Lite's overflows, which is undefined there).
HALFTONE_HD int32_t multiply_tflite_double(int32_t x, FixedPoint m) {
  const int32_t left = m.shift < 31 ? 31 - m.shift : 0, right = m.shift > 31 ? m.shift - 31 : 0;
  int64_t wide = static_cast<int64_t>(x) * (int64_t{1} << left);
  wide = wide > INT32_MAX ? INT32_MAX : wide < INT32_MIN ? INT32_MIN : wide;
  return rounding_shift_right(doubling_high_mul(static_cast<int32_t>(wide), m.value), right);
}

/// TOSA's apply_scale_32 without double rounding: (x * value + 2^(shift - 1)) >> shift in 64 bits,
/// ties up. Also TensorFlow Lite built with TFLITE_SINGLE_ROUNDING, and ruy. 2 <= shift <= 62, so
/// nothing overflows.
HALFTONE_HD int64_t multiply_tosa(int32_t x, FixedPoint m) {
  return (static_cast<int64_t>(x) * m.value + (int64_t{1} << (m.shift - 1))) >> m.shift;
}

/// clamp(v + zero_point, low, high) without overflow.
HALFTONE_HD int32_t saturate_code(int64_t v, int32_t zero_point, int32_t low, int32_t high) {
  const int64_t sum = v + zero_point;
  return static_cast<int32_t>(sum < low ? low : sum > high ? high : sum);
}

}  // namespace halftone
