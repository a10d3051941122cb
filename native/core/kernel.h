// What a CPU kernel gets: its tensors, its threads, and the place to say how the result was made.
#pragma once
#include <algorithm>
#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "core/backend_abi.h"
#include "core/schema.h"
#include "core/thread_pool.h"

namespace halftone {

/// A tensor as a kernel sees it: dense, row-major.
struct TensorView {
  void* data = nullptr;
  DType dtype = DType::kF32;
  Shape shape;

  template <class T>
  T* as() const {
    return static_cast<T*>(data);
  }
  int64_t elements() const { return shape.elements(); }
};

class KernelContext {
 public:
  KernelContext(std::span<const TensorView> in, std::span<const TensorView> out, ThreadPool& pool,
                const std::atomic<bool>& cancelled, halftone_provenance& provenance)
      : in_(in), out_(out), pool_(pool), cancelled_(cancelled), provenance_(provenance) {}

  int inputs() const { return static_cast<int>(in_.size()); }
  bool has(int i) const { return i < inputs() && in_[static_cast<size_t>(i)].shape.rank >= 0; }
  const TensorView& in(int i) const { return in_[static_cast<size_t>(i)]; }
  const TensorView& out(int i = 0) const { return out_[static_cast<size_t>(i)]; }

  /// Calls body(first, last) over [0, n) on the threads of the pool, in pieces of about `grain` (>=
  /// 1) items. The split depends on n and grain alone, never on the number of threads: results do
  /// not either. Pieces not yet begun are dropped once the stream is closing.
  template <class F>
  void parallel_for(int64_t n, int64_t grain, F&& body) const {
    if (n <= 0) return;
    grain = std::max<int64_t>(grain, 1);
    const int64_t pieces = (n + grain - 1) / grain;
    pool_.run(pieces, cancelled_,
              [&](int64_t i) { body(i * grain, std::min(n, (i + 1) * grain)); });
  }
  /// The number of threads that parallel_for uses at the most.
  int threads() const { return pool_.size(); }
  bool cancelled() const { return cancelled_.load(std::memory_order_relaxed); }

  /// Says how the result is made: kernel name ("gemm_f32_avx512_8x48"), the types of storage, of
  /// the products and of the sums ("float16", "float32", ...).
  void made_by(const char* kernel, const char* storage, const char* multiply,
               const char* accumulate, uint64_t workspace_bytes = 0) const;

 private:
  std::span<const TensorView> in_, out_;
  ThreadPool& pool_;
  const std::atomic<bool>& cancelled_;
  halftone_provenance& provenance_;
};

/// One op with its CPU kernel. Inputs, outputs and params have passed the op's infer() when run is
/// called. A kernel may return an error (without the op's name); it must not throw, but
/// std::bad_alloc is caught around it.
struct CpuOp {
  OpSchema (*schema)();
  Status (*run)(const void* params, const KernelContext&);
  /// What passes infer() but this backend cannot do: an unsupported(...) before anything is
  /// enqueued. nullptr: there is none.
  Status (*supports)(const void* params) = nullptr;
};

/// Each folder ops/<folder>/ defines, in <folder>_cpu.cc, what ops.def declares:
///   std::vector<CpuOp> conv2d_cpu_ops() { return {cpu_op<Conv2d, conv2d_cpu>()}; }
template <class Op, Status (*kRun)(const typename Op::Params&, const KernelContext&)>
CpuOp cpu_op() {
  return {&make_schema<Op>, [](const void* params, const KernelContext& context) {
            return kRun(*static_cast<const typename Op::Params*>(params), context);
          }};
}
/// With parameters that the CPU must refuse.
template <class Op, Status (*kRun)(const typename Op::Params&, const KernelContext&),
          Status (*kSupports)(const typename Op::Params&)>
CpuOp cpu_op() {
  CpuOp op = cpu_op<Op, kRun>();
  op.supports = [](const void* params) {
    return kSupports(*static_cast<const typename Op::Params*>(params));
  };
  return op;
}

}  // namespace halftone
