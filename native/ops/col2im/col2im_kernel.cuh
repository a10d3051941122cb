// col2im: one thread for each result.
#pragma once
#include "device/values.h"
#include "ops/col2im/col2im_value.h"

namespace halftone {

template <class T>
__global__ void __launch_bounds__(256) col2im(const T* x, T* y, BlockGeometry g, int64_t n) {
  for (int64_t i = device::first_result(); i < n; i += device::result_step())
    y[i] = col2im_value<device::Values>(g, x, i);
}

}  // namespace halftone
