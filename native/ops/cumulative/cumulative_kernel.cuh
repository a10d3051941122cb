// Running sums and products: one thread for each line, in the order of the CPU.
#pragma once
#include "device/elementwise.h"
#include "ops/cumulative/cumulative.h"

namespace halftone {

template <bool kProduct, class T>
__global__ void __launch_bounds__(256)
    cumulative_elements(CumulativeLines lines, const T* x, T* y) {
  using C = ComputeType<T>;
  const int64_t threads = static_cast<int64_t>(gridDim.x) * blockDim.x;
  for (int64_t l = static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x; l < lines.lines;
       l += threads) {
    C sum = kProduct ? C{1} : C{0};
    for (int64_t i = 0; i < lines.size; ++i) {
      const int64_t at = lines.at(l, i);
      const C before = sum;
      sum = accumulated<kProduct>(before, device::widen(x[at]), i);
      y[at] = device::narrow<T>(lines.exclusive ? before : sum);
    }
  }
}

}  // namespace halftone
