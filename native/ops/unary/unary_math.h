// The bodies of the unary functions, for float, double and integers. Written without branches and
// library calls where there is a choice, so that loops over them vectorise on every instruction
// set.
#pragma once
#include <cmath>
#include <concepts>
#include <limits>
#include <type_traits>

#include "core/exponential.h"

namespace halftone::math {

/// Integers wrap: -INT_MIN is INT_MIN.
template <class T>
HALFTONE_HD T negate(T x) {
  if constexpr (std::floating_point<T>)
    return -x;
  else
    return static_cast<T>(-static_cast<std::make_unsigned_t<T>>(x));
}

template <class T>
HALFTONE_HD T absolute(T x) {
  if constexpr (std::floating_point<T>)
    return std::abs(x);
  else if constexpr (std::unsigned_integral<T>)
    return x;
  else
    return x < 0 ? negate(x) : x;
}

template <class T>
HALFTONE_HD T sign(T x) {
  if constexpr (std::floating_point<T>)
    return x != x ? x : static_cast<T>(static_cast<T>(x > 0) - static_cast<T>(x < 0));
  else if constexpr (std::unsigned_integral<T>)
    return static_cast<T>(x > 0);
  else
    return static_cast<T>(static_cast<int>(x > 0) - static_cast<int>(x < 0));
}

/// Of floats, which no caller has, the value itself: the table is instantiated for them too.
template <class T>
HALFTONE_HD T flip_bits(T x) {
  if constexpr (std::floating_point<T>)
    return x;
  else
    return static_cast<T>(~x);
}

/// +0 for both zeros; NaN stays.
template <class T>
HALFTONE_HD T relu(T x) {
  return x <= 0 ? T{0} : x;
}

/// Nearest integer, ties to even; assumes the default rounding mode. From 2^23 (2^52) on every
/// value is an integer; below, adding that number leaves no room for a fraction.
template <std::floating_point T>
HALFTONE_HD T round_even(T x) {
  constexpr T kIntegers = sizeof(T) == 4 ? T(0x1p23) : T(0x1p52);
  const T magnitude = std::abs(x);
  const T rounded = std::copysign((magnitude + kIntegers) - kIntegers, x);
  return magnitude < kIntegers ? rounded : x;
}

template <std::floating_point T>
HALFTONE_HD T floor(T x) {
  const T rounded = round_even(x);
  const T lower = rounded - T{1};
  return std::copysign(rounded > x ? lower : rounded, x);
}

template <std::floating_point T>
HALFTONE_HD T ceil(T x) {
  const T rounded = round_even(x);
  const T upper = rounded + T{1};
  return std::copysign(rounded < x ? upper : rounded, x);
}

/// The exponential of a negative number only: nothing overflows, and no digits cancel on either
/// side.
template <std::floating_point T>
HALFTONE_HD T sigmoid(T x) {
  const T e = exp(-std::abs(x));
  return (x < 0 ? e : T{1}) / (T{1} + e);
}

/// x * P(normal variable <= x). erfc instead of 1 + erf keeps the digits of the negative tail.
template <std::floating_point T>
HALFTONE_HD T gelu_erf(T x) {
  constexpr T kSqrtHalf = T(0.70710678118654752440);
  return T(0.5) * x * std::erfc(-x * kSqrtHalf);
}

/// 0.5 x (1 + tanh(u)) with u = sqrt(2 / pi) (x + 0.044715 x^3), as x sigmoid(2 u): the same,
/// without cancellation.
template <std::floating_point T>
HALFTONE_HD T gelu_tanh(T x) {
  constexpr T kSqrt8OverPi = T(1.59576912160573071176);
  return x * sigmoid(kSqrt8OverPi * (x + T(0.044715) * x * x * x));
}

/// min(max(x, low), high), in this order; NaN stays.
template <class T>
HALFTONE_HD T clip(T x, T low, T high) {
  const T raised = x <= low ? low : x;
  return raised >= high ? high : raised;
}

/// A bound of clip as a value of the integer type T: the nearest one inside, saturated.
template <std::integral T>
T integer_bound(double bound, bool is_low) {
  using Limits = std::numeric_limits<T>;
  const double whole = is_low ? std::ceil(bound) : std::floor(bound);
  // As double, the largest int64 is 2^63, one too many: hence >=.
  if (whole >= static_cast<double>(Limits::max())) return Limits::max();
  if (whole <= static_cast<double>(Limits::min())) return Limits::min();
  return static_cast<T>(whole);
}

}  // namespace halftone::math
