#include "core/waiter.h"

#include <system_error>

namespace halftone {

void Waiter::push(std::function<void()> task) {
  {
    std::lock_guard lock(mutex_);
    if (!thread_.joinable() && !closing_ && !no_thread_) {
      try {
        thread_ = std::thread([this] { loop(); });
      } catch (const std::system_error&) {
        no_thread_ = true;
      }
    }
    if (!closing_ && !no_thread_) {
      queue_.push_back(std::move(task));
      wake_.notify_one();
      return;
    }
  }
  task();
}

void Waiter::close() {
  {
    std::lock_guard lock(mutex_);
    closing_ = true;
  }
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void Waiter::loop() {
  std::unique_lock lock(mutex_);
  for (;;) {
    wake_.wait(lock, [&] { return closing_ || !queue_.empty(); });
    if (queue_.empty()) return;
    std::function<void()> task = std::move(queue_.front());
    queue_.pop_front();
    lock.unlock();
    task();
    task = nullptr;  // drops its tensors outside the lock
    lock.lock();
  }
}

}  // namespace halftone
