// Division of indexes by a number that is known before the launch: a product and a shift instead of
// the 20 to 100 instructions of a division.
#pragma once
#include <cstdint>

#include "core/host_device.h"

namespace halftone::device {

/// Divides n >= 0 by `divisor` >= 1. The fast way is for both below 2^31, others are divided as
/// usual.
struct Divisor {
  int64_t divisor = 1;
  uint32_t multiplier = 1;
  int32_t shift = 0;
  int64_t fast_end = 0;  // n below this are divided the fast way
};

/// multiplier = floor(2^32 (2^shift - d) / d) + 1 with 2^shift >= d > 2^(shift - 1): then n / d =
/// (high half of n * multiplier + n) >> shift for all n < 2^32 (Granlund and Montgomery, 1994); for
/// n < 2^31 the sum does not overflow.
constexpr Divisor divisor_of(int64_t d) {
  Divisor v;
  v.divisor = d;
  if (d >= int64_t{1} << 31) return v;
  while ((int64_t{1} << v.shift) < d) ++v.shift;
  v.multiplier = static_cast<uint32_t>(
      ((uint64_t{1} << 32) * ((uint64_t{1} << v.shift) - static_cast<uint64_t>(d))) /
          static_cast<uint64_t>(d) +
      1);
  v.fast_end = int64_t{1} << 31;
  return v;
}

HALFTONE_HD int64_t quotient(const Divisor& by, int64_t n) {
  if (n >= by.fast_end) return n / by.divisor;
  const uint32_t low = static_cast<uint32_t>(n);
  const uint32_t high = static_cast<uint32_t>(static_cast<uint64_t>(low) * by.multiplier >> 32);
  return static_cast<int64_t>((high + low) >> by.shift);
}

}  // namespace halftone::device
