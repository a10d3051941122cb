// Integer convolutions on CUDA: where faster kernels than the definition are chosen.
#include "ops/conv2d/conv2d_cuda.h"

namespace halftone {

Status conv2d_int8_supports(const ConvTask&, const vendor::DeviceProperties&) { return {}; }

Status conv2d_int8(const ConvTask& task, DeviceContext& context, ConvMade* made) {
  return conv2d_by_definition(task, context, made);
}

}  // namespace halftone
