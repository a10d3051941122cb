// Launch shapes of kernels that walk over elements.
#pragma once
#include <algorithm>

#include "device/device.h"

namespace halftone::device {

inline constexpr unsigned kElementwiseThreads = 256;

/// Blocks of 256 threads for a grid-stride loop over n elements, `per_thread` at a time: enough to
/// fill the device eight times over (2048 threads each multiprocessor), not more, so that each
/// thread has its next loads to issue.
inline unsigned elementwise_grid(const vendor::DeviceProperties& p, int64_t n, int64_t per_thread) {
  const int64_t needed =
      (n + kElementwiseThreads * per_thread - 1) / (kElementwiseThreads * per_thread);
  const int64_t most = static_cast<int64_t>(std::max(p.multiprocessors, 1)) * 8;
  return static_cast<unsigned>(std::clamp<int64_t>(needed, 1, most));
}

}  // namespace halftone::device
