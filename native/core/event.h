// A point in the work of a stream, for the host and for other streams to wait for.
#pragma once
#include <condition_variable>
#include <mutex>

#include "core/backend.h"

namespace halftone {

class Event {
 public:
  Event(const Backend* backend, int device) : backend_(backend), device_(device) {}
  ~Event();
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;

  const Backend& backend() const { return *backend_; }
  int device() const { return device_; }

  // The stream's thread calls one of these, once.
  void record(void* stream, bool timing);
  void fail(Status why);

  // Any thread.

  /// Blocks until the stream's thread has come to the event, which on a device is before the device
  /// has. Ok, or why there will be no event.
  Status recorded() const;
  /// Blocks until it is reached.
  Status wait() const;
  /// Whether it is reached; true also when it failed.
  bool reached() const;
  /// Makes a stream of any backend begin what comes next after the event. On the thread of that
  /// stream. Does not wait for the device where both are of one backend.
  Status hold(const Backend& backend, void* stream) const;
  /// Between two events with timing. kParam when one is not reached, or they are of two devices.
  static Status elapsed(const Event& first, const Event& last, double* milliseconds);

 private:
  const Backend* backend_;
  int device_;
  mutable std::mutex mutex_;
  mutable std::condition_variable known_;
  bool is_known_ = false;
  void* handle_ = nullptr;
  Status outcome_;
};

}  // namespace halftone
