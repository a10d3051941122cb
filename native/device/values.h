// The device's counterpart of core/values.h.
#pragma once
#include "device/elementwise.h"

namespace halftone::device {

struct Values {
  template <class T>
  HALFTONE_HD ComputeType<T> load(T x) {
    return widen(x);
  }
  template <class T>
  HALFTONE_HD T store(ComputeType<T> x) {
    return narrow<T>(x);
  }
};

/// One thread for each of n results, in a grid-stride loop: the position of the first of a thread,
/// and the step to its next one.
__device__ inline int64_t first_result() {
  return static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
}
__device__ inline int64_t result_step() { return static_cast<int64_t>(gridDim.x) * blockDim.x; }

}  // namespace halftone::device
