// exp and tanh of float32 without branches and calls, so that loops over them vectorise, and give
// the same bits on every instruction set and with every C library. float64 is left to the C
// library.
#pragma once
#include <bit>
#include <cmath>
#include <cstdint>

#include "core/host_device.h"

namespace halftone::math {

namespace detail {

// Adding it to a float leaves the nearest integer in the last bits of the sum.
inline constexpr float kIntegerShift = 0x1.8p23f;

/// 2^n for n in [-126, 127]; any other n gives some float.
HALFTONE_HD float power_of_two(int32_t n) {
  return std::bit_cast<float>(static_cast<uint32_t>(n + 127) << 23);
}

/// a * b + c. Fused it is rounded once, and gives other bits.
template <bool kFused>
HALFTONE_HD float add_product(float a, float b, float c) {
  if constexpr (kFused)
    return std::fma(a, b, c);
  else
    return a * b + c;
}

/// x = n ln 2 + r with |r| <= 0.35, and q = e^r - 1. For |x| <= 110.
struct Exponential {
  int32_t n;
  float q;
};
template <bool kFused = false>
HALFTONE_HD Exponential split_exponential(float x) {
  const float shifted = add_product<kFused>(x, 1.44269504088896340736f, kIntegerShift);  // 1 / ln 2
  const float n = shifted - kIntegerShift;
  // ln 2 in two parts: 355/512 has so few bits that the first product is exact.
  const float r =
      add_product<kFused>(n, 2.12194440054690582e-4f, add_product<kFused>(n, -0.693359375f, x));
  // (e^r - 1 - r) / r^2, minimax on |r| <= 0.35 with each coefficient rounded before the next was
  // fitted: e^r is off by 2^-33 of itself, e^r - 1 by 2^-30.
  float p = 0x1.9e08c8p-13f;
  p = add_product<kFused>(p, r, 0x1.6d5278p-10f);
  p = add_product<kFused>(p, r, 0x1.11130cp-7f);
  p = add_product<kFused>(p, r, 0x1.5554e4p-5f);
  p = add_product<kFused>(p, r, 0x1.555554p-3f);
  p = add_product<kFused>(p, r, 0.5f);
  return {std::bit_cast<int32_t>(shifted) - std::bit_cast<int32_t>(kIntegerShift),
          add_product<kFused>(p, r * r, r)};
}

}  // namespace detail

/// e^x within 1 unit in the last place, subnormal results too.
HALFTONE_HD float exp(float x) {
  // Beyond these the result is 0 or infinity anyway. NaN passes through both comparisons.
  const float above = x < -104.0f ? -104.0f : x;
  const float bounded = above > 89.0f ? 89.0f : above;
  const auto [n, q] = detail::split_exponential(bounded);
  // In two steps: 2^128 and 2^-150 are no normal numbers. Only the second one can round.
  const int32_t half = n >> 1;
  return ((1.0f + q) * detail::power_of_two(half)) * detail::power_of_two(n - half);
}
HALFTONE_HD double exp(double x) { return std::exp(x); }

/// E / (E + 2) with E = e^(2|x|) - 1, within 3 units in the last place.
HALFTONE_HD float tanh(float x) {
  const float twice = 2.0f * std::abs(x);
  const float bounded = twice > 40.0f ? 40.0f : twice;
  const auto [n, q] = detail::split_exponential(bounded);
  const float scale = detail::power_of_two(n);
  const float e = (scale - 1.0f) + scale * q;
  return std::copysign(e / (e + 2.0f), x);
}
HALFTONE_HD double tanh(double x) { return std::tanh(x); }

}  // namespace halftone::math
