// A thread that waits for the device, so that the stream's own thread can go on giving it work.
#pragma once
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>

namespace halftone {

class Waiter {
 public:
  Waiter() = default;
  ~Waiter() { close(); }
  Waiter(const Waiter&) = delete;
  Waiter& operator=(const Waiter&) = delete;

  /// Runs `task` after those given before. The thread begins with the first; where the system
  /// allows no more, tasks run here.
  void push(std::function<void()> task);
  /// Returns when all tasks have run. Later ones run where they are pushed.
  void close();

 private:
  void loop();

  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::function<void()>> queue_;
  bool closing_ = false, no_thread_ = false;
  std::thread thread_;
};

}  // namespace halftone
