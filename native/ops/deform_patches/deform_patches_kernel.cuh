// deformPatches: one thread for each result.
#pragma once
#include "device/values.h"
#include "ops/deform_patches/deform_patches_value.h"

namespace halftone {

template <class T>
__global__ void __launch_bounds__(256)
    deform_patches(const T* x, const T* offset, const T* mask, T* y, DeformGeometry g, int64_t n) {
  for (int64_t i = device::first_result(); i < n; i += device::result_step())
    y[i] = deform_patch<device::Values>(g, x, offset, mask, i);
}

}  // namespace halftone
