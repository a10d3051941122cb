// Division of indexes by a number that is known before the launch: a product and a shift instead of
// the 20 to 100 instructions of a division.
#pragma once
#include <cstdint>

#include "core/host_device.h"

namespace halftone::device {

/// Divides n >= 0 by `divisor` >= 1.
struct Divisor {
  int64_t divisor = 1;
  uint64_t wide_multiplier = 1;
  uint32_t multiplier = 1;  // for n below fast_end
  int32_t shift = 0;
  int64_t fast_end = 0;
};

/// With 2^shift >= d > 2^(shift - 1) and multiplier = floor(2^N (2^shift - d) / d) + 1, n / d =
/// (high N bits of n * multiplier + n) >> shift for all n < 2^N (Granlund and Montgomery, 1994);
/// for n < 2^(N - 1) the sum does not overflow. N is 32 where n and d are below 2^31, else 64.
constexpr Divisor divisor_of(int64_t d) {
  Divisor v;
  v.divisor = d;
  while ((int64_t{1} << v.shift) < d) ++v.shift;  // d <= 2^62: more elements fit no memory
  const uint64_t by = static_cast<uint64_t>(d), above = (uint64_t{1} << v.shift) - by;
  v.wide_multiplier = static_cast<uint64_t>((static_cast<unsigned __int128>(above) << 64) / by) + 1;
  if (d >= int64_t{1} << 31) return v;
  v.multiplier = static_cast<uint32_t>((above << 32) / by + 1);
  v.fast_end = int64_t{1} << 31;
  return v;
}

HALFTONE_HD int64_t quotient(const Divisor& by, int64_t n) {
  if (n < by.fast_end) {
    const uint32_t low = static_cast<uint32_t>(n);
    const uint32_t high = static_cast<uint32_t>(static_cast<uint64_t>(low) * by.multiplier >> 32);
    return static_cast<int64_t>((high + low) >> by.shift);
  }
  // No division here either: on a GPU that of 64 bits is a call.
  const uint64_t all = static_cast<uint64_t>(n);
#if defined(__CUDA_ARCH__)
  const uint64_t high = __umul64hi(all, by.wide_multiplier);
#else
  const uint64_t high =
      static_cast<uint64_t>(static_cast<unsigned __int128>(all) * by.wide_multiplier >> 64);
#endif
  return static_cast<int64_t>((high + all) >> by.shift);
}

/// The same for n and divisor below 2^31 alone: for kernels whose positions are 32-bit numbers.
struct Divider {
  uint32_t divisor = 1, multiplier = 1;
  int32_t shift = 0;

  Divider() = default;
  explicit constexpr Divider(uint32_t d) : divisor(d) {
    const Divisor v = divisor_of(d);
    multiplier = v.multiplier;
    shift = v.shift;
  }
  constexpr uint32_t quotient(uint32_t n) const {
    return (static_cast<uint32_t>(static_cast<uint64_t>(n) * multiplier >> 32) + n) >> shift;
  }
};

}  // namespace halftone::device
