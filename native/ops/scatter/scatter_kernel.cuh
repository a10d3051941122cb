// Scattering without atomics: the updates of a line are looked at by `owners` threads, each of
// which applies those of its own elements in order. So the result does not depend on how threads
// run.
#pragma once
#include "device/elementwise.h"
#include "device/index_fault.h"
#include "ops/scatter/scatter.h"
#include "ops/scatter/scatter_walk.h"

namespace halftone {

/// y: x already. One thread for each line and owner; an element belongs to the owner (target /
/// step) % owners, so that the elements of a slice are not spread. An update whose index is out of
/// range is left out, and the index noted.
template <class T, class Lines>
__global__ void __launch_bounds__(256)
    scatter_updates(Lines lines, ScatterReduction reduction, int64_t owners, IndexSite site,
                    const T* updates, T* y) {
  const int64_t threads = static_cast<int64_t>(gridDim.x) * blockDim.x;
  const int64_t n = lines.lines * owners;
  for (int64_t i = static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x; i < n;
       i += threads) {
    const int64_t owner = i / lines.lines, first = lines.first(i % lines.lines);
    const int64_t start = lines.start(first);
    for (int64_t j = 0; j < lines.count; ++j) {
      const int64_t target = lines.target(first, j, start);
      if (target < 0) {
        const int64_t at = lines.fault(first, j);
        device::note_index(site, at, lines.rows.indices.at(at));
        continue;
      }
      if (target / lines.step % owners != owner) continue;
      const T update = updates[first + j * lines.step];
      y[target] = reduction == ScatterReduction::kNone
                      ? update
                      : device::narrow<T>(
                            updated(reduction, device::widen(y[target]), device::widen(update)));
    }
  }
}

}  // namespace halftone
