#include "backends/cpu/allocator.h"

#include <unistd.h>

#include <bit>
#include <cstdlib>
#include <fstream>
#include <map>
#include <mutex>
#include <vector>

namespace halftone::cpu {
namespace {

constexpr size_t kAlignment = 64;            // one cache line, one AVX-512 register
constexpr uint64_t kCacheLimit = 256 << 20;  // bytes kept at the most

// Rounds up to one of 8 sizes per power of two: at most 1/8 is wasted, and similar sizes share
// blocks.
size_t size_class(size_t bytes) {
  if (bytes <= 512) return (bytes + kAlignment - 1) / kAlignment * kAlignment;
  const size_t step = std::bit_floor(bytes - 1) / 8;
  return (bytes + step - 1) / step * step;
}

struct Cache {
  std::mutex mutex;
  std::map<size_t, std::vector<void*>> blocks;  // by size class
  uint64_t bytes = 0;
};

Cache& cache() {
  static Cache* c = new Cache();  // never destroyed: streams may outlive static objects
  return *c;
}

}  // namespace

void* allocate(size_t bytes) {
  const size_t size = size_class(bytes);
  if (size < bytes) return nullptr;
  Cache& c = cache();
  {
    std::lock_guard lock(c.mutex);
    if (auto found = c.blocks.find(size); found != c.blocks.end() && !found->second.empty()) {
      void* block = found->second.back();
      found->second.pop_back();
      c.bytes -= size;
      return block;
    }
  }
  void* block = std::aligned_alloc(kAlignment, size);
  if (block) return block;
  trim();
  return std::aligned_alloc(kAlignment, size);
}

void release(void* data, size_t bytes) {
  const size_t size = size_class(bytes);
  Cache& c = cache();
  {
    std::lock_guard lock(c.mutex);
    if (c.bytes + size <= kCacheLimit) {
      c.blocks[size].push_back(data);
      c.bytes += size;
      return;
    }
  }
  std::free(data);
}

uint64_t cached_bytes() {
  Cache& c = cache();
  std::lock_guard lock(c.mutex);
  return c.bytes;
}

void trim() {
  Cache& c = cache();
  std::map<size_t, std::vector<void*>> blocks;
  {
    std::lock_guard lock(c.mutex);
    blocks.swap(c.blocks);
    c.bytes = 0;
  }
  for (auto& [size, list] : blocks)
    for (void* block : list) std::free(block);
}

uint64_t memory_limit() {
  static const uint64_t limit = [] {
    uint64_t bytes = static_cast<uint64_t>(sysconf(_SC_PHYS_PAGES)) *
                     static_cast<uint64_t>(sysconf(_SC_PAGE_SIZE));
    uint64_t group = 0;
    for (const char* file :
         {"/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"})
      if (std::ifstream in(file); in >> group && group > 0 && group < bytes) bytes = group;
    return bytes;
  }();
  return limit;
}

}  // namespace halftone::cpu
