#include "device/context.h"
#include "device/strided_copy.h"
#include "ops/concat/concat.h"

namespace halftone {
namespace {

// One copy per input: rows of x, spread over the rows of y.
Status concat_cuda(const Concat::Params& p, DeviceContext& context) {
  const TensorView& y = context.out();
  context.made_by(
      {concat("concat_", info(y.dtype).short_name).c_str(), name(y.dtype), "none", "none"});
  int32_t axis;
  HALFTONE_TRY(normalize_axis(p.axis, y.shape.rank, "axis", &axis));
  const int64_t size = size_of(y.dtype);
  int64_t outer = 1, step = 1;  // elements of one index along the axis
  for (int k = 0; k < axis; ++k) outer *= y.shape[k];
  for (int k = axis + 1; k < y.shape.rank; ++k) step *= y.shape[k];
  int64_t before = 0;
  for (int i = 0; i < context.inputs(); ++i) {
    const TensorView& x = context.in(i);
    const int64_t row = step * x.shape[axis];
    device::Axes<2> axes;
    axes.push_back(outer, {step * y.shape[axis], row});
    axes.push_back(row, {1, 1});
    HALFTONE_TRY(device::copy_strided("concat", axes, size, x.data,
                                      y.as<std::byte>() + before * size, context.properties(),
                                      context.stream()));
    before += row;
  }
  return {};
}

}  // namespace

std::vector<CudaOp> concat_cuda_ops() { return {cuda_op<Concat, concat_cuda>()}; }

}  // namespace halftone
