// Pairs of normal numbers by Box-Muller, out of IEEE additions, multiplications, divisions and
// square roots alone: the same bits with every C library.
#pragma once
#include <bit>
#include <cmath>
#include <cstdint>

#include "core/host_device.h"

namespace halftone {

/// ln(x) for a normal x > 0. Relative error below 1e-15 for x <= 1.
HALFTONE_HD double plain_log(double x) {
  constexpr double kSqrtHalf = 0x1.6a09e667f3bcdp-1;
  constexpr double kLn2High =
      0x1.62e42fee00000p-1;  // 33 bits, so that its product with an exponent is exact
  constexpr double kLn2Low = 0x1.a39ef35793c76p-33;
  const uint64_t bits = std::bit_cast<uint64_t>(x);
  int exponent = static_cast<int>(bits >> 52) - 1022;
  double m = std::bit_cast<double>((bits & 0x000fffffffffffffu) | 0x3fe0000000000000u);  // [0.5, 1)
  if (m < kSqrtHalf) {
    m *= 2;
    --exponent;
  }
  // ln(m) = 2 atanh(s), s = (m - 1) / (m + 1), |s| <= 0.1716: s^2 <= 0.0295, the term in s^23 is
  // below 1e-18 of s.
  const double s = (m - 1) / (m + 1), z = s * s;
  double sum = 0;
  for (int k = 23; k >= 3; k -= 2) sum = (sum + 1.0 / k) * z;
  const double e = exponent;
  return e * kLn2High + (2 * s + (2 * s * sum + e * kLn2Low));
}

struct SineCosine {
  double sine, cosine;
};

/// sin and cos of 2 * pi * turn, 0 <= turn < 1. Absolute error below 3e-16.
HALFTONE_HD SineCosine sine_cosine(double turn) {
  constexpr double kHalfPi = 0x1.921fb54442d18p+0;
  const double quarters = 4 * turn, nearest = static_cast<int>(quarters + 0.5);
  const double x = (quarters - nearest) * kHalfPi, z = x * x;  // |x| <= pi / 4
  // Taylor series; the first terms left out are x^19 / 19! and x^18 / 18!, below 1e-18.
  double s = 1, c = 1;
  for (int k = 17; k >= 3; k -= 2) s = 1 - s * z / (k * (k - 1));
  for (int k = 16; k >= 2; k -= 2) c = 1 - c * z / (k * (k - 1));
  s *= x;
  switch (static_cast<int>(nearest) & 3) {
    case 0:
      return {s, c};
    case 1:
      return {c, -s};
    case 2:
      return {-s, -c};
    default:
      return {-c, s};
  }
}

struct NormalPair {
  double first, second;
};

/// Two independent standard normal numbers out of 128 random bits. Not beyond sqrt(-2 ln 2^-53)
/// = 8.57.
HALFTONE_HD NormalPair box_muller(uint64_t a, uint64_t b) {
  const double u = static_cast<double>((a >> 11) + 1) * 0x1p-53;  // (0, 1]
  const double turn = static_cast<double>(b >> 11) * 0x1p-53;     // [0, 1)
  const double radius = std::sqrt(-2 * plain_log(u));
  const SineCosine angle = sine_cosine(turn);
  return {radius * angle.cosine, radius * angle.sine};
}

}  // namespace halftone
