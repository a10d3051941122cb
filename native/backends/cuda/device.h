// The devices of this process: properties and memory pool of each, found once.
#pragma once
#include <memory>
#include <string>

#include "backends/cuda/memory.h"
#include "device/context.h"
#include "vendor/runtime.h"

#ifndef HALFTONE_BACKEND_NAME
#define HALFTONE_BACKEND_NAME "cuda"
#endif

namespace halftone::cuda {

struct Device {
  int index = 0;
  std::string name;  // "cuda:1"
  vendor::DeviceProperties properties;
  std::unique_ptr<Memory> memory;
};

/// 0 when there is no driver or no device; the reason is in *why (may be null).
int device_count(Status* why);

/// The device with its memory, made on first use, and from then on that of the calling thread.
/// `index` exists.
Status device(int index, const Device** out);

/// The settings of now, which later changes leave alone.
std::shared_ptr<const CudaSettings> settings();
/// Sets what halftone_backend.configure documents.
Status configure(int index, std::string_view key, std::string_view value);

}  // namespace halftone::cuda
