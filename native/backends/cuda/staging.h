// Page-locked host memory for copies: the device reads and writes it by itself, at full speed and
// while the host does something else. It is slow to make, so it is kept.
#pragma once
#include <cstddef>
#include <cstdint>

#include "core/status.h"

namespace halftone::cuda {

/// The largest buffer that is kept; longer copies go in pieces of kStagingChunk.
inline constexpr size_t kStagingMost = size_t{16} << 20;
/// Two in flight hide the host's memcpy behind the transfer: 4 MiB take 80 us at 50 GB/s, against
/// some 10 us that a copy costs to begin.
inline constexpr size_t kStagingChunk = size_t{4} << 20;

struct StagingBuffer {
  void* data = nullptr;
  size_t bytes = 0;     // of the block, at least what was asked for
  bool pinned = false;  // false: plain memory, as there was no more of the other
};

/// Any thread, whose device is set.
Status take_staging(size_t bytes, StagingBuffer* out);
/// Once no copy reads or writes it any more.
void give_staging(const StagingBuffer& buffer);
/// Page-locked bytes that are kept or in use.
uint64_t staging_bytes();

}  // namespace halftone::cuda
