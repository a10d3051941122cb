// full, arange and random: nothing is read, all is written in 16 bytes where it can be.
#pragma once
#include "device/device.h"
#include "ops/create/create_value.h"

namespace halftone {

using FillPattern = device::Pack<uint8_t, 16>;

/// y: `bytes` bytes, the pattern again and again. y is aligned to 16 bytes.
__global__ void __launch_bounds__(256) fill_bytes(FillPattern pattern, uint8_t* y, int64_t bytes) {
  const int64_t thread = static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  const int64_t threads = static_cast<int64_t>(gridDim.x) * blockDim.x;
  const int64_t whole = bytes / 16;
  for (int64_t i = thread; i < whole; i += threads) reinterpret_cast<FillPattern*>(y)[i] = pattern;
  for (int j = 0; j < 16; ++j)  // of constant length: the pattern stays in registers
    if (thread == j && j < bytes % 16) y[whole * 16 + j] = pattern.v[j];
}

/// y: n elements, y[i] = value(i).
template <class T>
__global__ void __launch_bounds__(256) arange_elements(ArangeValue<T> value, T* y, int64_t n) {
  const int64_t threads = static_cast<int64_t>(gridDim.x) * blockDim.x;
  for (int64_t i = static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x; i < n; i += threads)
    y[i] = value(i);
}

/// y: n elements, of which each Philox block makes a few. y is aligned to 16 bytes.
template <class T, class Make>
__global__ void __launch_bounds__(256) random_elements(Philox philox, Make make, T* y, int64_t n) {
  constexpr int kPerBlock = Make::kPerBlock;
  const int64_t threads = static_cast<int64_t>(gridDim.x) * blockDim.x;
  for (int64_t b = static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x; b * kPerBlock < n;
       b += threads) {
    device::Pack<T, kPerBlock> made;
    make(philox.block(static_cast<uint64_t>(b)), made.v);
    if (n - b * kPerBlock >= kPerBlock)
      reinterpret_cast<device::Pack<T, kPerBlock>*>(y)[b] = made;
    else
      for (int j = 0; j < kPerBlock; ++j)  // of constant length: `made` stays in registers
        if (b * kPerBlock + j < n) y[b * kPerBlock + j] = made.v[j];
  }
}

}  // namespace halftone
