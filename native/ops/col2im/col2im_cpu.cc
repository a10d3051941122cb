#include "core/elementwise.h"
#include "ops/col2im/col2im_value.h"

namespace halftone {
namespace {

template <class T>
void fold(const BlockGeometry& g, const KernelContext& context) {
  const T* x = context.in(0).as<T>();
  T* y = context.out().as<T>();
  context.parallel_for(context.out().elements(), (1 << 13) / g.taps,
                       [&](int64_t first, int64_t last) {
                         for (int64_t i = first; i < last; ++i)
                           y[i] = col2im_value<HostValues>(g, x, i);
                       });
}

Status col2im_cpu(const Col2im::Params& p, const KernelContext& context) {
  const TensorView& x = context.in(0);
  BlockGeometry g;
  Shape y;
  HALFTONE_TRY(Col2im::resolve(p, x.shape, &g, &y));
  const char* sums = name(compute_dtype(x.dtype));
  context.made_by(concat("col2im_", info(x.dtype).short_name).c_str(), name(x.dtype), "none", sums);
  if (context.out().elements() == 0) return {};
  switch (x.dtype) {
    case DType::kF16:
      fold<f16>(g, context);
      break;
    case DType::kBF16:
      fold<bf16>(g, context);
      break;
    case DType::kF64:
      fold<double>(g, context);
      break;
    default:
      fold<float>(g, context);
      break;
  }
  return {};
}

}  // namespace

std::vector<CpuOp> col2im_cpu_ops() { return {cpu_op<Col2im, col2im_cpu>()}; }

}  // namespace halftone
