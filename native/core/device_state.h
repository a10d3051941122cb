// What all streams of the process know about a device.
#pragma once
#include <atomic>
#include <mutex>

#include "core/backend.h"

namespace halftone {

class DeviceState {
 public:
  /// The same object for every stream of that device.
  static DeviceState& of(const Backend& backend, int device);

  /// Ok, or why the device is lost. Without a lock while it is not.
  Status lost() const;
  /// Keeps the first reason.
  void lose(const Status& why);

 private:
  std::atomic<bool> is_lost_{false};
  mutable std::mutex mutex_;
  Status why_;
};

}  // namespace halftone
