#include "device/context.h"
#include "device/elementwise.h"
#include "ops/det/det.h"
#include "ops/det/det_kernel.cuh"

namespace halftone {
namespace {

Status det_cuda(const NoParams&, DeviceContext& context) {
  const TensorView &x = context.in(0), &y = context.out();
  const DType t = x.dtype;
  const uint64_t bytes = static_cast<uint64_t>(x.elements()) * sizeof(double);
  context.made_by({.kernel = concat(Det::kName, "_", info(t).short_name).c_str(),
                   .storage = name(t),
                   .multiply = "float64",
                   .accumulate = "float64",
                   .workspace_bytes = bytes});
  if (y.elements() == 0) return {};
  void* matrices = nullptr;
  if (bytes > 0) HALFTONE_TRY(context.scratch(bytes, &matrices));
  return dispatch(t, [&](auto tag) -> Status {
    using T = typename decltype(tag)::type;
    if constexpr (!is_float(dtype_of<T>))
      return {};
    else
      return device::launch(Det::kName, determinants<T>,
                            device::elementwise_grid(context.properties(), y.elements(), 1),
                            device::kElementwiseThreads, 0, context.stream(), x.as<T>(), y.as<T>(),
                            static_cast<double*>(matrices), x.shape[x.shape.rank - 1],
                            y.elements());
  });
}

}  // namespace

std::vector<CudaOp> det_cuda_ops() { return {cuda_op<Det, det_cuda>()}; }

}  // namespace halftone
