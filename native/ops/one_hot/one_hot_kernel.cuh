// oneHot: one thread for each element of y, moved by its size alone.
#pragma once
#include "device/device.h"
#include "ops/gather/indices.h"

namespace halftone {

/// y [outer, depth, inner] of n elements from indices [outer, inner] and values [2].
template <class T>
__global__ void __launch_bounds__(256) one_hot_elements(Indices indices, const T* values, T* y,
                                                        int64_t depth, int64_t inner, int64_t n) {
  const int64_t threads = static_cast<int64_t>(gridDim.x) * blockDim.x;
  for (int64_t i = static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x; i < n;
       i += threads) {
    const int64_t row = i / inner, outer = row / depth;
    const int64_t place = resolve_index(indices.at(outer * inner + i - row * inner), depth);
    y[i] = values[place == row - outer * depth ? 1 : 0];
  }
}

}  // namespace halftone
