// Streams of the emulated devices: what they are given runs at once, or on a thread of the stream's
// own, or is recorded.
#pragma once
#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "core/status.h"

namespace halftone::emu {

/// Fails once the device is lost.
Status alive(const char* call);
void lose(const std::string& why);

struct Work {
  std::function<Status()> run;
  bool always = false;  // also on a lost device: those who wait for it must come to know
};

struct Graph {
  std::vector<Work> work;
  bool valid = true;  // false: a call was made that must not be, and there will be no graph
};

class Stream {
 public:
  Stream(int device, bool async);
  ~Stream();

  int device() const { return device_; }

  Status give(Work work);
  void synchronize();

  std::unique_ptr<Graph> recording;

 private:
  void loop();

  const int device_;
  bool async_;
  std::mutex mutex_;
  std::condition_variable wake_, idle_;
  std::deque<Work> queue_;
  bool busy_ = false, stop_ = false;
  std::thread thread_;
};

/// One recording of an event.
struct Mark {
  std::mutex mutex;
  std::condition_variable reached_now;
  bool reached = false;
  std::chrono::steady_clock::time_point time{};

  void reach();
  void wait();
};

/// Waits for all work of all streams.
void synchronize_all();

}  // namespace halftone::emu
