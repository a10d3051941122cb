// conv2d with compute 'float16' by the tiled kernel. A file of its own: its registers are watched
// (backends/cuda/kernel-resources.json).
#include "ops/conv2d/conv2d_cuda.h"
#include "ops/conv2d/conv2d_kernel.cuh"

namespace halftone {

Status conv2d_by_tiles(const ConvTask& t, DeviceContext& context, ConvMade* made) {
  const ConvGeometry& g = t.g;
  const f16* x = static_cast<const f16*>(t.call.a);
  const f16* w = static_cast<const f16*>(t.call.b);
  f16* y = static_cast<f16*>(t.call.out);
  if (t.options.filterLayout != FilterLayout::kHWIO) {
    const size_t bytes = static_cast<size_t>(t.b_shape().elements()) * sizeof(f16);
    void* moved = nullptr;
    HALFTONE_TRY(context.scratch(bytes, &moved));
    HALFTONE_TRY(conv2d_move(context, t.b_shape(), axis_order(t.options.filterLayout), DType::kF16,
                             w, axis_order(FilterLayout::kHWIO), DType::kF16, moved));
    w = static_cast<const f16*>(moved);
    made->workspace_bytes += bytes;
  }
  const bool x_packs = g.x.c == 1 && g.group_in % 8 == 0 && device::aligned16(x);
  const bool w_packs = g.group_out % 8 == 0 && device::aligned16(w);
  TileCall call;
  call.g = g;
  call.finish = {t.call.bias, t.call.bias_type, t.call.activation == Activation::kRelu,
                 t.call.residual};
  call.channel_tiles = (g.group_out + kTileChannels - 1) / kTileChannels;
  call.tiles =
      (g.batch * g.pixels() + kTilePixels - 1) / kTilePixels * g.groups * call.channel_tiles;
  call.y_packs = g.y.c == 1 && g.group_out % 8 == 0 && device::aligned16(y);
  const auto kernel =
      x_packs ? (w_packs ? conv2d_f16_tiles<true, true> : conv2d_f16_tiles<true, false>)
              : (w_packs ? conv2d_f16_tiles<false, true> : conv2d_f16_tiles<false, false>);
  const auto grid = static_cast<unsigned>(std::min<int64_t>(call.tiles, kMaxInt));
  HALFTONE_TRY(
      device::launch("conv2d_f16_tiles", kernel, grid, 256, 0, context.stream(), call, x, w, y));
  if (!g.h.all_full() || !g.w.all_full()) HALFTONE_TRY(conv2d_repair(t, context, true));
  made->kernel = concat("conv2d_f16_hfma2", t.options.layout == Layout::kNHWC ? "_nhwc" : "_nchw");
  made->done = true;
  return {};
}

}  // namespace halftone
