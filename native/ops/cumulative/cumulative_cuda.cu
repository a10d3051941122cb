#include "device/context.h"
#include "device/elementwise.h"
#include "ops/cumulative/cumulative.h"
#include "ops/cumulative/cumulative_kernel.cuh"

namespace halftone {
namespace {

template <bool kProduct>
Status cumulative_cuda(const CumulativeParams& p, DeviceContext& context) {
  const TensorView &x = context.in(0), &y = context.out();
  const DType t = x.dtype;
  const char* arithmetic = name(compute_dtype(t));
  context.made_by({concat(Cumulative<kProduct>::kName, "_", info(t).short_name).c_str(), name(t),
                   arithmetic, arithmetic});
  CumulativeLines lines;
  HALFTONE_TRY(cumulative_lines(p, x.shape, &lines));
  if (y.elements() == 0) return {};
  return dispatch(t, [&](auto tag) -> Status {
    using T = typename decltype(tag)::type;
    if constexpr (std::is_same_v<T, Bool>)
      return {};
    else
      return device::launch(Cumulative<kProduct>::kName, cumulative_elements<kProduct, T>,
                            device::elementwise_grid(context.properties(), lines.lines, 1),
                            device::kElementwiseThreads, 0, context.stream(), lines, x.as<T>(),
                            y.as<T>());
  });
}

}  // namespace

std::vector<CudaOp> cumulative_cuda_ops() {
  return {cuda_op<CumSum, cumulative_cuda<false>>(), cuda_op<CumProd, cumulative_cuda<true>>()};
}

}  // namespace halftone
