// roiAlign: one thread for each result.
#pragma once
#include <limits>

#include "device/values.h"
#include "ops/roi_align/roi_align_value.h"

namespace halftone {

template <class T>
__global__ void __launch_bounds__(256)
    roi_align(const T* x, const ComputeType<T>* rois, const int64_t* images, T* y,
              RoiAlign::Params p, Shape x_shape, int64_t n) {
  for (int64_t i = device::first_result(); i < n; i += device::result_step()) {
    const int64_t row = i / p.outputWidth, plane = row / p.outputHeight;
    const int64_t region = plane / x_shape.dims[1], image = images[region];
    if (image < 0 || image >= x_shape.dims[0]) {
      y[i] = device::Values::store<T>(std::numeric_limits<ComputeType<T>>::quiet_NaN());
      continue;
    }
    const int64_t channel = plane - region * x_shape.dims[1];
    const T* from = x + (image * x_shape.dims[1] + channel) * x_shape.dims[2] * x_shape.dims[3];
    y[i] = roi_align_value<device::Values>(p, rois + 4 * region, from, x_shape.dims[2],
                                           x_shape.dims[3], row - plane * p.outputHeight,
                                           i - row * p.outputWidth);
  }
}

}  // namespace halftone
