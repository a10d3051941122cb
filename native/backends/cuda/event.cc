#include "backends/cuda/event.h"

#include <map>
#include <memory>
#include <mutex>
#include <vector>

namespace halftone::cuda {
namespace {

struct Kept {
  std::mutex mutex;
  std::map<int, std::vector<vendor::Event>> of_device;
};
Kept& kept() {
  static auto* made = new Kept();
  return *made;
}

}  // namespace

Status Event::record(int device, vendor::Stream stream, bool timing, Event** out) {
  std::unique_ptr<Event> made(new Event(device, timing));
  if (!timing) {
    Kept& k = kept();
    std::lock_guard lock(k.mutex);
    if (auto& free = k.of_device[device]; !free.empty()) {
      made->handle_ = free.back();
      free.pop_back();
    }
  }
  if (!made->handle_) HALFTONE_TRY(vendor::event_create(timing, &made->handle_));
  HALFTONE_TRY(vendor::event_record(made->handle_, stream));
  *out = made.release();
  return {};
}

// A stream that was told to wait for the event keeps what was recorded then, so it may be recorded
// anew at any time.
Event::~Event() {
  if (!handle_) return;
  if (timing_) {
    if (vendor::use_device(device_).ok()) vendor::event_destroy(handle_);
    return;
  }
  Kept& k = kept();
  std::lock_guard lock(k.mutex);
  k.of_device[device_].push_back(handle_);
}

Status Event::wait() const {
  HALFTONE_TRY(vendor::use_device(device_));
  return vendor::event_synchronize(handle_);
}
Status Event::query(bool* reached) const {
  HALFTONE_TRY(vendor::use_device(device_));
  return vendor::event_query(handle_, reached);
}
Status Event::since(const Event& first, double* milliseconds) const {
  if (!timing_ || !first.timing_)
    return error(Code::kParam, "no time can be taken between events without timing");
  if (device_ != first.device_)
    return error(Code::kParam, "time can only be taken between events of one device");
  HALFTONE_TRY(vendor::use_device(device_));
  bool reached = false;
  for (const Event* e : {&first, this}) {
    HALFTONE_TRY(vendor::event_query(e->handle_, &reached));
    if (!reached) return error(Code::kParam, "the event is not reached yet: await event.wait()");
  }
  float between = 0;
  HALFTONE_TRY(vendor::event_elapsed(first.handle_, handle_, &between));
  *milliseconds = between;
  return {};
}

}  // namespace halftone::cuda
