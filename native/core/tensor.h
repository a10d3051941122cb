// Tensors of the run time: bytes on a device, filled by work that may not have run yet.
#pragma once
#include <atomic>
#include <cstddef>
#include <memory>
#include <mutex>
#include <vector>

#include "core/backend_abi.h"
#include "core/schema.h"

namespace halftone {

class Stream;

/// Set on storages that a graph writes anew at each replay: the number that its stream gave to the
/// task which last did.
using Rewritten = std::shared_ptr<std::atomic<uint64_t>>;

/// Bytes on one device, in the order of one stream. Created pending; the stream's thread allocates
/// them just before the op that writes them runs, then settles them as ready or failed. Several
/// tensors may share one storage (reshape).
class Storage {
 public:
  Storage(std::shared_ptr<Stream> stream, size_t bytes, Rewritten rewritten = nullptr);
  /// The memory of another storage, settled by itself: what one replay of a graph leaves there.
  explicit Storage(std::shared_ptr<Storage> base);
  ~Storage();
  Storage(const Storage&) = delete;
  Storage& operator=(const Storage&) = delete;

  Stream& stream() const { return *stream_; }
  const std::shared_ptr<Stream>& shared_stream() const { return stream_; }
  size_t bytes() const { return bytes_; }

  /// For the thread that fills the storage, or for anyone once settled() is true.
  Status allocate();
  void* data() const {
    if (!base_) return data_;
    auto* bytes = static_cast<std::byte*>(base_->data());
    return bytes ? bytes + offset_ : nullptr;
  }
  void settle(Status outcome);
  halftone_provenance provenance{};

  bool settled() const { return state_.load(std::memory_order_acquire) != kPending; }
  /// Ok, or why the op that should have filled it failed. Only once settled.
  const Status& outcome() const { return outcome_; }

  /// The number of the task of its stream after which the bytes are there. For the thread that
  /// gives the streams their tasks.
  uint64_t sequence() const {
    return rewritten_ ? std::max(sequence_, rewritten_->load()) : sequence_;
  }
  void set_sequence(uint64_t number) { sequence_ = number; }
  bool is_rewritten() const { return rewritten_ != nullptr; }
  const Rewritten& rewritten() const { return rewritten_; }

  /// Gives its own memory back and has its bytes in `arena` from now on; their values are lost. For
  /// the stream's thread, and where nobody else has the storage.
  void move_into(std::shared_ptr<Storage> arena, size_t offset);
  /// Whether its memory is its own and no other stream has read it.
  bool may_move() const { return !base_ && data_ && users_.empty(); }

  /// Notes that another stream's device work reads it: the memory is then kept until that is done.
  void used_by(const std::shared_ptr<Stream>& stream);

 private:
  enum State { kPending, kSettled };
  std::shared_ptr<Stream> stream_;
  size_t bytes_;
  std::shared_ptr<Storage> base_;
  size_t offset_ = 0;  // in base_
  Rewritten rewritten_;
  uint64_t sequence_ = 0;
  void* data_ = nullptr;
  Status outcome_;
  std::atomic<int> state_{kPending};
  std::mutex mutex_;
  std::vector<std::shared_ptr<Stream>> users_;
};

struct Tensor {
  std::shared_ptr<Storage> storage;
  DType dtype = DType::kF32;
  Shape shape;

  TensorDesc desc() const { return {dtype, shape}; }
};

}  // namespace halftone
