#include "core/supports.h"

#include <atomic>
#include <cstring>

namespace halftone {
namespace {

halftone_tensor without_data(const TensorDesc* desc) {
  halftone_tensor t{};
  t.rank = -1;
  if (!desc) return t;
  t.dtype = static_cast<int32_t>(desc->dtype);
  t.rank = desc->shape.rank;
  std::memcpy(t.dims, desc->shape.dims, sizeof t.dims);
  return t;
}

}  // namespace

Status supports(const Backend& backend, int device, const RegisteredOp& op, const void* params,
                std::span<const TensorDesc* const> inputs, Outputs* outputs) {
  const OpSchema& schema = op.schema;
  outputs->clear();
  HALFTONE_TRY(schema.infer(params, Inputs(inputs), *outputs));
  std::vector<halftone_tensor> in, out;
  for (const TensorDesc* desc : inputs) in.push_back(without_data(desc));
  for (const TensorDesc& desc : *outputs) {
    Status size = check_size(desc.shape, desc.dtype);
    if (!size.ok()) return {size.code, concat(schema.name, ": ", size.message)};
    out.push_back(without_data(&desc));
  }
  const std::atomic<bool> cancelled{false};
  const halftone_call call{schema.name.c_str(),
                           params,
                           schema.params_size,
                           in.data(),
                           static_cast<int32_t>(in.size()),
                           out.data(),
                           static_cast<int32_t>(out.size()),
                           &cancelled};
  halftone_status status{};
  return to_status(backend.api->supports(device, &call, &status), status);
}

}  // namespace halftone
