// What surrounds a convolution by a library: other layouts of filters, wider types, bias and
// activation, and the search for infinities and NaN. All memory-bound.
#pragma once
#include "device/divide.h"
#include "ops/conv2d/conv2d_direct_kernel.cuh"

namespace halftone {

/// How a dense tensor `to` of `sizes` takes its elements: to[i0, i1, i2, i3] = from[sum of i *
/// step].
struct Move4 {
  device::Divisor sizes[4];
  int64_t steps[4] = {};
  int64_t total = 0;
};

/// Exact for equal types and for widening.
template <class From, class To>
__global__ void __launch_bounds__(256) conv2d_move(Move4 m, const From* from, To* to) {
  const int64_t threads = static_cast<int64_t>(gridDim.x) * blockDim.x;
  for (int64_t i = static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x; i < m.total;
       i += threads) {
    int64_t rest = i, at = 0;
    for (int a = 3; a >= 0; --a) {
      const int64_t above = device::quotient(m.sizes[a], rest);
      at += (rest - above * m.sizes[a].divisor) * m.steps[a];
      rest = above;
    }
    if constexpr (std::is_same_v<From, To>)
      to[i] = from[at];
    else
      to[i] = device::from_float<To>(device::to_float(from[at]));
  }
}

/// y[i] = activation(sums[i] + bias[channel] + residual[i]) for dense tensors whose `channels` lie
/// `inner` elements apart. `sums` may be y. From is the type of the sums: float16 adds in float16.
template <class From, class Y>
__global__ void __launch_bounds__(256)
    conv2d_finish(const From* sums, ConvFinish f, device::Divisor channels, device::Divisor inner,
                  int64_t total, Y* y) {
  const int64_t threads = static_cast<int64_t>(gridDim.x) * blockDim.x;
  for (int64_t i = static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x; i < total;
       i += threads) {
    const int64_t run = device::quotient(inner, i);
    const int64_t k = run - device::quotient(channels, run) * channels.divisor;
    if constexpr (std::is_same_v<From, f16>)
      y[i] = finish<Y>(f, k, i, sums[i]);
    else
      y[i] = finish<Y>(f, k, i, device::to_float(sums[i]));
  }
}

/// Sets *flag when any of n values is an infinity or a NaN.
template <class T>
__global__ void __launch_bounds__(256)
    conv2d_find_nonfinite(const T* values, int64_t n, int* flag) {
  const int64_t threads = static_cast<int64_t>(gridDim.x) * blockDim.x;
  bool found = false;
  for (int64_t i = static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x; i < n;
       i += threads) {
    const float v = device::to_float(values[i]);
    found = found || v - v != 0;
  }
  if (found) atomicOr(flag, 1);
}

}  // namespace halftone
