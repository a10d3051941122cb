// absHistogram: each block counts into shared memory and adds its counts to the result once. All
// are integers, so the order of the additions does not show.
#pragma once
#include "device/elementwise.h"
#include "ops/abs_histogram/abs_histogram_bin.h"

namespace halftone {

/// The sum over the lanes of the warp, in lane 0.
__device__ inline uint32_t abs_histogram_warp_sum(uint32_t v) {
  for (int far = 16; far > 0; far /= 2) v += __shfl_xor_sync(0xffffffffu, v, far);
  return v;
}

/// counts [bins], above and non_finite are 0 before. `copies` sets of counts in dynamic shared
/// memory, which the warps share out among them, so that they wait for each other less; 0: too many
/// bins for it, the counts are added one by one. With `packs`, x is aligned to 16 bytes. Fewer than
/// 2^32 elements for each warp.
template <class T>
__global__ void __launch_bounds__(device::kElementwiseThreads)
    abs_histogram(const T* x, const float* max_of_all, int32_t bins, int32_t copies,
                  unsigned long long* counts, unsigned long long* above,
                  unsigned long long* non_finite, int64_t n, bool packs) {
  constexpr int kPack = device::kPerPack<T>;
  uint32_t* shared = device::dynamic_shared<uint32_t>();
  const float max = *max_of_all;
  for (int32_t i = static_cast<int32_t>(threadIdx.x); i < bins * copies;
       i += static_cast<int32_t>(blockDim.x))
    shared[i] = 0;
  __syncthreads();
  uint32_t* mine =
      copies > 0 ? shared + static_cast<int32_t>(threadIdx.x / 32) % copies * bins : nullptr;
  // The first bin is the fullest by far (zeros after a relu, long tails), and one address takes one
  // addition at a time: it is counted in a register.
  uint32_t in_first = 0, beyond = 0, others = 0;
  const auto count = [&](T v) {
    const int32_t bin = abs_histogram_bin(device::widen(v), max, bins);
    if (bin == 0)
      ++in_first;
    else if (bin == bins)
      ++beyond;
    else if (bin > bins)
      ++others;
    else if (mine)
      atomicAdd(mine + bin, 1u);
    else
      atomicAdd(counts + bin, 1ull);
  };
  const int64_t thread = static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  const int64_t threads = static_cast<int64_t>(gridDim.x) * blockDim.x;
  const int64_t whole = packs ? n / kPack : 0;
  for (int64_t i = thread; i < whole; i += threads) {
    const device::Pack<T, kPack> v = reinterpret_cast<const device::Pack<T, kPack>*>(x)[i];
    for (int j = 0; j < kPack; ++j) count(v.v[j]);
  }
  for (int64_t i = whole * kPack + thread; i < n; i += threads) count(x[i]);

  in_first = abs_histogram_warp_sum(in_first);
  beyond = abs_histogram_warp_sum(beyond);
  others = abs_histogram_warp_sum(others);
  if (threadIdx.x % 32 == 0) {
    if (in_first) atomicAdd(counts, static_cast<unsigned long long>(in_first));
    if (beyond) atomicAdd(above, static_cast<unsigned long long>(beyond));
    if (others) atomicAdd(non_finite, static_cast<unsigned long long>(others));
  }
  __syncthreads();
  if (copies == 0) return;
  for (int32_t i = static_cast<int32_t>(threadIdx.x); i < bins;
       i += static_cast<int32_t>(blockDim.x)) {
    uint32_t sum = 0;
    for (int32_t k = 0; k < copies; ++k) sum += shared[k * bins + i];
    if (sum) atomicAdd(counts + i, static_cast<unsigned long long>(sum));
  }
}

}  // namespace halftone
