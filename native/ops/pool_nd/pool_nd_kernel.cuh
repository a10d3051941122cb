// Poolings over one to three axes: one thread for each result.
#pragma once
#include "device/values.h"
#include "ops/pool_nd/pool_nd_value.h"

namespace halftone {

template <class T>
__global__ void __launch_bounds__(256)
    average_pool(const T* x, T* y, PoolNdGeometry g, bool with_padding, int64_t n) {
  for (int64_t i = device::first_result(); i < n; i += device::result_step())
    y[i] = average_window<device::Values>(g, with_padding, x, i);
}

template <class T>
__global__ void __launch_bounds__(256)
    lp_pool(const T* x, T* y, PoolNdGeometry g, int64_t p, int64_t n) {
  for (int64_t i = device::first_result(); i < n; i += device::result_step())
    y[i] = lp_window<device::Values>(g, p, x, i);
}

template <class T>
__global__ void __launch_bounds__(256)
    max_pool_indices(const T* x, int64_t* y, PoolNdGeometry g, bool column_major, int64_t n) {
  for (int64_t i = device::first_result(); i < n; i += device::result_step())
    y[i] = largest_tap<device::Values>(g, column_major, x, i);
}

}  // namespace halftone
