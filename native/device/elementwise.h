// What kernels that walk over elements share: launch shapes, and elements in the type that they are
// computed in.
#pragma once
#include <algorithm>

#include "core/compute_type.h"
#include "device/half.h"

namespace halftone::device {

inline constexpr unsigned kElementwiseThreads = 256;

/// Blocks of a multiprocessor in a grid-stride loop. Eight of 256 threads fill it, or five or six
/// of kernels with many registers: then the last two or three of eight run alone, with too few
/// loads under way, for a third of the time. Of 32 it is a twentieth.
inline constexpr int64_t kBlocksPerMultiprocessor = 32;

/// Blocks of 256 threads for a grid-stride loop over n elements, `per_thread` at a time.
inline unsigned elementwise_grid(const vendor::DeviceProperties& p, int64_t n, int64_t per_thread) {
  const int64_t needed =
      (n + kElementwiseThreads * per_thread - 1) / (kElementwiseThreads * per_thread);
  const int64_t most = std::max(p.multiprocessors, 1) * kBlocksPerMultiprocessor;
  return static_cast<unsigned>(std::clamp<int64_t>(needed, 1, most));
}

/// An element in the type that it is computed in. Exact.
template <class T>
HALFTONE_HD ComputeType<T> widen(T x) {
  if constexpr (is_widened<T>)
    return device::to_float(x);
  else
    return x;
}

/// A result as it is stored: rounded once.
template <class T>
HALFTONE_HD T narrow(ComputeType<T> x) {
  if constexpr (is_widened<T>)
    return device::from_float<T>(x);
  else
    return x;
}

}  // namespace halftone::device
