// One number from one dtype to another: what cast means, and the oracle of its fast paths.
#pragma once
#include <limits>
#include <type_traits>
#include <utility>

#include "core/dtype.h"

namespace halftone {

template <class T>
inline constexpr bool is_16_bit_float = std::is_same_v<T, f16> || std::is_same_v<T, bf16>;
template <class T>
inline constexpr bool is_real = std::is_floating_point_v<T> || is_16_bit_float<T>;

/// The whole number next to x toward zero, clamped to N (int64 or uint64); NaN gives 0.
template <class N, class T>
constexpr N whole_number(T x) {
  using Limits = std::numeric_limits<N>;
  constexpr T kEnd = std::is_signed_v<N> ? T{0x1p63} : T{0x1p64};
  if (x != x) return 0;
  if (x >= kEnd) return Limits::max();
  if (x < (std::is_signed_v<N> ? -kEnd : T{0})) return Limits::min();
  return static_cast<N>(x);
}

/// An integer as float64, rounded to odd where 53 bits do not hold it: rounding once more to a
/// format with at most 51 bits gives what one rounding gives.
constexpr double odd_double(uint64_t magnitude) {
  if (magnitude >> 53)
    magnitude = (magnitude & ~uint64_t{0x7ff}) | ((magnitude & 0x7ff) ? 0x800 : 0);
  return static_cast<double>(magnitude);  // a multiple of 2^11 below 2^64, or below 2^53: exact
}
constexpr double odd_double(int64_t x) {
  return x < 0 ? -odd_double(0 - static_cast<uint64_t>(x)) : odd_double(static_cast<uint64_t>(x));
}
/// The 64-bit integer that holds an integer of type T.
template <class T>
using Widest = std::conditional_t<std::is_signed_v<T>, int64_t, uint64_t>;

/// An integer clamped to the range of To.
template <class To, class From>
constexpr To clamped(From x) {
  using Limits = std::numeric_limits<To>;
  if (std::cmp_less(x, Limits::min())) return Limits::min();
  if (std::cmp_greater(x, Limits::max())) return Limits::max();
  return static_cast<To>(x);
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
        return odd_double(static_cast<Widest<From>>(x));
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
    if constexpr (std::is_integral_v<From>) {
      return saturate ? clamped<To>(x) : static_cast<To>(x);  // modulo 2^bits, as C++20 says
    } else if constexpr (std::is_same_v<To, uint64_t>) {
      // Below zero the number wraps from int64, as for all other targets.
      if (x < 0 && !saturate) return static_cast<uint64_t>(whole_number<int64_t>(x));
      return whole_number<uint64_t>(x);
    } else {
      const int64_t n = whole_number<int64_t>(x);
      return saturate ? clamped<To>(n) : static_cast<To>(n);
    }
  }
}

}  // namespace halftone
