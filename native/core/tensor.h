// Tensors of the run time: bytes on a device, filled by work that may not have run yet.
#pragma once
#include <atomic>
#include <cstddef>
#include <memory>

#include "core/backend_abi.h"
#include "core/schema.h"

namespace halftone {

class Stream;

/// Bytes on one device. Created pending; the stream's thread allocates them just before the op that
/// writes them runs, then settles them as ready or failed. Several tensors may share one storage
/// (reshape).
class Storage {
 public:
  Storage(std::shared_ptr<Stream> stream, size_t bytes);
  ~Storage();
  Storage(const Storage&) = delete;
  Storage& operator=(const Storage&) = delete;

  Stream& stream() const { return *stream_; }
  const std::shared_ptr<Stream>& shared_stream() const { return stream_; }
  size_t bytes() const { return bytes_; }

  /// For the thread that fills the storage, or for anyone once settled() is true.
  Status allocate();
  void* data() const { return data_; }
  void settle(Status outcome);
  halftone_provenance provenance{};

  bool settled() const { return state_.load(std::memory_order_acquire) != kPending; }
  /// Ok, or why the op that should have filled it failed. Only once settled.
  const Status& outcome() const { return outcome_; }

 private:
  enum State { kPending, kSettled };
  std::shared_ptr<Stream> stream_;
  size_t bytes_;
  void* data_ = nullptr;
  Status outcome_;
  std::atomic<int> state_{kPending};
};

struct Tensor {
  std::shared_ptr<Storage> storage;
  DType dtype = DType::kF32;
  Shape shape;

  TensorDesc desc() const { return {dtype, shape}; }
};

}  // namespace halftone
