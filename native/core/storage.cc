#include <algorithm>

#include "core/stream.h"

namespace halftone {

Storage::Storage(std::shared_ptr<Stream> stream, size_t bytes, Rewritten rewritten)
    : stream_(std::move(stream)), bytes_(bytes), rewritten_(std::move(rewritten)) {
  stream_->storage_made();
  stream_->memory_->live_bytes.fetch_add(static_cast<int64_t>(bytes_), std::memory_order_relaxed);
}

Storage::Storage(std::shared_ptr<Storage> base)
    : stream_(base->stream_),
      bytes_(base->bytes_),
      base_(std::move(base)),
      rewritten_(base_->rewritten_) {
  stream_->storage_made();
}

Storage::~Storage() {
  if (!base_) {
    stream_->memory_->live_bytes.fetch_sub(static_cast<int64_t>(bytes_), std::memory_order_relaxed);
    if (data_ && users_.empty())
      stream_->release(data_, bytes_);
    else if (data_)
      Stream::release_after(stream_, data_, bytes_, std::move(users_));
  }
  stream_->storage_gone();
}

void Storage::move_into(std::shared_ptr<Storage> arena, size_t offset) {
  stream_->memory_->live_bytes.fetch_sub(static_cast<int64_t>(bytes_), std::memory_order_relaxed);
  stream_->free_now(data_, bytes_);
  data_ = nullptr;
  base_ = std::move(arena);
  offset_ = offset;
}

Status Storage::allocate() {
  if (bytes_ == 0) return {};
  Status status = stream_->allocate(bytes_, &data_);
  if (!status.ok()) data_ = nullptr;
  return status;
}

void Storage::settle(Status outcome) {
  outcome_ = std::move(outcome);
  state_.store(kSettled, std::memory_order_release);
}

void Storage::used_by(const std::shared_ptr<Stream>& stream) {
  if (base_) return base_->used_by(stream);
  std::lock_guard lock(mutex_);
  if (std::find(users_.begin(), users_.end(), stream) == users_.end()) users_.push_back(stream);
}

}  // namespace halftone
