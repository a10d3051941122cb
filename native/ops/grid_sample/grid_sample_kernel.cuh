// gridSample: one thread for each result.
#pragma once
#include "device/values.h"
#include "ops/grid_sample/taps.h"

namespace halftone {

template <class T>
__global__ void __launch_bounds__(256)
    grid_sample(const T* x, const ComputeType<T>* grid, T* y, GridSample::Params p, GridGeometry g,
                int64_t n) {
  const int64_t volume = g.size[0] * g.size[1] * g.size[2];
  for (int64_t i = device::first_result(); i < n; i += device::result_step()) {
    const int64_t plane = i / g.places, place = i - plane * g.places;
    const int64_t at = plane / g.channels * g.places + place;
    const auto taps = grid_taps(p, g, grid + at * g.axes);
    y[i] = device::Values::store<T>(sum_of_taps<device::Values>(taps.d, taps.h, taps.w, g.size[1],
                                                                g.size[2], x + plane * volume));
  }
}

}  // namespace halftone
