// Runs an op's CUDA launcher on the emulated device: infer(), supports(), then run(), through the
// module's own table of functions. The result has the form of run_op.h's, so that both backends can
// be compared in one line.
#pragma once
#include <atomic>

#include "core/backend_abi.h"
#include "run_op.h"

extern "C" const halftone_backend* halftone_backend_get(void);

namespace halftone::test {

/// `inputs` may hold nullptr for an optional input that is not given.
template <class Op>
RunResult run_cuda(const typename Op::Params& params, std::vector<HostTensor*> inputs) {
  RunResult result;
  static const OpSchema schema = make_schema<Op>();
  const halftone_backend& backend = *halftone_backend_get();
  std::vector<TensorDesc> descs;
  descs.reserve(inputs.size());
  std::vector<const TensorDesc*> in;
  for (HostTensor* t : inputs) {
    if (t) descs.push_back({t->dtype, t->shape});
    in.push_back(t ? &descs.back() : nullptr);
  }
  Outputs out;
  result.status = schema.infer(&params, Inputs(in), out);
  if (!result.status.ok()) return result;

  halftone_status status{};
  const auto done = [&](int32_t code) {
    if (code != 0 && result.status.ok()) result.status = {static_cast<Code>(code), status.message};
    return result.status.ok();
  };
  void* stream = nullptr;
  if (!done(backend.stream_create(0, &stream, &status))) return result;
  std::vector<std::pair<void*, size_t>> memory;
  const auto to_abi = [&](const HostTensor* t, bool copy) {
    halftone_tensor abi{};
    abi.rank = -1;
    if (!t) return abi;
    abi.dtype = static_cast<int32_t>(t->dtype);
    abi.rank = t->shape.rank;
    std::memcpy(abi.dims, t->shape.dims, sizeof abi.dims);
    if (t->bytes.empty()) return abi;
    if (!done(backend.alloc(stream, t->bytes.size(), &abi.data, &status))) return abi;
    memory.emplace_back(abi.data, t->bytes.size());
    if (copy) done(backend.copy_in(stream, abi.data, t->bytes.data(), t->bytes.size(), &status));
    return abi;
  };
  std::vector<halftone_tensor> in_abi, out_abi;
  for (HostTensor* t : inputs) in_abi.push_back(to_abi(t, true));
  for (const TensorDesc& d : out) result.outputs.emplace_back(d.dtype, d.shape);
  for (HostTensor& t : result.outputs) out_abi.push_back(to_abi(&t, false));
  const std::atomic<bool> cancelled{false};
  const halftone_call call{Op::kName,
                           &params,
                           sizeof params,
                           in_abi.data(),
                           static_cast<int32_t>(in_abi.size()),
                           out_abi.data(),
                           static_cast<int32_t>(out_abi.size()),
                           &cancelled};
  if (result.status.ok()) done(backend.supports(0, &call, &status));
  if (result.status.ok()) done(backend.run(stream, &call, &result.provenance, &status));
  for (size_t i = 0; i < out_abi.size() && result.status.ok(); ++i)
    if (HostTensor& t = result.outputs[i]; !t.bytes.empty()) {
      void* ticket = nullptr;
      if (done(
              backend.copy_out_begin(stream, out_abi[i].data, t.bytes.size(), 0, &ticket, &status)))
        done(backend.copy_out_end(ticket, t.bytes.data(), &status));
    }
  for (const auto& [data, bytes] : memory) backend.free(stream, data, bytes);
  backend.stream_destroy(stream);
  return result;
}

}  // namespace halftone::test
