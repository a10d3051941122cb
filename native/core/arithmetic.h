// Arithmetic on single elements, for float, double and integers, on the CPU and on devices. No
// input traps: integers wrap, and division by zero has a value.
#pragma once
#include <bit>
#include <cmath>
#include <concepts>
#include <cstdint>
#include <type_traits>

#include "core/dtype.h"
#include "core/host_device.h"

namespace halftone::math {

/// An unsigned type in which sums and products of T wrap: at least 32 bits, because C++ would
/// promote smaller ones to a signed int.
template <std::integral T>
using Wrapping = std::conditional_t<sizeof(T) == 8, uint64_t, uint32_t>;

template <class T>
HALFTONE_HD T add(T a, T b) {
  if constexpr (std::floating_point<T>)
    return a + b;
  else
    return static_cast<T>(static_cast<Wrapping<T>>(a) + static_cast<Wrapping<T>>(b));
}

template <class T>
HALFTONE_HD T subtract(T a, T b) {
  if constexpr (std::floating_point<T>)
    return a - b;
  else
    return static_cast<T>(static_cast<Wrapping<T>>(a) - static_cast<Wrapping<T>>(b));
}

template <class T>
HALFTONE_HD T multiply(T a, T b) {
  if constexpr (std::floating_point<T>)
    return a * b;
  else
    return static_cast<T>(static_cast<Wrapping<T>>(a) * static_cast<Wrapping<T>>(b));
}

template <class T>
HALFTONE_HD T divide(T a, T b) {
  if constexpr (std::floating_point<T>) {
    return a / b;
  } else {
    if (b == 0) return 0;
    if constexpr (std::is_signed_v<T>)
      if (b == -1) return subtract(T{0}, a);  // the smallest integer / -1 wraps
    return static_cast<T>(a / b);
  }
}

/// a - trunc(a / b) b, with the sign of a; for floats exact.
template <class T>
HALFTONE_HD T remainder(T a, T b) {
  if constexpr (std::floating_point<T>)
    return std::fmod(a, b);
  else
    return subtract(a, multiply(divide(a, b), b));
}

/// Bits of a float, to tell +0 from -0.
template <std::floating_point T>
using Bits = std::conditional_t<sizeof(T) == 4, uint32_t, uint64_t>;

/// IEEE 754-2019 maximum: NaN if either is, and +0 is greater than -0. For equal numbers, `and` of
/// the bits is either of them or +0.
template <class T>
HALFTONE_HD T maximum(T a, T b) {
  if constexpr (std::floating_point<T>) {
    const T equal = std::bit_cast<T>(std::bit_cast<Bits<T>>(a) & std::bit_cast<Bits<T>>(b));
    const T greater = a > b ? a : b;
    const T ordered = a == b ? equal : greater;
    const bool unordered = (a != a) | (b != b);
    return unordered ? a + b : ordered;
  } else {
    return a > b ? a : b;
  }
}

/// IEEE 754-2019 minimum: NaN if either is, and -0 is less than +0.
template <class T>
HALFTONE_HD T minimum(T a, T b) {
  if constexpr (std::floating_point<T>)
    return -maximum(-a, -b);
  else
    return a < b ? a : b;
}

/// Integers: repeated multiplication, wrapping. A negative exponent gives 1 / a^|b| truncated as
/// divide() does.
template <class T>
HALFTONE_HD T power(T a, T b) {
  if constexpr (std::floating_point<T>) {
    return std::pow(a, b);
  } else {
    if constexpr (std::is_signed_v<T>)
      if (b < 0) {
        if (a == 1) return 1;
        if (a == -1) return b % 2 == 0 ? 1 : -1;
        return 0;
      }
    T result = 1;
    for (auto exponent = static_cast<Wrapping<T>>(b); exponent; exponent >>= 1) {
      if (exponent & 1) result = multiply(result, a);
      a = multiply(a, a);
    }
    return result;
  }
}

/// What C++ has promoted to int, in the type of `a` again.
template <std::integral T, std::integral Promoted>
HALFTONE_HD T same_type(T, Promoted value) {
  return static_cast<T>(value);
}

/// Whether a shift by b keeps any bit of T.
template <std::integral T>
HALFTONE_HD bool is_shift(T b) {
  return static_cast<std::make_unsigned_t<T>>(b) < 8 * sizeof(T);
}

/// Amounts outside of [0, bits) move every bit out.
template <std::integral T>
HALFTONE_HD T shift_left(T a, T b) {
  return is_shift(b) ? static_cast<T>(static_cast<Wrapping<T>>(a) << static_cast<int>(b)) : T{0};
}

/// The same; signed numbers keep their sign.
template <std::integral T>
HALFTONE_HD T shift_right(T a, T b) {
  if (is_shift(b)) return static_cast<T>(a >> static_cast<int>(b));
  // In two steps, since one may only move out all bits but one.
  return static_cast<T>(a >> static_cast<int>(8 * sizeof(T) - 1) >> 1);
}

}  // namespace halftone::math
