#include "core/elementwise.h"
#include "ops/deform_patches/deform_patches_value.h"

namespace halftone {
namespace {

template <class T>
void patches(const DeformGeometry& g, const KernelContext& context) {
  const T *x = context.in(0).as<T>(), *offset = context.in(1).as<T>();
  const T* mask = context.has(2) ? context.in(2).as<T>() : nullptr;
  T* y = context.out().as<T>();
  context.parallel_for(context.out().elements(), 1 << 11, [&](int64_t first, int64_t last) {
    for (int64_t i = first; i < last; ++i) y[i] = deform_patch<HostValues>(g, x, offset, mask, i);
  });
}

Status deform_patches_cpu(const DeformPatches::Params& p, const KernelContext& context) {
  const TensorView& x = context.in(0);
  DeformGeometry g;
  HALFTONE_TRY(DeformPatches::resolve(p, x.shape, &g));
  const char* type = name(x.dtype);
  context.made_by(concat("deform_patches_", info(x.dtype).short_name).c_str(), type, type, type);
  if (context.out().elements() == 0) return {};
  x.dtype == DType::kF64 ? patches<double>(g, context) : patches<float>(g, context);
  return {};
}

}  // namespace

std::vector<CpuOp> deform_patches_cpu_ops() {
  return {cpu_op<DeformPatches, deform_patches_cpu>()};
}

}  // namespace halftone
