#include "backends/cuda/memory.h"

#include <algorithm>
#include <bit>

namespace halftone::cuda {
namespace {

/// Sizes of blocks that are kept for reuse: 4 per power of two, so that at most a quarter is
/// wasted.
size_t size_class(size_t bytes) {
  if (bytes <= 1024) return (bytes + 255) / 256 * 256;
  const size_t step = std::bit_floor(bytes - 1) / 4;
  return (bytes + step - 1) / step * step;
}

void raise_to(std::atomic<uint64_t>* peak, uint64_t value) {
  uint64_t seen = peak->load(std::memory_order_relaxed);
  while (value > seen && !peak->compare_exchange_weak(seen, value, std::memory_order_relaxed)) {
  }
}

}  // namespace

// A virtual GPU may say that it has pools and refuse to make one: the cache does the same.
Status Memory::open(bool pools) {
  if (!pools) return {};
  Status made = vendor::pool_create(device_, &pool_);
  return made.code == Code::kDeviceLost ? made : Status{};
}

Status Memory::alloc(vendor::Stream stream, size_t bytes, void** data) {
  const uint64_t now = used_.fetch_add(bytes) + bytes, limit = limit_;
  Status status = limit != 0 && now > limit ? error(Code::kOutOfMemory, "over the limit")
                                            : take(stream, bytes, data);
  if (status.code == Code::kOutOfMemory && (limit == 0 || now <= limit)) {
    // What other streams have freed is only ours once they have come so far; blocks of the wrong
    // size go back to the device.
    {
      std::unique_lock alone(capturing_);
      static_cast<void>(vendor::device_synchronize());
    }
    trim();
    status = take(stream, bytes, data);
  }
  if (status.ok()) {
    raise_to(&used_peak_, now);
    return status;
  }
  used_.fetch_sub(bytes);
  return status.code == Code::kOutOfMemory ? refused(bytes) : status;
}

Status Memory::take(vendor::Stream stream, size_t bytes, void** data) {
  if (pool_) return vendor::malloc_async(bytes, pool_, stream, data);
  const size_t size = size_class(bytes);
  {
    std::lock_guard lock(mutex_);
    if (const auto own = cache_.find(stream); own != cache_.end())
      if (const auto found = own->second.find(size);
          found != own->second.end() && !found->second.empty()) {
        *data = found->second.back();
        found->second.pop_back();
        cached_ -= size;
        return {};
      }
  }
  HALFTONE_TRY(vendor::malloc_async(size, nullptr, stream, data));
  std::lock_guard lock(mutex_);
  reserved_ += size;
  reserved_peak_ = std::max(reserved_peak_, reserved_);
  return {};
}

void Memory::free(vendor::Stream stream, void* data, size_t bytes) {
  used_.fetch_sub(bytes);
  if (pool_) {
    // It fails on a lost device only, which has taken its memory with it.
    static_cast<void>(vendor::free_async(data, pool_, stream));
    return;
  }
  const size_t size = size_class(bytes);
  std::lock_guard lock(mutex_);
  cache_[stream][size].push_back(data);
  cached_ += size;
}

void Memory::forget(vendor::Stream stream) {
  std::lock_guard lock(mutex_);
  const auto own = cache_.find(stream);
  if (own == cache_.end()) return;
  for (const auto& [size, blocks] : own->second)
    for (void* block : blocks) {
      static_cast<void>(vendor::free_async(block, nullptr, stream));
      cached_ -= size;
      reserved_ -= size;
    }
  cache_.erase(own);
}

// cudaFree waits for the work that may use a block, so those of other streams can go, too.
void Memory::free_cache() {
  std::lock_guard lock(mutex_);
  for (const auto& [stream, sizes] : cache_)
    for (const auto& [size, blocks] : sizes)
      for (void* block : blocks) static_cast<void>(vendor::free_async(block, nullptr, stream));
  cache_.clear();
  reserved_ -= cached_;
  cached_ = 0;
}

void Memory::trim() {
  if (pool_)
    static_cast<void>(vendor::pool_trim(pool_, 0));
  else
    free_cache();
}

Status Memory::info(halftone_memory_info* info) const {
  info->used = used_;
  info->used_peak = used_peak_;
  info->limit = limit_;
  if (pool_) {
    vendor::PoolStats stats;
    HALFTONE_TRY(vendor::pool_stats(pool_, &stats));
    info->reserved = stats.reserved;
    info->reserved_peak = stats.reserved_peak;
  } else {
    std::lock_guard lock(mutex_);
    info->reserved = reserved_;
    info->reserved_peak = reserved_peak_;
  }
  return vendor::memory_info(&info->free_bytes, &info->total_bytes);
}

Status Memory::refused(size_t bytes) const {
  halftone_memory_info now{};
  Status unknown = info(&now);
  if (!unknown.ok()) return unknown;  // the device was lost meanwhile
  return error(Code::kOutOfMemory, "no memory for ", bytes, " bytes on device ", name_, ": ",
               now.free_bytes, " bytes free, ", now.used, " bytes live in tensors, ", now.reserved,
               " reserved",
               now.limit ? concat(", with a limit of ", now.limit, " bytes") : std::string());
}

}  // namespace halftone::cuda
