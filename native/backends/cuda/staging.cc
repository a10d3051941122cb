#include "backends/cuda/staging.h"

#include <array>
#include <atomic>
#include <cstdlib>
#include <mutex>
#include <vector>

#include "vendor/runtime.h"

namespace halftone::cuda {
namespace {

// 4 KiB, 16 KiB, ... 16 MiB. Small ones are cut from blocks of 1 MiB.
constexpr size_t kLeast = 4096, kBlock = size_t{1} << 20;
constexpr int kClasses = 7;
static_assert(kLeast << 2 * (kClasses - 1) == kStagingMost);

struct Pool {
  std::mutex mutex;
  std::array<std::vector<void*>, kClasses> free;
  std::atomic<uint64_t> bytes{0};
};

Pool& pool() {
  static auto* made = new Pool();  // never destroyed: copies may be under way when a process ends
  return *made;
}

int class_of(size_t bytes) {
  int c = 0;
  while (kLeast << 2 * c < bytes) ++c;
  return c;
}

}  // namespace

Status take_staging(size_t bytes, StagingBuffer* out) {
  Pool& p = pool();
  const bool kept = bytes <= kStagingMost;
  const int c = kept ? class_of(bytes) : 0;
  *out = {nullptr, kept ? kLeast << 2 * c : bytes, true};
  std::unique_lock lock(p.mutex);
  auto& free = p.free[static_cast<size_t>(c)];
  if (kept && !free.empty()) {
    out->data = free.back();
    free.pop_back();
    return {};
  }
  const size_t block = kept && out->bytes < kBlock ? kBlock : out->bytes;
  lock.unlock();  // cudaHostAlloc takes long
  if (Status status = vendor::host_malloc(block, &out->data); !status.ok()) {
    if (status.code == Code::kDeviceLost) return status;
    out->pinned = false;
    out->bytes = bytes;
    out->data = std::malloc(bytes);
    return out->data ? Status{}
                     : error(Code::kOutOfMemory, "no host memory to copy ", bytes, " bytes");
  }
  p.bytes += block;
  lock.lock();
  for (size_t at = out->bytes; kept && at < block; at += out->bytes)
    free.push_back(static_cast<char*>(out->data) + at);
  return {};
}

void give_staging(const StagingBuffer& buffer) {
  if (!buffer.data) return;
  if (!buffer.pinned) return std::free(buffer.data);
  Pool& p = pool();
  if (buffer.bytes > kStagingMost) {
    p.bytes -= buffer.bytes;
    return vendor::host_free(buffer.data);
  }
  std::lock_guard lock(p.mutex);
  p.free[static_cast<size_t>(class_of(buffer.bytes))].push_back(buffer.data);
}

uint64_t staging_bytes() { return pool().bytes; }

}  // namespace halftone::cuda
