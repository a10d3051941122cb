// Inputs at which conversions and arithmetic go wrong first.
#pragma once
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "core/dtype.h"

namespace halftone::test {

// Numbers at and around all limits and powers of two, as the type can hold them.
template <class T>
std::vector<T> interesting() {
  std::vector<T> all;
  if constexpr (std::is_same_v<T, Bool>) {
    all = {Bool(false), Bool(true)};
  } else if constexpr (std::is_integral_v<T>) {
    using Limits = std::numeric_limits<T>;
    for (int bit = 0; bit < 64; ++bit)
      for (int64_t near = -2; near <= 2; ++near)
        for (uint64_t tie : {uint64_t{0}, uint64_t{1} << bit >> 8, uint64_t{1} << bit >> 9,
                             uint64_t{1} << bit >> 11, uint64_t{1} << bit >> 24}) {
          const uint64_t n = (uint64_t{1} << bit) + tie + static_cast<uint64_t>(near);
          all.push_back(static_cast<T>(n));
          all.push_back(static_cast<T>(0 - n));
        }
    all.push_back(Limits::min());
    all.push_back(Limits::max());
  } else if constexpr (sizeof(T) == 2) {
    for (uint32_t bits = 0; bits < 0x10000; ++bits) all.push_back(T{static_cast<uint16_t>(bits)});
  } else {
    const T inf = std::numeric_limits<T>::infinity();
    for (const T x : {T{0}, inf, std::numeric_limits<T>::quiet_NaN(), std::numeric_limits<T>::max(),
                      std::numeric_limits<T>::min(), std::numeric_limits<T>::denorm_min()}) {
      all.push_back(x);
      all.push_back(-x);
    }
    for (int exponent = -150; exponent < 128; ++exponent)
      for (const T m : {T{1}, T{1.25}, T{1.5}, T{1} + std::ldexp(T{1}, -11),
                        T{1} + std::ldexp(T{3}, -11), T{1} + std::ldexp(T{1}, -8),
                        T{1} + std::ldexp(T{1}, -23), T{1.99999988079071044921875}}) {
        const T x = std::ldexp(m, exponent);
        for (const T near : {x, std::nextafter(x, inf), std::nextafter(x, -inf)}) {
          all.push_back(near);
          all.push_back(-near);
        }
      }
    for (int i = -70000; i < 70000; i += 17) all.push_back(static_cast<T>(i) / T{4});
  }
  return all;
}

}  // namespace halftone::test
