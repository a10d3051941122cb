// The memory of one device: a stream-ordered pool of the driver where there is one, else cudaMalloc
// with a cache of freed blocks. Counts, keeps a limit, and on running out gives back what is unused
// and tries once more.
#pragma once
#include <atomic>
#include <map>
#include <mutex>
#include <shared_mutex>
#include <vector>

#include "core/backend_abi.h"
#include "vendor/runtime.h"

namespace halftone::cuda {

class Memory {
 public:
  Memory(int device, std::string device_name) : device_(device), name_(std::move(device_name)) {}
  Memory(const Memory&) = delete;
  Memory& operator=(const Memory&) = delete;

  /// `pools`: the device says that it has stream-ordered memory pools.
  Status open(bool pools);

  /// Aligned to 256 bytes. In the order of the stream, whose device is the calling thread's.
  Status alloc(vendor::Stream stream, size_t bytes, void** data);
  void free(vendor::Stream stream, void* data, size_t bytes);
  /// The stream is about to be destroyed, and its work is done.
  void forget(vendor::Stream stream);

  void set_limit(uint64_t bytes) { limit_ = bytes; }
  Status info(halftone_memory_info* info) const;
  void trim();

  /// Held while a stream of the device is being captured, when nothing may wait for the whole
  /// device: who does holds it alone.
  std::shared_mutex& capturing() { return capturing_; }

 private:
  Status take(vendor::Stream stream, size_t bytes, void** data);
  Status refused(size_t bytes) const;
  void free_cache();

  int device_;
  std::string name_;
  vendor::Pool pool_ = nullptr;
  std::atomic<uint64_t> used_{0}, used_peak_{0}, limit_{0};
  std::shared_mutex capturing_;

  // Without a pool: freed blocks by the stream in whose order they are free, then by size.
  mutable std::mutex mutex_;
  std::map<vendor::Stream, std::map<size_t, std::vector<void*>>> cache_;
  uint64_t cached_ = 0, reserved_ = 0, reserved_peak_ = 0;
};

}  // namespace halftone::cuda
