// The bin of one number: the same lines on the CPU and in kernels.
#pragma once
#include <cstdint>

#include "core/host_device.h"

namespace halftone {

/// 0 to bins - 1; `bins` where |x| lies beyond max (or max is NaN); bins + 1 for NaN and
/// infinities. The quotient lies in [0, 1] and the product in [0, bins], so nothing overflows,
/// whatever max is.
HALFTONE_HD int32_t abs_histogram_bin(float x, float max, int32_t bins) {
  constexpr float kInfinity = __builtin_inff();
  const float magnitude = x < 0 ? -x : x;
  // 0 / 0 is NaN: with max 0 only zeros are not beyond it.
  const float place =
      magnitude > 0 ? magnitude / max * static_cast<float>(bins) : 0.0f;  // bins <= 2^20: exact
  const bool finite = magnitude < kInfinity, inside = finite && magnitude <= max;
  const int32_t bin = inside ? static_cast<int32_t>(place) : 0;
  const int32_t last = bin < bins ? bin : bins - 1;
  return inside ? last : finite ? bins : bins + 1;
}

}  // namespace halftone
