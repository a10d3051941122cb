// The backend's side of one stream: the runtime's stream, and what belongs to it.
#pragma once
#include <memory>
#include <unordered_map>
#include <vector>

#include "backends/cuda/device.h"

namespace halftone::cuda {

class CudaStream {
 public:
  static Status create(int device, std::unique_ptr<CudaStream>* out);
  ~CudaStream();
  CudaStream(const CudaStream&) = delete;
  CudaStream& operator=(const CudaStream&) = delete;

  const Device& device() const { return *device_; }
  vendor::Stream handle() const { return handle_; }

  /// Makes this stream's device that of the calling thread.
  Status use() const { return vendor::use_device(device_->index); }
  Status alloc(size_t bytes, void** data);
  void free(void* data);
  Status copy_in(void* to, const void* from_host, size_t bytes);
  Status copy_out(void* to_host, const void* from, size_t bytes);
  Status synchronize() { return vendor::stream_synchronize(handle_); }
  Status run(const halftone_call& call, halftone_provenance* provenance);

  Status attached(const void* key, const DeviceContext::Make& make, void** object);

 private:
  explicit CudaStream(const Device* device) : device_(device) {}

  const Device* device_;
  vendor::Stream handle_ = nullptr;
  std::unordered_map<const void*, std::shared_ptr<void>> attached_;
};

}  // namespace halftone::cuda
