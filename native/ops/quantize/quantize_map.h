// How scales lie on a device: as channels of a map. Blocks are channels where they divide the last
// axis.
#pragma once
#include "device/channels.h"
#include "device/context.h"
#include "ops/quantize/codes.h"

namespace halftone {

template <class Params>
device::ChannelMap quantize_map(const Shape& shape, const Params& p) {
  const ChannelLayout l = channel_layout(shape, p.axis, p.blockSize);
  if (l.block > 0) return device::channel_map(l.outer * l.blocks(), l.block);
  return device::channel_map(l.channels, l.inner);
}

template <class Params>
Status quantize_supports(const Params& p, const CudaCall& call) {
  const ChannelLayout l = channel_layout(call.in[0].shape, p.axis, p.blockSize);
  if (l.block > 0 && (l.inner != 1 || l.channels % l.block != 0))
    return unsupported("blocks of ", l.block, " along axis ", p.axis.value, " of ",
                       call.in[0].shape,
                       " are not offered on CUDA; nearest: blocks that divide the last axis, or "
                       "device 'cpu'");
  return {};
}

}  // namespace halftone
