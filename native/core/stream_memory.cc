// The memory of a stream's tensors: taken in its order, given back in its order, and later where
// other streams still read it.
#include <future>

#include "core/stream.h"

namespace halftone {

struct Stream::Held {
  std::shared_ptr<Stream> owner;
  void* data = nullptr;
  size_t bytes = 0;

  std::mutex mutex;
  size_t unknown = 0;  // users that have not said yet what is to be waited for
  // What is to be waited for: an event, or the end of a stream that is closing.
  std::vector<std::pair<std::shared_ptr<Event>, std::shared_ptr<std::atomic<bool>>>> uses;

  bool done(bool wait) const {
    for (const auto& [event, drained] : uses) {
      if (event && wait) static_cast<void>(event->wait());
      if (event ? !event->reached() : !*drained) return false;
    }
    return true;
  }
};

Status Stream::check_memory(size_t bytes) const {
  if (bytes <= device_bytes_) return {};
  return error(Code::kOutOfMemory, "a tensor of ", bytes,
               " bytes is larger than the memory of device ", device_name_, ", ", device_bytes_,
               " bytes");
}

Status Stream::allocate(size_t bytes, void** data) {
  halftone_status text{};
  uint64_t frees = state_.frees;
  int32_t code = backend_->api->alloc(handle_, bytes, data, &text);
  // What earlier work will give back comes before giving up. It may take three rounds: a thread
  // that drops a tensor, the stream that has used it, the stream that owns it.
  for (int round = 0;
       round < 3 && code == static_cast<int32_t>(Code::kOutOfMemory) && !backend_->host_memory();
       ++round) {
    wait_for_memory();
    if (const uint64_t before = std::exchange(frees, state_.frees); frees != before)
      code = backend_->api->alloc(handle_, bytes, data, &text);
  }
  if (code != 0) return to_status(code, text);
  const int64_t now =
      memory_->allocated_bytes.fetch_add(static_cast<int64_t>(bytes)) + static_cast<int64_t>(bytes);
  int64_t peak = memory_->peak_bytes.load(std::memory_order_relaxed);
  while (now > peak && !memory_->peak_bytes.compare_exchange_weak(peak, now)) {
  }
  return {};
}

void Stream::free_now(void* data, size_t bytes) {
  backend_->api->free(handle_, data, bytes);
  memory_->allocated_bytes.fetch_sub(static_cast<int64_t>(bytes));
  ++state_.frees;
}

// By a task that runs. What was enqueued before it on the streams of the device is done when this
// returns, and the memory that only this work needed is free.
void Stream::wait_for_memory() {
  uint64_t order = 0;
  {
    std::lock_guard lock(mutex_);
    order = running_;
  }
  std::vector<std::future<void>> all;
  const auto tell = [&all] {
    auto done = std::make_shared<std::promise<void>>();
    all.push_back(done->get_future());
    return [done] { done->set_value(); };
  };
  for (const std::shared_ptr<Stream>& other : state_.streams())
    if (other.get() != this)
      other->enqueue_after(order, [stream = other.get(), done = tell()](bool aborted) {
        if (aborted) return done();
        stream->free_released(true);
        stream->finish(done);
      });
  run_first_tasks();
  finish(tell());
  for (const std::future<void>& one : all) one.wait();
  free_released(true);
}

void Stream::release(void* data, size_t bytes) {
  if (backend_->host_memory()) return free_now(data, bytes);
  std::lock_guard lock(mutex_);
  if (*drained_) return free_now(data, bytes);  // there is no thread left to do it
  released_.emplace_back(data, bytes);
  wake_.notify_one();
}

void Stream::release_after(const std::shared_ptr<Stream>& owner, void* data, size_t bytes,
                           std::vector<std::shared_ptr<Stream>> users) {
  auto held = std::make_shared<Held>();
  held->owner = owner;
  held->data = data;
  held->bytes = bytes;
  held->unknown = users.size();
  ++owner->being_freed_;
  for (const std::shared_ptr<Stream>& user : users)
    // Its tasks that use the memory have run, as they held the storage.
    user->enqueue_first([held, user](bool aborted) {
      std::shared_ptr<Event> event;
      if (!aborted) {
        event = std::make_shared<Event>(user->backend_, user->device_);
        event->record(user->handle_, false);
      }
      {
        std::lock_guard lock(held->mutex);
        held->uses.emplace_back(std::move(event), user->drained_);
        if (--held->unknown > 0) return;
      }
      const std::shared_ptr<Stream> owner = std::move(held->owner);  // which now holds it
      {
        std::lock_guard lock(owner->mutex_);
        owner->held_.push_back(held);
        --owner->being_freed_;
      }
      owner->wake_.notify_one();
    });
}

void Stream::free_released(bool wait) {
  std::vector<std::pair<void*, size_t>> batch;
  std::vector<std::shared_ptr<Held>> held;
  {
    std::lock_guard lock(mutex_);
    batch.swap(released_);
    held.swap(held_);
  }
  for (const auto& held_one : held)
    if (held_one->done(wait)) {
      batch.emplace_back(held_one->data, held_one->bytes);
    } else {
      std::lock_guard lock(mutex_);
      held_.push_back(held_one);
    }
  for (const auto& [data, bytes] : batch) free_now(data, bytes);
}

void Stream::storage_made() {
  memory_->tensors.fetch_add(1, std::memory_order_relaxed);
  storages_.fetch_add(1);
}

void Stream::storage_gone() {
  memory_->tensors.fetch_sub(1, std::memory_order_relaxed);
  storages_.fetch_sub(1);
  std::lock_guard lock(mutex_);
  if (retired_) wake_.notify_all();
}

}  // namespace halftone
