// The kernel that makes fixed-point multipliers of scales.
#pragma once
#include "device/device.h"
#include "ops/requantize/fixed_points.h"

namespace halftone {

/// One thread for each scale.
template <class S>
__global__ void __launch_bounds__(256)
    make_fixed_points(const S* scale, int64_t count, bool tosa, FixedPoint* out) {
  const int64_t i = static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (i < count) out[i] = fixed_point_of(tosa, static_cast<double>(scale[i]));
}

}  // namespace halftone
