#include "backends/emu/streams.h"

#include <algorithm>

#include "backends/emu/control.h"

namespace halftone::emu {
namespace {

struct All {
  std::mutex mutex;
  std::vector<Stream*> streams;
  std::string lost;  // why, once the device is lost
};
All& all() {
  static auto* made = new All();
  return *made;
}

Status run(const Work& work) {
  Control& c = control();
  if (!work.always && c.lose_after >= 0 && c.lose_after-- == 0)
    lose("cudaErrorIllegalAddress (700), made so by the test");
  if (c.device_lost && !work.always) return alive("a launch");
  return work.run();
}

}  // namespace

Status alive(const char* call) {
  if (!control().device_lost) return {};
  All& a = all();
  std::lock_guard lock(a.mutex);
  return error(Code::kDeviceLost, call, " failed on device emu: ",
               a.lost.empty() ? "cudaErrorIllegalAddress (700), made so by the test" : a.lost);
}

void lose(const std::string& why) {
  All& a = all();
  std::lock_guard lock(a.mutex);
  a.lost = why;
  control().device_lost = true;
}

Stream::Stream(int device, bool async) : device_(device), async_(async) {
  if (async_) thread_ = std::thread([this] { loop(); });
  All& a = all();
  std::lock_guard lock(a.mutex);
  a.streams.push_back(this);
}

Stream::~Stream() {
  {
    All& a = all();
    std::lock_guard lock(a.mutex);
    std::erase(a.streams, this);
  }
  if (!async_) return;
  {
    std::lock_guard lock(mutex_);
    stop_ = true;
  }
  wake_.notify_all();
  thread_.join();
}

Status Stream::give(Work work) {
  if (!work.always) HALFTONE_TRY(alive("a launch"));
  if (recording) {
    recording->work.push_back(std::move(work));
    return {};
  }
  if (!async_) return run(work);
  std::lock_guard lock(mutex_);
  queue_.push_back(std::move(work));
  wake_.notify_one();
  return {};
}

void Stream::synchronize() {
  if (!async_) return;
  std::unique_lock lock(mutex_);
  idle_.wait(lock, [&] { return queue_.empty() && !busy_; });
}

void Stream::loop() {
  std::unique_lock lock(mutex_);
  for (;;) {
    wake_.wait(lock, [&] { return stop_ || !queue_.empty(); });
    if (queue_.empty()) return;
    Work work = std::move(queue_.front());
    queue_.pop_front();
    busy_ = true;
    lock.unlock();
    if (const int us = control().delay_us)
      std::this_thread::sleep_for(std::chrono::microseconds(us));
    // Nobody is there to be told: as on a device, it shows in the next call.
    if (const Status failed = run(work); !failed.ok() && failed.code != Code::kDeviceLost)
      lose(failed.message);
    work = {};
    lock.lock();
    busy_ = false;
    if (queue_.empty()) idle_.notify_all();
  }
}

void Mark::reach() {
  std::lock_guard lock(mutex);
  time = std::chrono::steady_clock::now();
  reached = true;
  reached_now.notify_all();
}
void Mark::wait() {
  std::unique_lock lock(mutex);
  reached_now.wait(lock, [&] { return reached; });
}

void synchronize_all() {
  All& a = all();
  std::lock_guard lock(a.mutex);
  for (Stream* s : a.streams) s->synchronize();
}

}  // namespace halftone::emu
