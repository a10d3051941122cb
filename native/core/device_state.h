// What all streams of the process know about a device.
#pragma once
#include <atomic>
#include <memory>
#include <mutex>
#include <vector>

#include "core/backend.h"

namespace halftone {

class Stream;

class DeviceState {
 public:
  /// The same object for every stream of that device.
  static DeviceState& of(const Backend& backend, int device);

  /// Ok, or why the device is lost. Without a lock while it is not.
  Status lost() const;
  /// Keeps the first reason.
  void lose(const Status& why);

  void add(const std::shared_ptr<Stream>& stream);
  /// Those that there are, of all environments.
  std::vector<std::shared_ptr<Stream>> streams();

  /// How often memory was given back, so that one who ran out of it knows when to try again.
  std::atomic<uint64_t> frees{0};

 private:
  std::atomic<bool> is_lost_{false};
  mutable std::mutex mutex_;
  Status why_;
  std::vector<std::weak_ptr<Stream>> streams_;
};

}  // namespace halftone
