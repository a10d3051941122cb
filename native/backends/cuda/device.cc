#include "backends/cuda/device.h"

#include <memory>
#include <vector>

namespace halftone::cuda {

int device_count(Status* why) {
  static const std::pair<int, Status>* found = [] {
    int count = 0;
    Status status = vendor::device_count(&count);
    return new std::pair<int, Status>(status.ok() ? count : 0, std::move(status));
  }();
  if (why) *why = found->second;
  return found->first;
}

Status device(int index, const Device** out) {
  static std::mutex* mutex = new std::mutex();
  static auto* devices = new std::vector<std::unique_ptr<Device>>();
  std::lock_guard lock(*mutex);
  const size_t i = static_cast<size_t>(index);
  if (devices->size() <= i) devices->resize(i + 1);
  auto& slot = (*devices)[i];
  if (!slot) {
    auto made = std::make_unique<Device>();
    made->index = index;
    HALFTONE_TRY(vendor::use_device(index));
    HALFTONE_TRY(vendor::device_properties(index, &made->properties));
    if (made->properties.memory_pools) HALFTONE_TRY(vendor::pool_create(index, &made->pool));
    slot = std::move(made);
  }
  *out = slot.get();
  return {};
}

CudaSettings& settings() {
  static auto* all = new CudaSettings();
  return *all;
}

}  // namespace halftone::cuda
