// The devices of this process: properties and memory pool of each, found once.
#pragma once
#include <mutex>

#include "device/context.h"
#include "vendor/runtime.h"

namespace halftone::cuda {

struct Device {
  int index = 0;
  vendor::DeviceProperties properties;
  vendor::Pool pool = nullptr;  // nullptr: the device has no memory pools
};

/// 0 when there is no driver or no device; the reason is in *why (may be null).
int device_count(Status* why);

/// The device with its pool, made on first use. `index` exists.
Status device(int index, const Device** out);

CudaSettings& settings();

}  // namespace halftone::cuda
