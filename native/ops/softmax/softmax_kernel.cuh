// Softmax in three steps over a row: its greatest element, the sum of exp(x - greatest), the
// quotients. Short rows are read once and kept in shared memory, where their exponentials are
// computed once; long ones are read three times. Sums are taken in a fixed order.
#pragma once
#include <cmath>

#include "core/exponential.h"
#include "device/elementwise.h"

namespace halftone {

inline constexpr unsigned kSoftmaxThreads = 256;

/// NaN is passed over: its own exponential makes the sum NaN, and so the whole row.
struct SoftmaxGreatest {
  template <class C>
  __device__ C operator()(C a, C b) const {
    return std::fmax(a, b);
  }
};
struct SoftmaxSum {
  template <class C>
  __device__ C operator()(C a, C b) const {
    return a + b;
  }
};

/// e^d of d <= 0, or NaN. For 16-bit results by the device's exp2, within 2 units in the last place
/// of a float, and the rounded argument: |d| / 2 units. Else math::exp() with fused products and
/// without what d > 0 would need: within 1 unit, subnormal results too.
template <class T>
__device__ ComputeType<T> softmax_exp(ComputeType<T> d) {
  if constexpr (is_widened<T>) {
    return std::exp2(d * 1.44269504088896340736f);
  } else if constexpr (sizeof(T) == 4) {
    const auto [n, q] = math::detail::split_exponential<true>(d < -104.0f ? -104.0f : d);
    // n >= -150, so that 2^(n + 64) is a normal number and only the last product can round twice.
    return (1.0f + q) * math::detail::power_of_two(n + 64) * 0x1p-64f;
  } else {
    return std::exp(d);
  }
}

/// Division by the sum of a row, which is at least 1 and finite, or NaN.
template <class T>
struct SoftmaxQuotient {
  using C = ComputeType<T>;
  C sum, inverse;
  __device__ explicit SoftmaxQuotient(C of) : sum(of), inverse(1 / of) {}
  __device__ T operator()(C e) const {
    if constexpr (is_widened<T>) {
      return device::narrow<T>(e * inverse);
    } else if constexpr (sizeof(T) == 4) {
      const float near = e * inverse;  // within 2 units in the last place; then nearly within 1/2
      return std::fma(std::fma(-sum, near, e), inverse, near);
    } else {
      return e / sum;
    }
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
  if (packs) {
    constexpr int kAhead = sizeof(C) == 4 ? 4 : 1;  // packs under way at a time
    for (int64_t i = first; i < end; i += kAhead * step) {
      device::Pack<T, kPack> all[kAhead] = {};
#pragma unroll
      for (int k = 0; k < kAhead; ++k)
        if (i + k * step < end)
          all[k] = *reinterpret_cast<const device::Pack<T, kPack>*>(from + i + k * step);
#pragma unroll
      for (int k = 0; k < kAhead; ++k) {
        if (i + k * step >= end) break;
        for (int j = 0; j < kPack; ++j) v[j] = device::widen(all[k].v[j]);
        if constexpr (kCached) keep(i + k * step, v);
        for (int j = 0; j < kPack; ++j) greatest = std::fmax(greatest, v[j]);
      }
    }
  } else {
    for (int64_t i = first; i < end; i += step) {
      const C one = device::widen(from[i]);
      if constexpr (kCached) cache[i] = one;
      greatest = std::fmax(greatest, one);
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
        v[j] = softmax_exp<T>(v[j] - greatest);
        sum += v[j];
      }
      if constexpr (kCached) keep(i, v);
    } else {
      const C e = softmax_exp<T>((kCached ? cache[i] : device::widen(from[i])) - greatest);
      if constexpr (kCached) cache[i] = e;
      sum += e;
    }
  }
  const SoftmaxQuotient<T> part(softmax_across(sum, lanes, sum_of_warps, SoftmaxSum{}));

#pragma unroll 1  // copies of exp cost registers
  for (int64_t i = first; i < end; i += step) {
    if (packs) {
      if constexpr (kCached) {
        recall(i, v);
      } else {
        read(i, v);
        for (int j = 0; j < kPack; ++j) v[j] = softmax_exp<T>(v[j] - greatest);
      }
      device::Pack<T, kPack> all;
      for (int j = 0; j < kPack; ++j) all.v[j] = part(v[j]);
      *reinterpret_cast<device::Pack<T, kPack>*>(to + i) = all;
    } else {
      to[i] = part(kCached ? cache[i] : softmax_exp<T>(device::widen(from[i]) - greatest));
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
    greatest = std::fmax(greatest, device::widen(*from));
  greatest = softmax_down(greatest, lanes, greatest_tile, SoftmaxGreatest{});
  C sum = 0;
  from = x + base;
#pragma unroll 1  // copies of exp cost registers
  for (int64_t i = row; i < end; i += rows, from += step)
    sum += softmax_exp<T>(device::widen(*from) - greatest);
  const SoftmaxQuotient<T> part(softmax_down(sum, lanes, sum_tile, SoftmaxSum{}));
  from = x + base;
  T* to = y + base;
#pragma unroll 1  // copies of exp cost registers
  for (int64_t i = row; i < end; i += rows, from += step, to += step)
    *to = part(softmax_exp<T>(device::widen(*from) - greatest));
}

}  // namespace halftone
