// The tensors of a call across the ABI, as the ops see them.
#pragma once
#include <cstring>
#include <vector>

#include "core/backend_abi.h"
#include "core/kernel.h"

namespace halftone::cuda {

inline TensorView to_view(const halftone_tensor& t) {
  TensorView v;
  v.data = t.data;
  v.dtype = static_cast<DType>(t.dtype);
  v.shape.rank = t.rank;
  std::memcpy(v.shape.dims, t.dims, sizeof v.shape.dims);
  return v;
}

struct CallViews {
  std::vector<TensorView> in, out;

  explicit CallViews(const halftone_call& call) {
    for (int i = 0; i < call.input_count; ++i) in.push_back(to_view(call.inputs[i]));
    for (int i = 0; i < call.output_count; ++i) out.push_back(to_view(call.outputs[i]));
  }
};

}  // namespace halftone::cuda
