#include "core/elementwise.h"
#include "ops/grid_sample/taps.h"

namespace halftone {
namespace {

template <class T>
void sample(const GridSample::Params& p, const KernelContext& context) {
  using C = ComputeType<T>;
  const GridGeometry g = grid_geometry(context.in(0).shape, context.out().shape);
  const T* x = context.in(0).as<T>();
  const C* grid = context.in(1).as<C>();
  T* y = context.out().as<T>();
  const int64_t volume = g.size[0] * g.size[1] * g.size[2];
  const int64_t grain = kElementwiseGrain / 16 / std::max<int64_t>(g.channels, 1);
  context.parallel_for(context.in(0).shape[0] * g.places, grain, [&](int64_t first, int64_t last) {
    for (int64_t i = first; i < last; ++i) {
      const int64_t n = i / g.places, place = i - n * g.places;
      const GridTaps<C> taps = grid_taps(p, g, grid + i * g.axes);
      for (int64_t c = 0; c < g.channels; ++c) {
        const int64_t plane = n * g.channels + c;
        y[plane * g.places + place] = HostValues::store<T>(sum_of_taps<HostValues>(
            taps.d, taps.h, taps.w, g.size[1], g.size[2], x + plane * volume));
      }
    }
  });
}

Status grid_sample_cpu(const GridSample::Params& p, const KernelContext& context) {
  const DType t = context.in(0).dtype;
  const char* arithmetic = name(compute_dtype(t));
  context.made_by(concat("grid_sample_", info(t).short_name).c_str(), name(t), arithmetic,
                  arithmetic);
  if (context.out().elements() == 0) return {};
  switch (t) {
    case DType::kF16:
      sample<f16>(p, context);
      break;
    case DType::kBF16:
      sample<bf16>(p, context);
      break;
    case DType::kF64:
      sample<double>(p, context);
      break;
    default:
      sample<float>(p, context);
      break;
  }
  return {};
}

}  // namespace

std::vector<CpuOp> grid_sample_cpu_ops() { return {cpu_op<GridSample, grid_sample_cpu>()}; }

}  // namespace halftone
