// Gathering: one thread for each element, or each unit of several, of y.
#pragma once
#include "device/index_fault.h"
#include "ops/gather/indices.h"

namespace halftone {

/// y: n units of T; row r of `inner` units is x's row rows.source(r), or 0 when that is -1: for an
/// index out of range nothing is read, and it is noted.
template <class T, class Rows>
__global__ void __launch_bounds__(256)
    gather_rows(Rows rows, IndexSite site, const T* x, T* y, int64_t inner, int64_t n) {
  const int64_t threads = static_cast<int64_t>(gridDim.x) * blockDim.x;
  for (int64_t i = static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x; i < n;
       i += threads) {
    const int64_t r = i / inner, from = rows.source(r);
    y[i] = from < 0 ? T{} : x[from * inner + (i - r * inner)];
    if (from < 0) device::note_index(site, rows.fault(r), rows.indices.at(rows.fault(r)));
  }
}

}  // namespace halftone
