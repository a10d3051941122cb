// Softmax in three steps over a row: its greatest element, the sum of exp(x - greatest), the
// quotients. Short rows are read once and kept in shared memory, where their exponentials are
// computed once; long ones are read three times. Sums are taken in a fixed order.
#pragma once
#include "core/arithmetic.h"
#include "core/exponential.h"
#include "device/elementwise.h"

namespace halftone {

inline constexpr unsigned kSoftmaxThreads = 256;

struct SoftmaxGreatest {
  template <class C>
  __device__ C operator()(C a, C b) const {
    return math::maximum(a, b);
  }
};
struct SoftmaxSum {
  template <class C>
  __device__ C operator()(C a, C b) const {
    return a + b;
  }
};

/// f over the values of `lanes` neighbouring threads, in all of them: a power of two up to 32, or
/// all of the block through `of_warps`.
template <class C, class F>
__device__ C softmax_across(C v, unsigned lanes, C* of_warps, F f) {
  for (unsigned far = (lanes < 32 ? lanes : 32) / 2; far > 0; far /= 2)
    v = f(v, __shfl_xor_sync(0xffffffffu, v, static_cast<int>(far)));
  if (lanes <= 32) return v;
  constexpr unsigned kWarps = kSoftmaxThreads / 32;
  if (threadIdx.x % 32 == 0) of_warps[threadIdx.x / 32] = v;
  __syncthreads();
  v = of_warps[threadIdx.x % kWarps];
  for (unsigned far = kWarps / 2; far > 0; far /= 2)
    v = f(v, __shfl_xor_sync(0xffffffffu, v, static_cast<int>(far)));
  return v;
}

/// x, y [rows, n]; `lanes` threads share a row. kCached: dynamic shared memory holds `stride` >= n
/// values for each row of the block, `stride` a multiple of 16 bytes. With `may_pack`, n is a
/// multiple of a pack and x and y are aligned to 16 bytes.
template <class T, bool kCached>
__global__ void __launch_bounds__(kSoftmaxThreads)
    softmax_rows(const T* x, T* y, int64_t rows, int64_t n, int64_t stride, unsigned lanes,
                 bool may_pack) {
  using C = ComputeType<T>;
  constexpr int kPack = device::kPerPack<T>;
  using Values = device::Pack<C, 16 / static_cast<int>(sizeof(C))>;
  __shared__ C greatest_of_warps[kSoftmaxThreads / 32], sum_of_warps[kSoftmaxThreads / 32];
  const unsigned lane = threadIdx.x & (lanes - 1), slot = threadIdx.x / lanes;
  const int64_t row = static_cast<int64_t>(blockIdx.x) * (kSoftmaxThreads / lanes) + slot;
  const int64_t end = row < rows ? n : 0;
  const T* from = x + row * n;
  T* to = y + row * n;
  C* cache = kCached ? device::dynamic_shared<C>() + static_cast<int64_t>(slot) * stride : nullptr;
  // Long rows of float64 are bound by exp, not by memory; packs would cost them registers.
  const bool packs = may_pack && (kCached || sizeof(C) == 4);
  const int64_t step = packs ? static_cast<int64_t>(lanes) * kPack : lanes;
  const int64_t first = packs ? static_cast<int64_t>(lane) * kPack : lane;

  // A thread visits the same elements in each step, so its part of the cache is its own.
  const auto read = [&](int64_t i, C* v) {
    const device::Pack<T, kPack> all = *reinterpret_cast<const device::Pack<T, kPack>*>(from + i);
    for (int j = 0; j < kPack; ++j) v[j] = device::widen(all.v[j]);
  };
  const auto keep = [&](int64_t i, const C* v) {
    for (int j = 0; j < kPack; j += 16 / static_cast<int>(sizeof(C)))
      *reinterpret_cast<Values*>(cache + i + j) = *reinterpret_cast<const Values*>(v + j);
  };
  const auto recall = [&](int64_t i, C* v) {
    for (int j = 0; j < kPack; j += 16 / static_cast<int>(sizeof(C)))
      *reinterpret_cast<Values*>(v + j) = *reinterpret_cast<const Values*>(cache + i + j);
  };

  alignas(16) C v[kPack];
  C greatest = -INFINITY;
  for (int64_t i = first; i < end; i += step) {
    if (packs) {
      read(i, v);
      if constexpr (kCached) keep(i, v);
      for (int j = 0; j < kPack; ++j) greatest = math::maximum(greatest, v[j]);
    } else {
      const C one = device::widen(from[i]);
      if constexpr (kCached) cache[i] = one;
      greatest = math::maximum(greatest, one);
    }
  }
  greatest = softmax_across(greatest, lanes, greatest_of_warps, SoftmaxGreatest{});

  C sum = 0;
#pragma unroll 1  // copies of exp cost registers
  for (int64_t i = first; i < end; i += step) {
    if (packs) {
      if constexpr (kCached)
        recall(i, v);
      else
        read(i, v);
      for (int j = 0; j < kPack; ++j) {
        v[j] = math::exp(v[j] - greatest);
        sum += v[j];
      }
      if constexpr (kCached) keep(i, v);
    } else {
      const C e = math::exp((kCached ? cache[i] : device::widen(from[i])) - greatest);
      if constexpr (kCached) cache[i] = e;
      sum += e;
    }
  }
  sum = softmax_across(sum, lanes, sum_of_warps, SoftmaxSum{});

#pragma unroll 1  // copies of exp cost registers
  for (int64_t i = first; i < end; i += step) {
    if (packs) {
      if constexpr (kCached) {
        recall(i, v);
      } else {
        read(i, v);
        for (int j = 0; j < kPack; ++j) v[j] = math::exp(v[j] - greatest);
      }
      device::Pack<T, kPack> all;
      for (int j = 0; j < kPack; ++j) all.v[j] = device::narrow<T>(v[j] / sum);
      *reinterpret_cast<device::Pack<T, kPack>*>(to + i) = all;
    } else {
      const C e = kCached ? cache[i] : math::exp(device::widen(from[i]) - greatest);
      to[i] = device::narrow<T>(e / sum);
    }
  }
}

/// f over the values of the threads of one column, in all of them. `tile`: one value per thread.
template <class C, class F>
__device__ C softmax_down(C v, unsigned lanes, C* tile, F f) {
  const unsigned rows = kSoftmaxThreads / lanes, row = threadIdx.x / lanes;
  tile[threadIdx.x] = v;
  for (unsigned half = rows / 2; half > 0; half /= 2) {
    __syncthreads();
    if (row < half) tile[threadIdx.x] = f(tile[threadIdx.x], tile[threadIdx.x + half * lanes]);
  }
  __syncthreads();
  return tile[threadIdx.x & (lanes - 1)];
}

/// x, y [outer, n, columns] along the middle axis. A block takes `lanes` (a power of two up to 32)
/// neighbouring columns; its rows of threads share n.
template <class T>
__global__ void __launch_bounds__(kSoftmaxThreads)
    softmax_columns(const T* x, T* y, int64_t n, int64_t columns, unsigned lanes) {
  using C = ComputeType<T>;
  __shared__ C greatest_tile[kSoftmaxThreads], sum_tile[kSoftmaxThreads];
  const int64_t tiles = (columns + lanes - 1) / lanes;
  const int64_t outer = static_cast<int64_t>(blockIdx.x) / tiles;
  const int64_t column =
      (static_cast<int64_t>(blockIdx.x) - outer * tiles) * lanes + (threadIdx.x & (lanes - 1));
  const int64_t end = column < columns ? n : 0;
  const unsigned row = threadIdx.x / lanes, rows = kSoftmaxThreads / lanes;
  const int64_t base = (outer * n + row) * columns + column, step = rows * columns;
  const T* from = x + base;
  C greatest = -INFINITY;
  for (int64_t i = row; i < end; i += rows, from += step)
    greatest = math::maximum(greatest, device::widen(*from));
  greatest = softmax_down(greatest, lanes, greatest_tile, SoftmaxGreatest{});
  C sum = 0;
  from = x + base;
#pragma unroll 1  // copies of exp cost registers
  for (int64_t i = row; i < end; i += rows, from += step)
    sum += math::exp(device::widen(*from) - greatest);
  sum = softmax_down(sum, lanes, sum_tile, SoftmaxSum{});
  from = x + base;
  T* to = y + base;
#pragma unroll 1  // copies of exp cost registers
  for (int64_t i = row; i < end; i += rows, from += step, to += step)
    *to = device::narrow<T>(math::exp(device::widen(*from) - greatest) / sum);
}

}  // namespace halftone
