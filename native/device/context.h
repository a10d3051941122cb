// What an operator gets on a CUDA device, and how it is registered. Each folder ops/<folder>/
// defines in <folder>_cuda.cu what ops.def declares:
//   std::vector<CudaOp> haxpy_cuda_ops() { return {cuda_op<Haxpy, haxpy_cuda>()}; }
#pragma once
#include <cstdint>
#include <cstdio>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/index_fault.h"
#include "core/kernel.h"
#include "core/schema.h"
#include "vendor/runtime.h"

namespace halftone {

/// What a caller can set for the whole backend.
struct CudaSettings {
  bool autotune = false;   // time the candidates of a convolution or product, keep the fastest
  std::string plan_cache;  // folder for plans of cuDNN; empty: none
  uint64_t workspace_bytes = 256ull << 20;  // the most that one call of a library may ask for
};

/// A call before it runs: dtypes and shapes without data.
struct CudaCall {
  std::span<const TensorView> in, out;
  const vendor::DeviceProperties& device;

  bool has(int i) const {
    return i < static_cast<int>(in.size()) && in[static_cast<size_t>(i)].shape.rank >= 0;
  }
};

/// A running call. Its work is enqueued on stream(), in whose order it runs; nothing here waits for
/// it.
class DeviceContext {
 public:
  DeviceContext(const CudaCall& call, int device, vendor::Stream stream,
                const CudaSettings& settings, halftone_provenance& provenance)
      : call_(call),
        device_(device),
        stream_(stream),
        settings_(settings),
        provenance_(provenance) {}
  virtual ~DeviceContext() = default;

  bool has(int i) const { return call_.has(i); }
  int inputs() const { return static_cast<int>(call_.in.size()); }
  const TensorView& in(int i) const { return call_.in[static_cast<size_t>(i)]; }
  const TensorView& out(int i = 0) const { return call_.out[static_cast<size_t>(i)]; }

  vendor::Stream stream() const { return stream_; }
  int device() const { return device_; }
  const vendor::DeviceProperties& properties() const { return call_.device; }
  const CudaSettings& settings() const { return settings_; }

  /// Whether the call is recorded into a graph instead of done: nothing may wait for the stream,
  /// and the numbers of tensors are those of each replay.
  virtual bool capturing() const { return false; }

  /// Device memory for this call, aligned to 256 bytes; given back, in the stream's order, when the
  /// call returns.
  virtual Status scratch(size_t bytes, void** data) = 0;

  /// An object that lives as long as the stream (a library's handle): made by `make` at the first
  /// use of `key`.
  using Make = std::function<Status(std::shared_ptr<void>*)>;
  virtual Status attached(const void* key, const Make& make, void** object) = 0;

  /// For what a recorded call needs at each replay (a plan whose kernels go with it): kept as long
  /// as the recording. Does nothing while calls are done.
  virtual void keep(std::shared_ptr<const void>) {}

  /// Where kernels of this call note an index of `x` that is out of range; index i counts along
  /// axis first_axis + i % axes. The next read or sync of the stream reports it.
  Status index_site(const char* op, const Shape& x, int first_axis, int64_t axes, IndexSite* site) {
    std::snprintf(site->of.op, sizeof site->of.op, "%s", op);
    site->of.first_axis = first_axis;
    site->of.axes = axes;
    site->of.rank = x.rank;
    for (int k = 0; k < x.rank; ++k) site->of.dims[k] = x[k];
    return note_indices(site);
  }

  /// How the result is made: the kernel or engine, and the types of storage, products and sums. For
  /// a library other than our own kernels: its name and version.
  struct Made {
    const char* kernel;
    const char* storage;
    const char* multiply;
    const char* accumulate;
    const char* library = "halftone-cuda";
    const char* version = nullptr;  // nullptr: Halftone's
    bool tensor_cores = false;
    uint64_t workspace_bytes = 0;
  };
  void made_by(const Made& made) const;

 protected:
  /// Fills in the record and the number of the call.
  virtual Status note_indices(IndexSite*) { return {}; }

 private:
  CudaCall call_;
  int device_;
  vendor::Stream stream_;
  const CudaSettings& settings_;
  halftone_provenance& provenance_;
};

/// One op on CUDA. `supports` says before anything is enqueued what passes infer() but cannot be
/// done here; nullptr: there is nothing. `run` enqueues the work and may return an error (without
/// the op's name); it must not throw.
struct CudaOp {
  OpSchema (*schema)();
  Status (*supports)(const void* params, const CudaCall&);
  Status (*run)(const void* params, DeviceContext&);
};

template <class Op, Status (*kRun)(const typename Op::Params&, DeviceContext&)>
CudaOp cuda_op() {
  return {&make_schema<Op>, nullptr, [](const void* params, DeviceContext& context) {
            return kRun(*static_cast<const typename Op::Params*>(params), context);
          }};
}
template <class Op, Status (*kRun)(const typename Op::Params&, DeviceContext&),
          Status (*kSupports)(const typename Op::Params&, const CudaCall&)>
CudaOp cuda_op() {
  CudaOp op = cuda_op<Op, kRun>();
  op.supports = [](const void* params, const CudaCall& call) {
    return kSupports(*static_cast<const typename Op::Params*>(params), call);
  };
  return op;
}

}  // namespace halftone
