// resample: one thread for each result.
#pragma once
#include "device/divide.h"
#include "device/values.h"
#include "ops/resample/resample.h"

namespace halftone {

/// ResampleAxis with its divisions prepared.
struct ResampleWalk {
  ResampleAxis a;
  device::Divisor inner, size;
};

/// Where result i lies: its table's row, and the position in x of index 0.
struct ResamplePlace {
  int64_t row, from;
};
__device__ inline ResamplePlace resample_place(const ResampleWalk& walk, int64_t i) {
  const int64_t line = device::quotient(walk.inner, i), k = i - line * walk.a.inner;
  const int64_t outer = device::quotient(walk.size, line);
  return {line - outer * walk.a.size, outer * walk.a.in * walk.a.inner + k};
}

template <class T>
__global__ void __launch_bounds__(256)
    resample_sum(const T* x, const int32_t* indices, const T* weights, T* y, ResampleWalk walk,
                 int64_t n) {
  for (int64_t i = device::first_result(); i < n; i += device::result_step()) {
    const ResamplePlace at = resample_place(walk, i);
    T sum = 0;
    bool first = true;
    for (int64_t t = at.row * walk.a.taps; t < (at.row + 1) * walk.a.taps; ++t) {
      const int32_t index = indices[t];
      if (index < 0 || index >= walk.a.in) continue;
      const T term = weights[t] * x[at.from + index * walk.a.inner];
      sum = first ? term : sum + term;
      first = false;
    }
    y[i] = sum;
  }
}

template <class T>
__global__ void __launch_bounds__(256)
    resample_copy(const T* x, const int32_t* indices, T* y, ResampleWalk walk, int64_t n) {
  for (int64_t i = device::first_result(); i < n; i += device::result_step()) {
    const ResamplePlace at = resample_place(walk, i);
    const int32_t index = indices[at.row];
    y[i] = index < 0 || index >= walk.a.in ? T{} : x[at.from + index * walk.a.inner];
  }
}

}  // namespace halftone
