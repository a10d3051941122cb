#include "core/stream.h"

#include <algorithm>
#include <system_error>

namespace halftone {
namespace {

uint64_t next_id() {
  static std::atomic<uint64_t> last{0};
  return ++last;
}

// Of all tasks of the process. Drawn with the lock of the queue, whose tasks are in this order.
std::atomic<uint64_t> last_order{0};

}  // namespace

Status closing_status() {
  return error(Code::kAborted, "the work was given up because its thread is shutting down");
}

Stream::Stream(const Backend* backend, int device, std::shared_ptr<MemoryStats> memory)
    : backend_(backend),
      device_(device),
      device_name_(device == 0 ? backend->name : concat(backend->name, ":", device)),
      state_(DeviceState::of(*backend, device)),
      id_(next_id()),
      memory_(std::move(memory)) {}

Status Stream::create(const Backend* backend, int device, std::shared_ptr<Stream>* out,
                      std::shared_ptr<MemoryStats> memory) {
  std::shared_ptr<Stream> s(new Stream(backend, device, std::move(memory)));
  HALFTONE_TRY(s->state_.lost());
  halftone_status status{};
  if (const int32_t code = backend->api->stream_create(device, &s->handle_, &status); code != 0) {
    const Status failed = to_status(code, status);
    s->note(failed);
    *s->drained_ = true;
    return failed;
  }
  halftone_device_info device_info{};
  if (const int32_t code = backend->api->device_info(device, &device_info, &status); code != 0)
    return to_status(code, status);
  s->device_bytes_ = device_info.total_bytes;
  try {
    // Alive until close(), or until it is retired and its tensors are gone.
    s->thread_ = std::thread([s] { s->loop(); });
  } catch (const std::system_error& e) {
    return error(Code::kDevice, "cannot start the thread of device ", s->device_name_, ": ",
                 e.what());
  }
  s->state_.add(s);
  *out = std::move(s);
  return {};
}

Stream::~Stream() {
  close();
  if (!handle_ && !backend_->host_memory()) return;  // it was never made
  for (void* graph : graphs_) backend_->api->graph_destroy(handle_, graph);
  free_released(true);
  backend_->api->stream_destroy(handle_);
}

void Stream::begin_close() {
  cancelled_.store(true);
  {
    std::lock_guard lock(mutex_);
    closing_ = true;
  }
  wake_.notify_all();
}

void Stream::close() {
  begin_close();
  if (thread_.joinable()) {
    if (thread_.get_id() == std::this_thread::get_id())
      thread_.detach();  // the thread itself drops the last reference, having left loop()
    else
      thread_.join();
  }
  drain();
}

// After this nothing of the stream runs anywhere.
void Stream::drain() {
  if (*drained_) return;
  waiter_.close();
  if (!backend_->host_memory() && handle_) {
    halftone_status status{};
    note(to_status(backend_->api->stream_sync(handle_, &status), status));
  }
  *drained_ = true;
}

void Stream::retire() {
  {
    std::lock_guard lock(mutex_);
    retired_ = true;
  }
  wake_.notify_all();
}

// With the lock held.
bool Stream::may_end() const {
  return retired_ && queue_.empty() && released_.empty() && held_.empty() && storages_ == 0 &&
         being_freed_ == 0;
}

uint64_t Stream::enqueue(Task task) {
  uint64_t number;
  {
    std::lock_guard lock(mutex_);
    number = ++enqueued_;
    if (!closing_) {
      queue_.push_back({++last_order, std::move(task)});
      wake_.notify_one();
      return number;
    }
  }
  task(true);
  return number;
}

// Not numbered: nothing waits for it.
void Stream::enqueue_first(Task task) {
  {
    std::lock_guard lock(mutex_);
    if (!closing_) {
      queue_.push_front({0, std::move(task)});
      wake_.notify_one();
      return;
    }
  }
  task(true);
}

// A task of higher order that runs may wait for whoever asks here, and is not waited for.
void Stream::enqueue_after(uint64_t order, Task task) {
  {
    std::lock_guard lock(mutex_);
    if (!closing_ && running_ <= order) {
      const auto later = std::find_if(queue_.begin(), queue_.end(),
                                      [&](const Queued& one) { return one.order > order; });
      queue_.insert(later, {order, std::move(task)});
      wake_.notify_one();
      return;
    }
  }
  task(true);
}

void Stream::run_first_tasks() {
  std::unique_lock lock(mutex_);
  while (!queue_.empty() && queue_.front().order == 0) {
    Task task = std::move(queue_.front().task);
    queue_.pop_front();
    const bool aborted = closing_;
    lock.unlock();
    task(aborted);
    task = nullptr;
    lock.lock();
  }
}

void Stream::loop() {
  std::unique_lock lock(mutex_);
  for (;;) {
    const auto ready = [&] {
      return closing_ || !queue_.empty() || !released_.empty() || may_end();
    };
    if (held_.empty())
      wake_.wait(lock, [&] { return ready() || !held_.empty(); });
    else
      wake_.wait_for(lock, std::chrono::milliseconds(1), ready);  // to see what is done elsewhere
    if (!queue_.empty()) {
      Task task = std::move(queue_.front().task);
      running_ = queue_.front().order;
      queue_.pop_front();
      const bool aborted = closing_;
      lock.unlock();
      free_released(false);
      task(aborted);
      task = nullptr;  // drops the task's tensors outside the lock
      lock.lock();
      running_ = 0;
    } else if (closing_) {
      return;
    } else if (may_end()) {
      closing_ = true;
      lock.unlock();
      drain();
      return;
    } else {
      lock.unlock();
      free_released(false);
      lock.lock();
    }
  }
}

void Stream::note(const Status& outcome) {
  if (outcome.ok()) return;
  if (outcome.code == Code::kDeviceLost) state_.lose(outcome);
  std::lock_guard lock(mutex_);
  if (first_failure_.ok()) first_failure_ = outcome;
}

}  // namespace halftone
