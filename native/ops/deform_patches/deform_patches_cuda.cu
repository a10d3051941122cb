#include "device/context.h"
#include "ops/deform_patches/deform_patches_kernel.cuh"

namespace halftone {
namespace {

template <class T>
Status patches(const DeformGeometry& g, DeviceContext& context) {
  const int64_t n = context.out().elements();
  return device::launch("deformPatches", deform_patches<T>,
                        device::elementwise_grid(context.properties(), n, 1),
                        device::kElementwiseThreads, 0, context.stream(), context.in(0).as<T>(),
                        context.in(1).as<T>(), context.has(2) ? context.in(2).as<T>() : nullptr,
                        context.out().as<T>(), g, n);
}

Status deform_patches_cuda(const DeformPatches::Params& p, DeviceContext& context) {
  const TensorView& x = context.in(0);
  DeformGeometry g;
  HALFTONE_TRY(DeformPatches::resolve(p, x.shape, &g));
  const char* type = name(x.dtype);
  context.made_by({concat("deform_patches_", info(x.dtype).short_name).c_str(), type, type, type});
  if (context.out().elements() == 0) return {};
  return x.dtype == DType::kF64 ? patches<double>(g, context) : patches<float>(g, context);
}

}  // namespace

std::vector<CudaOp> deform_patches_cuda_ops() {
  return {cuda_op<DeformPatches, deform_patches_cuda>()};
}

}  // namespace halftone
