#include "device/context.h"
#include "device/strided_copy.h"
#include "ops/slice/slice.h"

namespace halftone {
namespace {

Status slice_cuda(const Slice::Params& p, DeviceContext& context) {
  const TensorView &x = context.in(0), &y = context.out();
  context.made_by(
      {concat("slice_", info(y.dtype).short_name).c_str(), name(y.dtype), "none", "none"});
  if (y.elements() == 0) return {};
  Slice::Range ranges[kMaxRank];
  HALFTONE_TRY(Slice::ranges(p, x.shape, ranges));
  int64_t x_strides[kMaxRank], y_strides[kMaxRank], start = 0;
  broadcast_strides(x.shape, x.shape, x_strides);
  broadcast_strides(y.shape, y.shape, y_strides);
  device::Axes<2> axes;
  for (int k = 0; k < y.shape.rank; ++k) {
    start += ranges[k].start * x_strides[k];
    axes.push_back(y.shape[k], {y_strides[k], ranges[k].step * x_strides[k]});
  }
  const int64_t size = size_of(x.dtype);
  return device::copy_strided("slice", axes, size, x.as<std::byte>() + start * size, y.data,
                              context.properties(), context.stream());
}

}  // namespace

std::vector<CudaOp> slice_cuda_ops() { return {cuda_op<Slice, slice_cuda>()}; }

}  // namespace halftone
