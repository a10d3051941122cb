// Runs an op's CPU kernel without JavaScript: infer(), then the kernel, on tensors held in vectors.
#pragma once
#include <cstring>
#include <string>
#include <vector>

#include "core/registry.h"

namespace halftone::test {

struct HostTensor {
  DType dtype = DType::kF32;
  Shape shape;
  std::vector<std::byte> bytes;

  HostTensor() = default;
  HostTensor(DType t, Shape s) : dtype(t), shape(s) {
    bytes.resize(static_cast<size_t>(s.elements() * size_of(t)));
  }
  template <class T>
  HostTensor(Shape s, const std::vector<T>& values) : HostTensor(dtype_of<T>, s) {
    if (!bytes.empty()) std::memcpy(bytes.data(), values.data(), bytes.size());
  }
  template <class T>
  T* as() {
    return reinterpret_cast<T*>(bytes.data());
  }
  template <class T>
  std::vector<T> values() {
    return std::vector<T>(as<T>(), as<T>() + shape.elements());
  }
};

struct RunResult {
  Status status;
  std::vector<HostTensor> outputs;
  halftone_provenance provenance{};
};

/// `inputs` may hold nullptr for an optional input that is not given.
template <class Op>
RunResult run_op(const typename Op::Params& params, std::vector<HostTensor*> inputs,
                 ThreadPool& pool = ThreadPool::global()) {
  RunResult result;
  const RegisteredOp* op = find_op(Op::kName);
  if (!op) {
    result.status = error(Code::kInternal, "no op ", Op::kName, " in ops.def");
    return result;
  }
  std::vector<TensorDesc> descs;
  descs.reserve(inputs.size());
  std::vector<const TensorDesc*> in;
  for (HostTensor* t : inputs) {
    if (t) descs.push_back({t->dtype, t->shape});
    in.push_back(t ? &descs.back() : nullptr);
  }
  Outputs out;
  result.status = op->schema.infer(&params, Inputs(in), out);
  if (!result.status.ok()) return result;
  std::vector<TensorView> in_views, out_views;
  for (HostTensor* t : inputs) {
    TensorView view;
    if (t)
      view = {t->bytes.data(), t->dtype, t->shape};
    else
      view.shape.rank = -1;
    in_views.push_back(view);
  }
  for (const TensorDesc& d : out) result.outputs.emplace_back(d.dtype, d.shape);
  for (HostTensor& t : result.outputs) {
    if (!t.bytes.empty())
      std::memset(t.bytes.data(), 0xa5, t.bytes.size());  // what a kernel forgets to write shows
    out_views.push_back({t.bytes.data(), t.dtype, t.shape});
  }
  const std::atomic<bool> cancelled{false};
  result.status =
      op->run_cpu(&params, KernelContext(in_views, out_views, pool, cancelled, result.provenance));
  return result;
}

}  // namespace halftone::test
