#include "backends/cuda/stream.h"

#include <cstdio>
#include <cstring>

#include "backends/cuda/registry.h"
#include "backends/cuda/views.h"
#include "core/version.h"

namespace halftone {

void DeviceContext::made_by(const Made& made) const {
  auto copy = [](auto& to, const char* from) { std::snprintf(to, sizeof to, "%s", from); };
  copy(provenance_.library, made.library);
  copy(provenance_.version, made.version ? made.version : kVersion);
  copy(provenance_.kernel, made.kernel);
  copy(provenance_.storage, made.storage);
  copy(provenance_.multiply, made.multiply);
  copy(provenance_.accumulate, made.accumulate);
  provenance_.tensor_cores = made.tensor_cores;
  provenance_.workspace_bytes = made.workspace_bytes;
}

namespace cuda {
namespace {

class RunningCall final : public DeviceContext {
 public:
  RunningCall(CudaStream& stream, const CudaCall& call, halftone_provenance& provenance)
      : DeviceContext(call, stream.device().index, stream.handle(), cuda::settings(), provenance),
        owner_(stream) {}
  ~RunningCall() override {
    for (void* data : scratch_) owner_.free(data);
  }

  Status scratch(size_t bytes, void** data) override {
    HALFTONE_TRY(owner_.alloc(bytes == 0 ? 1 : bytes, data));
    scratch_.push_back(*data);
    return {};
  }
  Status attached(const void* key, const Make& make, void** object) override {
    return owner_.attached(key, make, object);
  }

 private:
  CudaStream& owner_;
  std::vector<void*> scratch_;
};

}  // namespace

Status CudaStream::create(int index, std::unique_ptr<CudaStream>* out) {
  const Device* found = nullptr;
  HALFTONE_TRY(cuda::device(index, &found));
  std::unique_ptr<CudaStream> made(new CudaStream(found));
  HALFTONE_TRY(made->use());
  HALFTONE_TRY(vendor::stream_create(&made->handle_));
  *out = std::move(made);
  return {};
}

CudaStream::~CudaStream() {
  if (!handle_) return;
  // A lost device fails every call; there is nothing left to give back then.
  if (use().ok() && synchronize().ok()) attached_.clear();
  vendor::stream_destroy(handle_);
}

Status CudaStream::alloc(size_t bytes, void** data) {
  return vendor::malloc_async(bytes, device_->pool, handle_, data);
}

void CudaStream::free(void* data) {
  // It fails on a lost device only, which has taken its memory with it.
  static_cast<void>(vendor::free_async(data, device_->pool, handle_));
}

Status CudaStream::copy_in(void* to, const void* from_host, size_t bytes) {
  return vendor::copy_async(to, from_host, bytes, vendor::Copy::kHostToDevice, handle_);
}

Status CudaStream::copy_out(void* to_host, const void* from, size_t bytes) {
  HALFTONE_TRY(vendor::copy_async(to_host, from, bytes, vendor::Copy::kDeviceToHost, handle_));
  return synchronize();
}

Status CudaStream::attached(const void* key, const DeviceContext::Make& make, void** object) {
  auto& slot = attached_[key];
  if (!slot) HALFTONE_TRY(make(&slot));
  *object = slot.get();
  return {};
}

Status CudaStream::run(const halftone_call& call, halftone_provenance* provenance) {
  const RegisteredCudaOp* found = find_op(call.op);
  if (!found) return unsupported("the CUDA backend has no kernel for it; device 'cpu' has");
  const CallViews views(call);
  RunningCall running(*this, {views.in, views.out, device_->properties}, *provenance);
  return found->op.run(call.params, running);
}

}  // namespace cuda
}  // namespace halftone
