// cuDNN backend descriptors and the graph of one convolution.
#pragma once
#include <cudnn.h>

#include <deque>
#include <string>

#include "vendor/dnn.h"

namespace halftone::vendor {

/// Status of a cuDNN call: what was called, the status' name, and the library's own explanation.
/// 3xxx (not supported) -> unsupported, 1xxx -> backend unavailable, out of memory -> out of
/// memory, all others -> device.
Status dnn_status(cudnnStatus_t status, const char* call);

#define HALFTONE_DNN(call)                                                             \
  do {                                                                                 \
    if (const cudnnStatus_t dnn_status_ = (call); dnn_status_ != CUDNN_STATUS_SUCCESS) \
      return dnn_status(dnn_status_, #call);                                           \
  } while (0)

/// A backend descriptor, destroyed with this object.
class Descriptor {
 public:
  Descriptor() = default;
  ~Descriptor();
  Descriptor(Descriptor&& other) noexcept : handle_(other.handle_) { other.handle_ = nullptr; }
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(handle_, other.handle_);
    return *this;
  }

  Status create(cudnnBackendDescriptorType_t type);
  Status set(cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type, int64_t count,
             const void* values);
  Status set(cudnnBackendAttributeName_t name, const Descriptor& value);
  Status set(cudnnBackendAttributeName_t name, cudnnDataType_t value);
  Status set(cudnnBackendAttributeName_t name, int64_t value);
  Status set(cudnnBackendAttributeName_t name, float value);
  Status finalize();
  Status get(cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type, int64_t count,
             int64_t* got, void* values) const;
  Status get(cudnnBackendAttributeName_t name, int64_t* value) const;

  cudnnBackendDescriptor_t get() const { return handle_; }

 private:
  cudnnBackendDescriptor_t handle_ = nullptr;
};

/// Unique ids of the tensors in a graph, used again in the variant pack.
/// kIdFirstVirtual and those that follow: what one operation hands to the next.
enum TensorId : int64_t { kIdX = 1, kIdW, kIdY, kIdBias, kIdResidual, kIdFirstVirtual };

/// An operation graph with everything it refers to.
struct ConvGraph {
  std::deque<Descriptor> parts;
  Descriptor graph;
};

/// `handle` may be null: then the graph is for no device in particular, and the device is named by
/// the descriptors that use it.
Status build_graph(const ConvSpec& spec, cudnnHandle_t handle, ConvGraph* out);

}  // namespace halftone::vendor
