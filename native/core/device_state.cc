#include "core/device_state.h"

#include <map>
#include <memory>

namespace halftone {

DeviceState& DeviceState::of(const Backend& backend, int device) {
  static std::mutex* mutex = new std::mutex();
  static auto* all = new std::map<std::pair<const Backend*, int>, std::unique_ptr<DeviceState>>();
  std::lock_guard lock(*mutex);
  auto& slot = (*all)[{&backend, device}];
  if (!slot) slot = std::make_unique<DeviceState>();
  return *slot;
}

Status DeviceState::lost() const {
  if (!is_lost_.load(std::memory_order_acquire)) return {};
  std::lock_guard lock(mutex_);
  return why_;
}

void DeviceState::lose(const Status& why) {
  std::lock_guard lock(mutex_);
  if (is_lost_) return;
  why_ = why;
  is_lost_.store(true, std::memory_order_release);
}

void DeviceState::add(const std::shared_ptr<Stream>& stream) {
  std::lock_guard lock(mutex_);
  std::erase_if(streams_, [](const auto& one) { return one.expired(); });
  streams_.push_back(stream);
}

std::vector<std::shared_ptr<Stream>> DeviceState::streams() {
  std::vector<std::shared_ptr<Stream>> alive;
  std::lock_guard lock(mutex_);
  for (const auto& one : streams_)
    if (std::shared_ptr<Stream> stream = one.lock()) alive.push_back(std::move(stream));
  return alive;
}

}  // namespace halftone
