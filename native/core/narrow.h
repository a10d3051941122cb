// The stored types (float8, float4, int4, int2): what their codes stand for, and the code of a
// number. One body for the CPU and for devices; the format is data, so that a kernel is compiled
// once for all of them.
//
// Formats: OCP 8-bit Floating Point Specification (E4M3 is float8e4m3fn, E5M2 float8e5m2), OCP
// Microscaling Formats (E8M0, E2M1); the "fnuz" variants have neither infinities nor -0, and one
// NaN, 0x80.
#pragma once
#include <array>
#include <bit>
#include <cstdint>
#include <limits>

#include "core/dtype.h"
#include "core/host_device.h"

namespace halftone {

/// To float8e8m0: to the next power of two away from zero, toward zero, or to the nearest (ties
/// away from zero). The names of ONNX's round_mode.
enum class PowerRounding : int32_t { kUp = 0, kDown = 1, kNearest = 2 };

enum class NarrowKind : int32_t { kFloat, kPower, kSigned, kUnsigned };

struct NarrowFormat {
  NarrowKind kind = NarrowKind::kFloat;
  int32_t bits = 8;
  int32_t fraction_bits = 0;
  int32_t bias = 0;
  int32_t largest = 0;    // the greatest finite magnitude's code
  int32_t infinity = -1;  // its code; -1: there is none
  int32_t nan = -1;       // a quiet NaN's code; -1: there is none
  bool fnuz = false;
};

/// The format of a dtype of kind kStored.
constexpr NarrowFormat narrow_format(DType t) {
  switch (t) {
    case DType::kF8E4M3FN:  // 448, and all ones is NaN
      return {NarrowKind::kFloat, 8, 3, 7, 0x7e, -1, 0x7f, false};
    case DType::kF8E4M3FNUZ:  // 240
      return {NarrowKind::kFloat, 8, 3, 8, 0x7f, -1, 0x80, true};
    case DType::kF8E5M2:  // 57344: the upper half of float16
      return {NarrowKind::kFloat, 8, 2, 15, 0x7b, 0x7c, 0x7e, false};
    case DType::kF8E5M2FNUZ:  // 57344
      return {NarrowKind::kFloat, 8, 2, 16, 0x7f, -1, 0x80, true};
    case DType::kF8E8M0:  // 2^(code - 127)
      return {NarrowKind::kPower, 8, 0, 127, 0xfe, -1, 0xff, false};
    case DType::kF4E2M1:  // 6
      return {NarrowKind::kFloat, 4, 1, 1, 0x7, -1, -1, false};
    case DType::kS4:
      return {NarrowKind::kSigned, 4};
    case DType::kU4:
      return {NarrowKind::kUnsigned, 4};
    case DType::kS2:
      return {NarrowKind::kSigned, 2};
    default:
      return {NarrowKind::kUnsigned, 2};
  }
}

constexpr bool is_narrow_integer(const NarrowFormat& f) {
  return f.kind == NarrowKind::kSigned || f.kind == NarrowKind::kUnsigned;
}
/// Whether a dtype is a float of at most 8 bits.
constexpr bool is_narrow_float(DType t) {
  return is_stored(t) && !is_narrow_integer(narrow_format(t));
}

namespace narrow {

/// 2^exponent, for the exponents of normal float32.
HALFTONE_HD constexpr float power_of_two(int32_t exponent) {
  return std::bit_cast<float>(static_cast<uint32_t>(exponent + 127) << 23);
}

/// The low bits of a byte as the element of an integer type: sign-extended where it has a sign.
HALFTONE_HD constexpr uint8_t wrapped(const NarrowFormat& f, uint32_t code) {
  const uint32_t mask = (1u << f.bits) - 1, sign = 1u << (f.bits - 1);
  code &= mask;
  if (f.kind == NarrowKind::kSigned) code = (code ^ sign) - sign;
  return static_cast<uint8_t>(code);
}

/// The number that a code stands for; exact. Bits above the format's are not looked at.
HALFTONE_HD constexpr float decode(const NarrowFormat& f, uint8_t byte) {
  constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
  if (f.kind == NarrowKind::kSigned) return static_cast<int8_t>(wrapped(f, byte));
  if (f.kind == NarrowKind::kUnsigned) return wrapped(f, byte);
  if (f.kind == NarrowKind::kPower) {
    if (byte == f.nan) return kNan;
    return byte == 0 ? 0x1p-127f : power_of_two(byte - 127);
  }
  const uint32_t sign = static_cast<uint32_t>(byte) >> (f.bits - 1) & 1u;
  const int32_t code = byte & ((1 << (f.bits - 1)) - 1);
  if (f.fnuz && sign != 0 && code == 0) return kNan;
  float magnitude = 0;
  if (code > f.largest)
    magnitude = code == f.infinity ? std::numeric_limits<float>::infinity() : kNan;
  else if (code >> f.fraction_bits == 0)  // zero and subnormal numbers
    magnitude = static_cast<float>(code) * power_of_two(1 - f.bias - f.fraction_bits);
  else
    magnitude = std::bit_cast<float>((static_cast<uint32_t>(code) << (23 - f.fraction_bits)) +
                                     (static_cast<uint32_t>(127 - f.bias) << 23));
  return std::bit_cast<float>(std::bit_cast<uint32_t>(magnitude) | sign << 31);
}

/// The code of a number in float8e8m0. Out of range is what the rounded power is: the nearest end
/// with `saturate`, else NaN; 0 counts as below the range. Negative numbers, which ONNX leaves
/// open, give NaN.
HALFTONE_HD constexpr uint8_t encode_power(const NarrowFormat& f, float x, bool saturate,
                                           PowerRounding rounding) {
  const uint8_t nan = static_cast<uint8_t>(f.nan), beyond = saturate ? 0xfe : nan;
  if (!(x >= 0)) return nan;
  if (x == 0) return saturate ? 0 : nan;
  if (x > 0x1.fffffep127f) return beyond;
  // Subnormal float32 are scaled into the normal ones first.
  const bool tiny = x < 0x1p-126f;
  const uint32_t bits = std::bit_cast<uint32_t>(tiny ? x * 0x1p64f : x);
  const uint32_t fraction = bits & 0x7fffffu;
  const bool up = rounding == PowerRounding::kUp        ? fraction != 0
                  : rounding == PowerRounding::kNearest ? fraction >= 0x400000u
                                                        : false;
  int32_t code = static_cast<int32_t>(bits >> 23) - (tiny ? 64 : 0) + (up ? 1 : 0);
  if (code < 0 && rounding == PowerRounding::kUp) code = 0;  // the least power lies above
  if (code > f.largest) return beyond;
  if (code < 0) return saturate ? 0 : nan;
  return static_cast<uint8_t>(code);
}

/// The code of x in a float format: one rounding to nearest, ties to even. Numbers that round to
/// more than the largest one, and infinities, give the largest one with `saturate`, else infinity
/// or, where there is none, NaN; float4e2m1 always saturates. NaN stays NaN; in float4e2m1,
/// which has none, it is -0, as in ONNX's backend cases.
HALFTONE_HD constexpr uint8_t encode(const NarrowFormat& f, float x, bool saturate,
                                     PowerRounding rounding = PowerRounding::kUp) {
  if (f.kind == NarrowKind::kPower) return encode_power(f, x, saturate, rounding);
  const uint32_t u = std::bit_cast<uint32_t>(x), magnitude = u & 0x7fffffffu;
  const int32_t sign = static_cast<int32_t>(u >> 31) << (f.bits - 1);
  const int32_t nan = f.fnuz ? f.nan : f.nan < 0 ? 1 << (f.bits - 1) : sign | f.nan;
  if (magnitude > 0x7f800000u) return static_cast<uint8_t>(nan);
  int32_t code = 0;
  if (magnitude < static_cast<uint32_t>(128 - f.bias) << 23) {
    // Subnormal: a multiple of 2^(1 - bias - fraction_bits), which is the unit of the last place of
    // `unit`; so the addition itself does the rounding, to nearest even.
    const float unit = power_of_two(24 - f.bias - f.fraction_bits);
    code = static_cast<int32_t>(std::bit_cast<uint32_t>(std::bit_cast<float>(magnitude) + unit) -
                                std::bit_cast<uint32_t>(unit));
  } else {
    // Rebias the exponent, add half a unit less one, plus one when the kept part is odd.
    const int32_t drop = 23 - f.fraction_bits;
    const uint32_t half = (1u << (drop - 1)) - 1;
    const uint32_t rebiased = magnitude - (static_cast<uint32_t>(127 - f.bias) << 23);
    code = static_cast<int32_t>((rebiased + half + (rebiased >> drop & 1u)) >> drop);
  }
  if (code > f.largest) {
    if (!saturate && f.infinity >= 0)
      code = f.infinity;
    else if (!saturate && f.nan >= 0)
      return static_cast<uint8_t>(nan);
    else
      code = f.largest;
  }
  if (f.fnuz && code == 0) return 0;
  return static_cast<uint8_t>(sign | code);
}

/// An integer in the range of int8 (a type with a sign) or uint8 (without) as an element: clamped
/// with `saturate`, else modulo 2^bits.
HALFTONE_HD constexpr uint8_t encode_integer(const NarrowFormat& f, int32_t x, bool saturate) {
  if (!saturate) return wrapped(f, static_cast<uint32_t>(x));
  const int32_t low = f.kind == NarrowKind::kSigned ? -(1 << (f.bits - 1)) : 0;
  const int32_t high = low + (1 << f.bits) - 1;
  return static_cast<uint8_t>(x < low ? low : x > high ? high : x);
}

}  // namespace narrow

/// The number that each byte of a dtype of kind kStored stands for.
using NarrowTable = std::array<float, 256>;
const NarrowTable& narrow_table(DType t);

}  // namespace halftone
