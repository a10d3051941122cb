// An in-order queue of work on one device, with a thread of its own. The JavaScript thread only
// enqueues.
#pragma once
#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "core/backend.h"
#include "core/registry.h"
#include "core/tensor.h"

namespace halftone {

/// What the tensors of one stream hold.
struct MemoryStats {
  int64_t tensors = 0;          // storages alive
  int64_t live_bytes = 0;       // bytes of these, whether allocated yet or not
  int64_t allocated_bytes = 0;  // bytes now taken from the backend
  int64_t peak_bytes = 0;       // largest allocated_bytes so far
};

class Stream : public std::enable_shared_from_this<Stream> {
 public:
  /// Starts the thread, which keeps the stream alive until close(). Fails when the backend cannot
  /// make a stream.
  static Status create(const Backend* backend, int device, std::shared_ptr<Stream>* out);
  ~Stream();
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  const Backend& backend() const { return *backend_; }
  int device() const { return device_; }
  /// "cpu", "cuda:1": as users write it.
  const std::string& device_name() const { return device_name_; }
  MemoryStats memory() const;

  /// Checks the call (infer, then the backend's supports), enqueues it and returns its outputs.
  /// `inputs` may hold null for optional inputs. `params` is the op's Params.
  Status run(const RegisteredOp& op, const void* params, const std::vector<const Tensor*>& inputs,
             std::vector<Tensor>* outputs);

  /// A tensor with a copy of `data`, which may be changed once this returns.
  Status upload(DType dtype, const Shape& shape, const void* data, Tensor* out);

  /// How many bytes read() writes. float16 and bfloat16 are read as float32 when `widen` is set.
  static size_t read_bytes(const Tensor& tensor, bool widen);

  /// Writes the tensor's bytes to `to` once they are known, then calls done(status), both on the
  /// stream's thread. `done` is called exactly once, also when the stream closes before; `to` must
  /// live until then.
  void read(const Tensor& tensor, bool widen, void* to, std::function<void(Status)> done);

  /// Calls done on the stream's thread once the tensor is settled: with its outcome.
  void settled(const Tensor& tensor, std::function<void(Status)> done);

  /// Calls done on the stream's thread when all that was enqueued before is finished: with the
  /// first failure of an op since the last sync, if any.
  void sync(std::function<void(Status)> done);

  /// Gives up what has not begun, cuts short what runs, and waits for the thread. Idempotent.
  void close();

 private:
  friend class Storage;
  /// Work for the stream's thread. `aborted` tells that it must only settle, not compute.
  using Task = std::function<void(bool aborted)>;

  Stream(const Backend* backend, int device);
  void enqueue(Task task);
  void loop();
  void execute(const RegisteredOp& op, const void* params, const std::vector<Tensor>& inputs,
               const std::vector<bool>& given, const std::vector<Tensor>& outputs, bool aborted);
  Status run_now(const RegisteredOp& op, const void* params, const std::vector<Tensor>& inputs,
                 const std::vector<bool>& given, const std::vector<Tensor>& outputs);
  Status read_now(const Tensor& tensor, bool widen, void* to);
  void note(const Status& outcome);
  Status lost() const;
  Status check_memory(size_t bytes) const;
  void release(void* data, size_t bytes);
  void free_released();

  const Backend* backend_;
  int device_;
  std::string device_name_;
  void* handle_ = nullptr;  // the backend's stream
  uint64_t device_bytes_ = 0;

  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Task> queue_;
  std::vector<std::pair<void*, size_t>> released_;
  bool closing_ = false;
  Status first_failure_;  // since the last sync
  Status lost_;           // once the device is lost

  std::atomic<bool> cancelled_{false};
  std::atomic<int64_t> tensors_{0}, live_bytes_{0}, allocated_bytes_{0}, peak_bytes_{0};
  std::thread thread_;
};

}  // namespace halftone
