// det: one thread for each matrix, in float64: for many small ones.
#pragma once
#include "device/elementwise.h"
#include "ops/det/det.h"

namespace halftone {

/// x: `count` matrices [n, n]; matrices: room for as many in float64.
template <class T>
__global__ void __launch_bounds__(256)
    determinants(const T* x, T* y, double* matrices, int64_t n, int64_t count) {
  const int64_t threads = static_cast<int64_t>(gridDim.x) * blockDim.x;
  for (int64_t i = static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x; i < count;
       i += threads) {
    double* matrix = matrices + i * n * n;
    for (int64_t k = 0; k < n * n; ++k)
      matrix[k] = static_cast<double>(device::widen(x[i * n * n + k]));
    const double det = eliminate(matrix, n);
    if constexpr (is_widened<T>)
      y[i] = device::narrow<T>(round_to_odd(det));
    else
      y[i] = static_cast<T>(det);
  }
}

}  // namespace halftone
