// Notes an index that is out of range (core/index_fault.h). A kernel that meets none does nothing
// for it but compare, as it must to stay within its memory.
#pragma once
#include "core/index_fault.h"
#include "device/device.h"

namespace halftone::device {

/// All accesses are atomic: threads of other blocks note theirs at the same time.
__device__ inline unsigned long long atomic_read(unsigned long long* at) {
  return atomicAdd(at, 0ull);
}

/// `index` at flat position `position` of the indices is out of range.
__device__ inline void note_index(const IndexSite& site, int64_t position, int64_t index) {
  IndexFault* fault = site.fault;
  if (!fault) return;
  const auto at = static_cast<unsigned long long>(position);
  const auto is_first = [&] {
    const unsigned long long call = atomic_read(&fault->call);
    return call == 0 || (call == site.call && at < atomic_read(&fault->position));
  };
  if (!is_first()) return;  // most of many
  // From sm_70 on threads of a warp proceed by themselves, so that the one with the lock goes on.
  while (atomicCAS(&fault->lock, 0u, 1u) != 0u) {
  }
  __threadfence();
  if (is_first()) {
    const bool fresh = atomic_read(&fault->call) == 0;
    atomicExch(&fault->position, at);
    atomicExch(&fault->index, static_cast<unsigned long long>(index));
    if (fresh) {
      fault->of = site.of;  // nobody else writes it, and the host reads it after the kernel
      atomicExch(&fault->call, site.call);
    }
  }
  __threadfence();
  atomicExch(&fault->lock, 0u);
}

}  // namespace halftone::device
