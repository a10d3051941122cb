#include "device/context.h"
#include "device/elementwise.h"
#include "ops/top_k/top_k.h"
#include "ops/top_k/top_k_kernel.cuh"

namespace halftone {
namespace {

// The work is the square of a line's length: 2^32 comparisons for this one.
constexpr int64_t kLongest = 1 << 16;

Status top_k_supports(const TopK::Params& p, const CudaCall& call) {
  const Shape& x = call.in[0].shape;
  int32_t axis;
  HALFTONE_TRY(normalize_axis(p.axis, x.rank, "axis", &axis));
  if (x[axis] <= kLongest) return {};
  return unsupported("axes of at most ", kLongest, " elements are offered on CUDA, got x ", x,
                     " along axis ", axis, "; device 'cpu' has no limit");
}

Status top_k_cuda(const TopK::Params& p, DeviceContext& context) {
  const TensorView& x = context.in(0);
  const DType t = x.dtype;
  context.made_by({concat(TopK::kName, "_", info(t).short_name, "_rank").c_str(), name(t),
                   name(compute_dtype(t)), name(t)});
  if (context.out().elements() == 0) return {};
  int32_t axis;
  HALFTONE_TRY(normalize_axis(p.axis, x.shape.rank, "axis", &axis));
  int64_t step = 1;
  for (int k = axis + 1; k < x.shape.rank; ++k) step *= x.shape[k];
  return dispatch(t, [&](auto tag) -> Status {
    using T = typename decltype(tag)::type;
    if constexpr (std::is_same_v<T, Bool>)
      return {};
    else
      return device::launch(TopK::kName, top_k_ranks<T>,
                            device::elementwise_grid(context.properties(), x.elements(), 1),
                            device::kElementwiseThreads, 0, context.stream(), x.as<T>(),
                            x.elements(), x.shape[axis], step, p.k, p.largest,
                            context.out(0).as<T>(), context.out(1).as<int64_t>());
  });
}

}  // namespace

std::vector<CudaOp> top_k_cuda_ops() { return {cuda_op<TopK, top_k_cuda, top_k_supports>()}; }

}  // namespace halftone
