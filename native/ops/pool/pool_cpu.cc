#include <algorithm>

#include "core/kernel.h"
#include "ops/pool/pool.h"
#include "ops/pool/pool_isa.h"

namespace halftone {
namespace {

// One row of windows of one channel.
template <class S>
void pool_row_nchw(const PoolGeometry& g, const PoolLoops<S>& loops, const S* plane, int64_t oh,
                   S* y) {
  std::fill_n(y, g.w.out, loops.lowest);
  const TapRange rows = g.h.taps(oh), used = g.w.used_taps();
  for (int64_t r = rows.first; r < rows.last; ++r) {
    const S* row = plane + (g.h.start(oh) + r * g.h.dilation) * g.x.h;
    for (int64_t s = used.first; s < used.last; ++s) {
      const TapRange columns = g.w.windows_of(s);
      if (columns.first < columns.last)
        loops.largest(row + g.w.start(columns.first) + s * g.w.dilation, g.w.stride,
                      columns.last - columns.first, y + columns.first);
    }
  }
  loops.values(y, g.w.out);
}

// One row of windows of all channels.
template <class S>
void pool_row_nhwc(const PoolGeometry& g, const PoolLoops<S>& loops, const S* image, int64_t oh,
                   S* y) {
  std::fill_n(y, g.w.out * g.channels, loops.lowest);
  const TapRange rows = g.h.taps(oh);
  for (int64_t ow = 0; ow < g.w.out; ++ow) {
    const TapRange columns = g.w.taps(ow);
    for (int64_t r = rows.first; r < rows.last; ++r)
      for (int64_t s = columns.first; s < columns.last; ++s)
        loops.largest(image + (g.h.start(oh) + r * g.h.dilation) * g.x.h +
                          (g.w.start(ow) + s * g.w.dilation) * g.x.w,
                      1, g.channels, y + ow * g.channels);
  }
  loops.values(y, g.w.out * g.channels);
}

template <class S>
void pool(const PoolGeometry& g, const PoolLoops<S>& loops, Layout layout,
          const KernelContext& context) {
  const S* x = context.in(0).as<S>();
  S* y = context.out().as<S>();
  const bool nchw = layout == Layout::kNCHW;
  const int64_t rows = g.batch * g.h.out * (nchw ? g.channels : 1);
  const int64_t row_size = g.w.out * (nchw ? 1 : g.channels);
  const int64_t work =
      row_size * std::min(g.h.kernel, g.h.in + 1) * std::min(g.w.kernel, g.w.in + 1);
  context.parallel_for(rows, (1 << 16) / std::max<int64_t>(work, 1),
                       [&](int64_t first, int64_t last) {
                         for (int64_t row = first; row < last; ++row) {
                           const S* from = x + row / g.h.out * (nchw ? g.x.c : g.x.n);
                           if (nchw)
                             pool_row_nchw(g, loops, from, row % g.h.out, y + row * row_size);
                           else
                             pool_row_nhwc(g, loops, from, row % g.h.out, y + row * row_size);
                         }
                       });
}

Status max_pool2d_cpu(const MaxPool2d::Params& params, const KernelContext& context) {
  PoolGeometry g;
  const TensorView& x = context.in(0);
  HALFTONE_TRY(MaxPool2d::resolve(params, {x.dtype, x.shape}, &g));
  const char* kernel = params.layout == Layout::kNCHW ? "max_pool2d_nchw" : "max_pool2d_nhwc";
  context.made_by(kernel, name(x.dtype), "none", "none");
  if (context.out().elements() == 0) return {};
  switch (x.dtype) {
    case DType::kF32:
      pool(g, HALFTONE_ISA_PICK(pool_f32)(), params.layout, context);
      break;
    case DType::kF16:
      pool(g, HALFTONE_ISA_PICK(pool_f16)(), params.layout, context);
      break;
    case DType::kBF16:
      pool(g, HALFTONE_ISA_PICK(pool_bf16)(), params.layout, context);
      break;
    case DType::kS8:
      pool(g, HALFTONE_ISA_PICK(pool_s8)(), params.layout, context);
      break;
    default:
      pool(g, HALFTONE_ISA_PICK(pool_u8)(), params.layout, context);
      break;
  }
  return {};
}

}  // namespace

std::vector<CpuOp> pool_cpu_ops() { return {cpu_op<MaxPool2d, max_pool2d_cpu>()}; }

}  // namespace halftone
