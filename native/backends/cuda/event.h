// Points in the work of streams. Those without timing are kept for reuse: one is taken for every
// copy.
#pragma once
#include "vendor/runtime.h"

namespace halftone::cuda {

class Event {
 public:
  /// Recorded on `stream`, whose device is the calling thread's and has this index.
  static Status record(int device, vendor::Stream stream, bool timing, Event** out);
  ~Event();
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;

  vendor::Event handle() const { return handle_; }

  // Any thread: they make the event's device that of the thread.
  Status wait() const;
  Status query(bool* reached) const;
  Status since(const Event& first, double* milliseconds) const;

 private:
  Event(int device, bool timing) : device_(device), timing_(timing) {}

  int device_;
  bool timing_;
  vendor::Event handle_ = nullptr;
};

}  // namespace halftone::cuda
