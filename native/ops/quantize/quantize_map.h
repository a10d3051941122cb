// Elementwise kernels of quantization over scales that lie along an axis or in blocks.
#pragma once
#include "device/channels.h"
#include "device/context.h"
#include "ops/quantize/codes.h"

namespace halftone {

/// y[i] = f(f.channel(scale of i), x[i]), for blocks that are no channels of device::map_channels.
template <class F, class In, class Out>
__global__ void __launch_bounds__(device::kElementwiseThreads)
    map_blocks(F f, const In* x, Out* y, int64_t n, ChannelLayout layout) {
  const int64_t threads = static_cast<int64_t>(gridDim.x) * blockDim.x;
  for (int64_t i = static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x; i < n; i += threads)
    y[i] = f(f.channel(layout.scale_of(i)), x[i]);
}

/// Enqueues f over n > 0 elements of `shape`. Blocks that divide the last axis are channels.
template <class Params, class F, class In, class Out>
Status launch_scaled(const char* name, const Params& p, DeviceContext& context, const Shape& shape,
                     const F& f, const In* x, Out* y) {
  const int64_t n = shape.elements();
  const ChannelLayout l = channel_layout(shape, p.axis, p.blockSize);
  const bool rows = l.block > 0 && l.inner == 1 && l.channels % l.block == 0;
  if (l.block > 0 && !rows)
    return device::launch(name, map_blocks<F, In, Out>,
                          device::elementwise_grid(context.properties(), n, 1),
                          device::kElementwiseThreads, 0, context.stream(), f, x, y, n, l);
  return device::launch_channels(name, context.properties(), context.stream(), f, x, y, n,
                                 rows ? device::channel_map(l.outer * l.blocks(), l.block)
                                      : device::channel_map(l.channels, l.inner));
}

}  // namespace halftone
