// One number from one dtype to another: what cast means, and the oracle of its fast paths.
#pragma once
#include <limits>
#include <type_traits>

#include "core/dtype.h"

namespace halftone {

template <class T>
inline constexpr bool is_16_bit_float = std::is_same_v<T, f16> || std::is_same_v<T, bf16>;
template <class T>
inline constexpr bool is_real = std::is_floating_point_v<T> || is_16_bit_float<T>;

/// The whole number next to x toward zero, clamped to int64; NaN gives 0.
template <class T>
constexpr int64_t whole_number(T x) {
  using Limits = std::numeric_limits<int64_t>;
  if (x != x) return 0;
  if (x >= T{0x1p63}) return Limits::max();
  if (x < T{-0x1p63}) return Limits::min();
  return static_cast<int64_t>(x);
}

/// An integer as float64, rounded to odd where 53 bits do not hold it: rounding once more to a
/// format with at most 51 bits gives what one rounding gives.
constexpr double odd_double(int64_t x) {
  uint64_t magnitude = x < 0 ? 0 - static_cast<uint64_t>(x) : static_cast<uint64_t>(x);
  if (magnitude >> 53)
    magnitude = (magnitude & ~uint64_t{0x7ff}) | ((magnitude & 0x7ff) ? 0x800 : 0);
  const double d =
      static_cast<double>(magnitude);  // a multiple of 2^11 below 2^64, or below 2^53: exact
  return x < 0 ? -d : d;
}

template <class To, class From>
constexpr To cast_value(From x, bool saturate) {
  if constexpr (std::is_same_v<From, Bool>) {
    return cast_value<To>(static_cast<uint8_t>(x.value != 0), saturate);
  } else if constexpr (is_16_bit_float<From>) {
    return cast_value<To>(to_float(x), saturate);
  } else if constexpr (std::is_same_v<To, Bool>) {
    return Bool(x != 0);
  } else if constexpr (is_16_bit_float<To>) {
    const double exact = [&] {
      if constexpr (std::is_integral_v<From>)
        return odd_double(x);
      else
        return static_cast<double>(x);
    }();
    if constexpr (std::is_same_v<To, f16>)
      return to_f16(exact);
    else
      return to_bf16(exact);
  } else if constexpr (std::is_floating_point_v<To>) {
    return static_cast<To>(x);
  } else {
    int64_t n;
    if constexpr (std::is_floating_point_v<From>)
      n = whole_number(x);
    else
      n = x;
    if (saturate) {
      using Limits = std::numeric_limits<To>;
      n = n < Limits::min() ? Limits::min() : n > Limits::max() ? Limits::max() : n;
    }
    return static_cast<To>(n);  // modulo 2^bits, as C++20 says
  }
}

}  // namespace halftone
