#include "backends/cpu/allocator.h"

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <bit>
#include <cstdlib>
#include <deque>
#include <fstream>
#include <map>
#include <mutex>
#include <new>
#include <vector>

namespace halftone::cpu {
namespace {

constexpr size_t kAlignment = 64;  // one cache line, one AVX-512 register

// Bytes kept at the most: enough for the tensors of a large model, little beside what the machine
// has.
uint64_t cache_limit() { return std::min<uint64_t>(uint64_t{1} << 30, memory_limit() / 16); }

// Rounds up to one of 8 sizes per power of two: at most 1/8 is wasted, and similar sizes share
// blocks.
size_t size_class(size_t bytes) {
  if (bytes <= 512) return (bytes + kAlignment - 1) / kAlignment * kAlignment;
  const size_t step = std::bit_floor(bytes - 1) / 8;
  return (bytes + step - 1) / step * step;
}

struct Block {
  void* data;
  uint64_t released;  // when, in releases
};

struct Cache {
  std::mutex mutex;
  std::map<size_t, std::deque<Block>> blocks;  // by size class, the longest unused first
  uint64_t bytes = 0;
  uint64_t releases = 0;

  // The block that was not used for the longest time, taken out. There must be one.
  void* evict() {
    auto oldest = blocks.begin();
    for (auto it = blocks.begin(); it != blocks.end(); ++it)
      if (it->second.front().released < oldest->second.front().released) oldest = it;
    return take(oldest, true);
  }

  void* take(std::map<size_t, std::deque<Block>>::iterator it, bool oldest) {
    std::deque<Block>& list = it->second;
    void* data = oldest ? list.front().data : list.back().data;
    if (oldest)
      list.pop_front();
    else
      list.pop_back();
    bytes -= it->first;
    if (list.empty()) blocks.erase(it);
    return data;
  }
};

std::atomic<uint64_t> used{0}, peak{0}, most{0};

Cache& cache() {
  static Cache* c = new Cache();  // never destroyed: streams may outlive static objects
  return *c;
}

void* take_block(size_t size) {
  Cache& c = cache();
  {
    std::lock_guard lock(c.mutex);
    if (auto found = c.blocks.find(size); found != c.blocks.end()) return c.take(found, false);
  }
  void* block = std::aligned_alloc(kAlignment, size);
  if (block) return block;
  trim();
  return std::aligned_alloc(kAlignment, size);
}

}  // namespace

void* allocate(size_t bytes) {
  const size_t size = size_class(bytes);
  if (size < bytes) return nullptr;
  const uint64_t now = used.fetch_add(bytes) + bytes, allowed = most;
  void* block = allowed != 0 && now > allowed ? nullptr : take_block(size);
  if (!block) {
    used.fetch_sub(bytes);
    return nullptr;
  }
  uint64_t seen = peak.load(std::memory_order_relaxed);
  while (now > seen && !peak.compare_exchange_weak(seen, now, std::memory_order_relaxed)) {
  }
  return block;
}

void release(void* data, size_t bytes) {
  used.fetch_sub(bytes);
  const size_t size = size_class(bytes);
  if (size > cache_limit()) return std::free(data);
  Cache& c = cache();
  std::vector<void*> evicted;
  bool kept = false;
  try {
    std::lock_guard lock(c.mutex);
    while (c.bytes + size > cache_limit()) {
      evicted.push_back(nullptr);  // may throw, so before the block is taken out
      evicted.back() = c.evict();
    }
    c.blocks[size].push_back({data, c.releases++});
    c.bytes += size;
    kept = true;
  } catch (const std::bad_alloc&) {
    // No memory to note the block: this runs where tensors are destroyed, so it must not throw.
  }
  if (!kept) std::free(data);
  for (void* block : evicted) std::free(block);
}

uint64_t used_bytes() { return used; }
uint64_t used_peak() { return peak; }
uint64_t limit() { return most; }
void set_limit(uint64_t bytes) { most = bytes; }

uint64_t cached_bytes() {
  Cache& c = cache();
  std::lock_guard lock(c.mutex);
  return c.bytes;
}

void trim() {
  Cache& c = cache();
  std::map<size_t, std::deque<Block>> blocks;
  {
    std::lock_guard lock(c.mutex);
    blocks.swap(c.blocks);
    c.bytes = 0;
  }
  for (auto& [size, list] : blocks)
    for (const Block& block : list) std::free(block.data);
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
