#include <limits>

#include "core/elementwise.h"
#include "ops/roi_align/roi_align_value.h"

namespace halftone {
namespace {

template <class T>
void align(const RoiAlign::Params& p, const KernelContext& context) {
  using C = ComputeType<T>;
  const Shape &x = context.in(0).shape, &shape = context.out().shape;
  const C* rois = context.in(1).as<C>();
  const int64_t* images = context.in(2).as<int64_t>();
  T* y = context.out().as<T>();
  context.parallel_for(context.out().elements(), 1 << 8, [&](int64_t first, int64_t last) {
    for (int64_t i = first; i < last; ++i) {
      const int64_t row = i / shape[3], plane = row / shape[2], region = plane / shape[1];
      const int64_t image = images[region];
      if (image < 0 || image >= x[0]) {
        y[i] = HostValues::store<T>(std::numeric_limits<C>::quiet_NaN());
        continue;
      }
      const int64_t from = (image * x[1] + plane - region * shape[1]) * x[2] * x[3];
      y[i] = roi_align_value<HostValues>(p, rois + 4 * region, context.in(0).as<T>() + from, x[2],
                                         x[3], row - plane * shape[2], i - row * shape[3]);
    }
  });
}

Status roi_align_cpu(const RoiAlign::Params& p, const KernelContext& context) {
  const DType t = context.in(0).dtype;
  const char* arithmetic = name(compute_dtype(t));
  context.made_by(concat("roi_align_", info(t).short_name).c_str(), name(t), arithmetic,
                  arithmetic);
  if (context.out().elements() == 0) return {};
  switch (t) {
    case DType::kF16:
      align<f16>(p, context);
      break;
    case DType::kBF16:
      align<bf16>(p, context);
      break;
    case DType::kF64:
      align<double>(p, context);
      break;
    default:
      align<float>(p, context);
      break;
  }
  return {};
}

}  // namespace

std::vector<CpuOp> roi_align_cpu_ops() { return {cpu_op<RoiAlign, roi_align_cpu>()}; }

}  // namespace halftone
