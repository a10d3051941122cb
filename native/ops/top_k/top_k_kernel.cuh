// topK by rank: one thread for each element of x counts those that come before it, and stores it
// where it belongs if there are fewer than k. Every thread of a line reads the same elements.
#pragma once
#include "device/elementwise.h"
#include "ops/top_k/top_k.h"

namespace halftone {

/// x: `count` elements in lines of n, `step` apart; values and indices: lines of k.
template <class T>
__global__ void __launch_bounds__(256)
    top_k_ranks(const T* x, int64_t count, int64_t n, int64_t step, int64_t k, bool largest,
                T* values, int64_t* indices) {
  const int64_t threads = static_cast<int64_t>(gridDim.x) * blockDim.x;
  for (int64_t e = static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x; e < count;
       e += threads) {
    const int64_t outer = e / (n * step), i = e / step % n;
    const T* line = x + outer * n * step + e % step;
    const auto own = device::widen(x[e]);
    int64_t rank = 0;
    for (int64_t j = 0; j < n && rank < k; ++j)
      if (comes_first(largest, device::widen(line[j * step]), j, own, i)) ++rank;
    if (rank >= k) continue;
    const int64_t to = (outer * k + rank) * step + e % step;
    values[to] = x[e];
    indices[to] = i;
  }
}

}  // namespace halftone
