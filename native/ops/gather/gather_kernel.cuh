// Gathering: one thread for each element, or each unit of several, of y.
#pragma once
#include "device/device.h"
#include "ops/gather/indices.h"

namespace halftone {

/// y: n units of T; row r of `inner` units is x's row rows.source(r), or 0 when that is -1: nothing
/// is read for an index out of range.
template <class T, class Rows>
__global__ void __launch_bounds__(256)
    gather_rows(Rows rows, const T* x, T* y, int64_t inner, int64_t n) {
  const int64_t threads = static_cast<int64_t>(gridDim.x) * blockDim.x;
  for (int64_t i = static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x; i < n;
       i += threads) {
    const int64_t r = i / inner, from = rows.source(r);
    y[i] = from < 0 ? T{} : x[from * inner + (i - r * inner)];
  }
}

}  // namespace halftone
