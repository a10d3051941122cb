// The elements that arange and random make, by position: shared by all backends, so that they give
// the same bits.
#pragma once
#include <cmath>
#include <limits>

#include "core/host_device.h"
#include "ops/cast/cast_value.h"
#include "ops/create/normal.h"
#include "ops/create/philox.h"

namespace halftone {

/// arange by position.
template <class T>
struct ArangeValue {
  double start = 0, step = 0;
  // Integers: exact also above 2^53, and modulo 2^64 on the way from one end of int64 to the other.
  uint64_t whole_start = 0, whole_step = 0;

  ArangeValue(double from, double by, int64_t n) : start(from), step(by) {
    if constexpr (std::is_integral_v<T>) {
      if (n == 0) return;  // nothing has been checked then
      whole_start = cast_value<uint64_t>(from, false);
      // With one element the step need not be an int64.
      whole_step = n > 1 ? cast_value<uint64_t>(by, false) : 0;
    }
  }
  constexpr T operator()(int64_t i) const {
    if constexpr (std::is_integral_v<T>)
      return static_cast<T>(whole_start + static_cast<uint64_t>(i) * whole_step);
    else
      return cast_value<T>(start + static_cast<double>(i) * step, false);
  }
};

/// The greatest number below x.
template <class T>
HALFTONE_HD T below(T x) {
  if constexpr (std::is_floating_point_v<T>) {
    return std::nextafter(x, -std::numeric_limits<T>::infinity());
  } else {
    const uint16_t bits = x.bits;
    if ((bits & 0x7fff) == 0) return T{0x8001};
    return T{static_cast<uint16_t>(bits & 0x8000 ? bits + 1 : bits - 1)};
  }
}

template <class T>
constexpr double as_double(T x) {
  if constexpr (is_16_bit_float<T>)
    return to_float(x);
  else
    return x;
}

// Each of the following makes elements kPerBlock * b ... kPerBlock * b + kPerBlock - 1 out of
// Philox block b.

template <class T>
struct UniformFloats {
  static constexpr int kPerBlock = sizeof(T) == 8 ? 2 : 4;
  double from, width, end;
  T largest;  // the greatest number below the end

  UniformFloats(double low, double high)
      : from(as_double(cast_value<T>(low, false))),
        width(as_double(cast_value<T>(high, false)) - from),
        end(as_double(cast_value<T>(high, false))),
        largest(below(cast_value<T>(high, false))) {}
  constexpr void operator()(const PhiloxBlock& block, T* to) const {
    for (int j = 0; j < kPerBlock; ++j) {
      const size_t at = static_cast<size_t>(j);
      const double u = sizeof(T) == 8 ? static_cast<double>(Philox::wide(block, at) >> 11) * 0x1p-53
                                      : block[at] * 0x1p-32;
      const T y = cast_value<T>(from + u * width, false);
      to[j] = as_double(y) < end ? y : largest;
    }
  }
};

template <class T>
struct UniformIntegers {
  static constexpr int kPerBlock = 2;
  int64_t from;
  uint64_t count;

  UniformIntegers(double low, double high)
      : from(static_cast<int64_t>(low)), count(static_cast<uint64_t>(high - low)) {}
  constexpr void operator()(const PhiloxBlock& block, T* to) const {
    for (int j = 0; j < kPerBlock; ++j) {
      const uint64_t r = Philox::wide(block, static_cast<uint64_t>(j));
      const uint64_t k = static_cast<uint64_t>(static_cast<unsigned __int128>(r) * count >> 64);
      to[j] = static_cast<T>(from + static_cast<int64_t>(k));
    }
  }
};

template <class T>
struct NormalFloats {
  static constexpr int kPerBlock = 2;
  double mean, std;

  constexpr void operator()(const PhiloxBlock& block, T* to) const {
    const NormalPair n = box_muller(Philox::wide(block, 0), Philox::wide(block, 1));
    to[0] = cast_value<T>(mean + std * n.first, false);
    to[1] = cast_value<T>(mean + std * n.second, false);
  }
};

}  // namespace halftone
