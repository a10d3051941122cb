#include "core/event.h"

namespace halftone {

Event::~Event() {
  if (handle_) backend_->api->event_destroy(handle_);
}

void Event::record(void* stream, bool timing) {
  halftone_status status{};
  void* handle = nullptr;
  const int32_t code = backend_->api->event_record(stream, timing, &handle, &status);
  std::lock_guard lock(mutex_);
  if (code == 0)
    handle_ = handle;
  else
    outcome_ = to_status(code, status);
  is_known_ = true;
  known_.notify_all();
}

void Event::fail(Status why) {
  std::lock_guard lock(mutex_);
  outcome_ = std::move(why);
  is_known_ = true;
  known_.notify_all();
}

Status Event::recorded() const {
  std::unique_lock lock(mutex_);
  known_.wait(lock, [&] { return is_known_; });
  return outcome_;
}

Status Event::wait() const {
  HALFTONE_TRY(recorded());
  halftone_status status{};
  return to_status(backend_->api->event_wait(handle_, &status), status);
}

bool Event::reached() const {
  {
    std::lock_guard lock(mutex_);
    if (!is_known_) return false;
    if (!handle_) return true;
  }
  int32_t is = 0;
  halftone_status status{};
  return backend_->api->event_query(handle_, &is, &status) != 0 || is != 0;
}

Status Event::hold(const Backend& backend, void* stream) const {
  if (&backend != backend_) return wait();
  HALFTONE_TRY(recorded());
  if (backend.host_memory()) return {};  // what was recorded is done
  halftone_status status{};
  return to_status(backend.api->stream_wait(stream, handle_, &status), status);
}

Status Event::elapsed(const Event& first, const Event& last, double* milliseconds) {
  if (first.backend_ != last.backend_ || first.device_ != last.device_)
    return param_error("elapsed: both events must be of one device");
  for (const Event* e : {&first, &last}) {
    if (!e->reached())
      return param_error("elapsed: an event is not reached yet; await its wait() first");
    HALFTONE_TRY(e->recorded());
  }
  halftone_status status{};
  return to_status(
      first.backend_->api->event_elapsed(first.handle_, last.handle_, milliseconds, &status),
      status);
}

}  // namespace halftone
