// minMax as a fold of device/reduction.h.
#pragma once
#include <bit>

#include "device/reduction.h"

namespace halftone {

/// Floats as integers whose order is that of the numbers, -0 below +0: negative ones have all bits
/// but the sign flipped. A NaN lies above Infinity or below -Infinity, as its sign is.
struct MinMaxFold {
  static constexpr int32_t kInfinity = 0x7f800000, kMinusInfinity = ~kInfinity;
  float* min;
  float* max;

  struct State {
    int32_t low, high;
  };
  __device__ static int32_t key(int32_t bits) { return bits ^ (bits >> 31 & 0x7fffffff); }
  __device__ State start() const { return {kInfinity, kMinusInfinity}; }
  __device__ void take(State& s, float x, int64_t) const {
    const int32_t k = key(std::bit_cast<int32_t>(x));
    s.low = k < s.low ? k : s.low;
    s.high = k > s.high ? k : s.high;
  }
  __device__ State merge(const State& a, const State& b) const {
    return {a.low < b.low ? a.low : b.low, a.high > b.high ? a.high : b.high};
  }
  __device__ void store(int64_t i, const State& s) const {
    const bool nan = s.low < kMinusInfinity || s.high > kInfinity;
    min[i] = std::bit_cast<float>(nan ? 0x7fc00000 : key(s.low));
    max[i] = std::bit_cast<float>(nan ? 0x7fc00000 : key(s.high));
  }
};

}  // namespace halftone
