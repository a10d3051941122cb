// Codes of at most 16 bits, for GPUs: in instructions of which a multiprocessor does 64 or 128 at a
// time. Of divisions and of conversions from float to integer it does 16, which is less than memory
// brings.
#pragma once
#include <bit>
#include <cmath>

#include "ops/quantize/rounding.h"

namespace halftone {

/// quantize_code() of a float: the same result, for codes of at most 16 bits.
template <bool kHalfAway>
HALFTONE_HD int32_t small_code(float t, int32_t zero_point, int32_t low, int32_t high) {
  const float least = static_cast<float>(low - zero_point);
  const float most = static_cast<float>(high - zero_point);
  float c = fminf(fmaxf(t, least), most);  // NaN: the bound
  if constexpr (kHalfAway) c = round_half_away(c);
  // Below 2^22, the sum's last bits are the nearest integer, as in round_half_even().
  return std::bit_cast<int32_t>(c + 0x1.8p23f) - std::bit_cast<int32_t>(0x1.8p23f) + zero_point;
}

/// Divides by one number again and again.
struct QuickDivisor {
  float divisor = 1;
  float inverse = 0;  // rounded to nearest; 0: not to be used
};
HALFTONE_HD QuickDivisor quick_divisor(float divisor) {
  const float magnitude = divisor < 0 ? -divisor : divisor;
  const bool usable = magnitude >= 0x1p-100f && magnitude <= 0x1p100f;
  return {divisor, usable ? 1.0f / divisor : 0.0f};
}

/// A number that small_code() rounds as v / by.divisor.
///
/// The first correction brings the quotient within one unit in the last place; the second rounds it
/// as a division does, for an inverse that is rounded to nearest (Markstein, IBM Journal of
/// Research and Development 34, 1990, theorem 7) and remainders that are exact. These are but for
/// |v| < 2^-102: then |v / divisor| <= 1/4, and so is what comes out, nearly. From 2^30 on the
/// bounds of any code apply, and the corrections may overflow.
/// by.inverse is not 0.
HALFTONE_HD float quick_quotient(float v, const QuickDivisor& by) {
  const float near = v * by.inverse;
  const float nearer = fmaf(fmaf(-by.divisor, near, v), by.inverse, near);
  const float exact = fmaf(fmaf(-by.divisor, nearer, v), by.inverse, nearer);
  return std::abs(near) < 0x1p30f ? exact : near;
}
HALFTONE_HD float quotient(float v, const QuickDivisor& by) {
  return by.inverse != 0 ? quick_quotient(v, by) : v / by.divisor;
}

}  // namespace halftone
