// Memory for CPU tensors: 64-byte aligned blocks, kept for reuse after they are freed. Fresh pages
// cost about as much as a pass over the data, so a service that runs one model again and again
// should not pay for them each time.
#pragma once
#include <cstddef>
#include <cstdint>

namespace halftone::cpu {

/// A block of at least `bytes` (> 0), or nullptr when there is no memory for it. Any thread.
void* allocate(size_t bytes);
void release(void* data, size_t bytes);

/// Bytes kept for reuse.
uint64_t cached_bytes();
/// Bytes handed out, and the most so far.
uint64_t used_bytes();
uint64_t used_peak();
/// The most that used_bytes() may be; 0: what the machine has.
uint64_t limit();
void set_limit(uint64_t bytes);
/// Gives them back to the system.
void trim();

/// Memory this process may use: the machine's, or its control group's limit where that is lower.
uint64_t memory_limit();

}  // namespace halftone::cpu
