// pad: each element of y finds its source in x, or is the value of a constant margin. Elements are
// moved by their size alone.
#pragma once
#include "device/strided.h"
#include "ops/pad/pad.h"

namespace halftone {

/// The axes of a part of y, in units of the kernel's T.
struct PadAxes {
  int rank = 0;
  device::Divider divide[kMaxRank];  // by the part's size along each axis but the first
  int64_t first[kMaxRank] = {};      // index of the part's first, counted from x's first
  int64_t size[kMaxRank] = {};       // of x
  int64_t x_stride[kMaxRank] = {}, y_stride[kMaxRank] = {};
};

/// The n elements of a part of y. `y` is where the part begins.
template <class T>
__global__ void __launch_bounds__(256)
    pad_elements(PadAxes axes, PadMode mode, T value, const T* x, T* y, uint32_t n) {
  const uint32_t threads = gridDim.x * blockDim.x;
  for (uint32_t i = blockIdx.x * blockDim.x + threadIdx.x; i < n; i += threads) {
    int64_t from = 0, to = 0;
    bool inside = true;
    uint32_t rest = i;
    for (int k = axes.rank - 1; k >= 0; --k) {
      const uint32_t above = k > 0 ? axes.divide[k].quotient(rest) : 0;
      const int64_t index = rest - above * axes.divide[k].divisor;
      const int64_t source = pad_source(mode, axes.first[k] + index, axes.size[k]);
      inside = inside && source >= 0;
      from += source * axes.x_stride[k];
      to += index * axes.y_stride[k];
      rest = above;
    }
    y[to] = inside ? x[from] : value;
  }
}

}  // namespace halftone
