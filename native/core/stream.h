// An in-order queue of work on one device, with a thread of its own. The JavaScript thread only
// enqueues. Where the device works by itself, a second thread waits for it, so that the first can
// go on giving it work.
#pragma once
#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include "core/device_state.h"
#include "core/event.h"
#include "core/registry.h"
#include "core/tensor.h"
#include "core/waiter.h"

namespace halftone {

struct Tape;

/// What the tensors of one stream hold, or of several that share it.
struct MemoryStats {
  std::atomic<int64_t> tensors{0};          // storages alive
  std::atomic<int64_t> live_bytes{0};       // bytes of these, whether allocated yet or not
  std::atomic<int64_t> allocated_bytes{0};  // bytes now taken from the backend
  std::atomic<int64_t> peak_bytes{0};       // largest allocated_bytes so far
};

/// One thread at a time gives work to the streams of one environment. Tensors may be used on other
/// streams of their device than their own: what is enqueued there waits for what was enqueued
/// before on theirs, and their memory is kept until it is done. Waits, those for memory too, lead
/// only to work that was enqueued earlier, on any stream, so there is no circle of them.
class Stream : public std::enable_shared_from_this<Stream> {
 public:
  /// Starts the thread, which keeps the stream alive until close(). Fails when the backend cannot
  /// make a stream, or the device is lost. Streams of one device may count their memory together.
  static Status create(const Backend* backend, int device, std::shared_ptr<Stream>* out,
                       std::shared_ptr<MemoryStats> memory = std::make_shared<MemoryStats>());
  ~Stream();
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  const Backend& backend() const { return *backend_; }
  int device() const { return device_; }
  /// "cpu", "cuda:1": as users write it.
  const std::string& device_name() const { return device_name_; }
  bool same_device(const Stream& other) const {
    return backend_ == other.backend_ && device_ == other.device_;
  }
  const MemoryStats& memory() const { return *memory_; }
  const std::shared_ptr<MemoryStats>& shared_memory() const { return memory_; }

  /// Checks the call (infer, then the backend's supports), enqueues it and returns its outputs.
  /// `inputs` may hold null for optional inputs; they are of this device. `params` is the op's
  /// Params. With a tape, which is of this stream, the call is also recorded there.
  Status run(const RegisteredOp& op, const void* params, const std::vector<const Tensor*>& inputs,
             std::vector<Tensor>* outputs, Tape* tape = nullptr);

  /// A tensor with a copy of `data`, which may be changed once this returns.
  Status upload(DType dtype, const Shape& shape, const void* data, Tensor* out);

  /// How many bytes read() writes. float16 and bfloat16 are read as float32 when `widen` is set.
  static size_t read_bytes(const Tensor& tensor, bool widen);

  /// Writes the bytes of a tensor of this stream to `to` once they are known, then calls
  /// done(status), both on a thread of the stream. `done` is called exactly once, also when the
  /// stream closes before or the device is lost; `to` must live until then.
  void read(const Tensor& tensor, bool widen, void* to, std::function<void(Status)> done);

  /// Calls done once a tensor of this stream is settled: with its outcome.
  void settled(const Tensor& tensor, std::function<void(Status)> done);

  /// Calls done when all that was enqueued before is finished: with the first failure of an op
  /// since the last sync, if any.
  void sync(std::function<void(Status)> done);

  /// The point after all that was enqueued before.
  std::shared_ptr<Event> record(bool timing);
  /// What is enqueued from here on begins after the event, of any device.
  void wait(std::shared_ptr<Event> event);
  /// Calls done when an event of this stream is reached.
  void reached(std::shared_ptr<Event> event, std::function<void(Status)> done);

  /// Nobody will give work but for the tensors there are: once these are gone the thread ends.
  void retire();
  bool finished() const { return *drained_; }

  /// Gives up what has not begun and cuts short what runs; close() also waits for the threads and
  /// the device. Idempotent.
  void begin_close();
  void close();

 private:
  friend class Graph;
  friend class Storage;
  /// Work for the stream's thread. `aborted` tells that it must only settle, not compute.
  using Task = std::function<void(bool aborted)>;
  struct Queued {
    uint64_t order;  // among the tasks of all streams; 0 for those of enqueue_first
    Task task;
  };
  /// What a task must wait for: of other streams, enqueued before it.
  using Events = std::vector<std::shared_ptr<Event>>;
  /// Memory of this stream that is free once other streams' work is done.
  struct Held;

  Stream(const Backend* backend, int device, std::shared_ptr<MemoryStats> memory);

  // ---- the queue (stream.cc) ----
  /// The number of the task: they are numbered from 1.
  uint64_t enqueue(Task task);
  void enqueue_first(Task task);
  /// Comes after the tasks of lower order; with `aborted` where these are behind us.
  void enqueue_after(uint64_t order, Task task);
  /// By a task that runs: what enqueue_first has queued since.
  void run_first_tasks();
  void loop();
  bool may_end() const;
  void drain();
  void note(const Status& outcome);

  // ---- memory (stream_memory.cc) ----
  Status allocate(size_t bytes, void** data);
  Status take(size_t bytes, void** data, halftone_status* status);
  Status check_memory(size_t bytes) const;
  void release(void* data, size_t bytes);
  static void release_after(const std::shared_ptr<Stream>& owner, void* data, size_t bytes,
                            std::vector<std::shared_ptr<Stream>> users);
  void free_now(void* data, size_t bytes);
  /// With `wait`, also what other streams still use.
  void free_released(bool wait);
  void wait_for_memory();
  void storage_made();
  void storage_gone();

  // ---- work ----
  void after(const Storage& storage, Events* events);
  void join_back(const std::vector<Tensor>& inputs);
  Status hold(const Events& events);
  void keep_for(const std::vector<Tensor>& tensors);
  void finish(std::function<void()> task);
  Status run_now(const RegisteredOp& op, const void* params, const std::vector<Tensor>& inputs,
                 const std::vector<bool>& given, const std::vector<Tensor>& outputs);
  Status call(const RegisteredOp& op, const void* params, const std::vector<Tensor>& inputs,
              const std::vector<bool>& given, const std::vector<Tensor>& outputs,
              halftone_provenance* provenance);
  void read_now(const Tensor& tensor, bool widen, void* to, std::function<void(Status)> done);

  const Backend* backend_;
  int device_;
  std::string device_name_;
  DeviceState& state_;
  const uint64_t id_;
  void* handle_ = nullptr;  // the backend's stream
  uint64_t device_bytes_ = 0;

  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Queued> queue_;
  uint64_t enqueued_ = 0, running_ = 0;  // running_: the order of the task that runs
  std::vector<std::pair<void*, size_t>> released_;
  std::vector<std::shared_ptr<Held>> held_;
  bool closing_ = false, retired_ = false;
  Status first_failure_;       // since the last sync
  std::vector<void*> graphs_;  // of the backend, to be destroyed with the stream

  // For each other stream, by its id: the last of its tasks that this one has waited for. Of the
  // thread that gives work.
  std::unordered_map<uint64_t, uint64_t> seen_;

  std::atomic<bool> cancelled_{false};
  // No thread and no work is left. Outlives the stream.
  std::shared_ptr<std::atomic<bool>> drained_ = std::make_shared<std::atomic<bool>>(false);
  std::shared_ptr<MemoryStats> memory_;
  std::atomic<int64_t> storages_{0}, being_freed_{0};
  Waiter waiter_;
  std::thread thread_;
};

/// The error of work that is given up.
Status closing_status();

}  // namespace halftone
