// How int8 convolutions are launched, whatever becomes of their sums.
#pragma once
#include <algorithm>

#include "device/elementwise.h"
#include "ops/conv2d/conv2d_dp4a.h"
#include "ops/conv2d/conv2d_dp4a_kernel.cuh"

namespace halftone {

/// A convolution made ready: which kernel, and the operands as it takes them.
struct ConvS8Plan {
  bool direct = false, packs = false, x_unsigned = false, w_unsigned = false;
  ConvS8Args tile;
  ConvS8DirectArgs one;
  int64_t groups = 1;
};

/// Chooses the kernel and enqueues what copies of the operands it needs. x_zero: what stands for 0
/// in x. The direct kernel subtracts it; for tiles, padding takes its value, and sum(w) * x_zero is
/// still to be subtracted. Empty convolutions have no plan.
///
/// A tile takes the time of 128 output channels, at 4 products for each dp4a: 32 instructions per
/// pixel and k. The direct kernel takes about 8 for each output and k (two loads with their
/// addresses, a product): it is the faster one for up to 4 output channels of a group.
Status plan_conv_s8(DeviceContext&, const ConvGeometry&, const ConvOptions&, const ConvCall&,
                    int32_t x_zero, ConvS8Plan*, ConvDp4aReport*);

namespace detail {

template <bool kXUnsigned, bool kWUnsigned, class Finish>
Status launch_conv_s8(DeviceContext& context, ConvS8Plan& plan, const Finish& finish) {
  if (plan.direct) {
    using X = std::conditional_t<kXUnsigned, uint8_t, int8_t>;
    using W = std::conditional_t<kWUnsigned, uint8_t, int8_t>;
    return device::launch("conv2d_s8_direct", conv2d_s8_direct<X, W, Finish>,
                          device::elementwise_grid(context.properties(), plan.one.n, 1), 256, 0,
                          context.stream(), plan.one, finish);
  }
  const auto kernel = plan.packs ? conv2d_s8_dp4a_tile128<kXUnsigned, kWUnsigned, true, Finish>
                                 : conv2d_s8_dp4a_tile128<kXUnsigned, kWUnsigned, false, Finish>;
  ConvS8Args& p = plan.tile;
  for (p.first_group = 0; p.first_group < plan.groups; p.first_group += 65535) {
    const dim3 grid(device::blocks_for(p.pixels, device::kDp4aTile),
                    device::blocks_for(p.group_out, device::kDp4aTile),
                    static_cast<unsigned>(std::min<int64_t>(plan.groups - p.first_group, 65535)));
    HALFTONE_TRY(device::launch("conv2d_s8_dp4a_tile128", kernel, grid, device::kDp4aThreads, 0,
                                context.stream(), p, finish));
  }
  return {};
}

}  // namespace detail

/// Finish: as ConvS8Sums.
template <class Finish>
Status launch_conv_s8(DeviceContext& context, ConvS8Plan& plan, const Finish& finish) {
  if (plan.x_unsigned)
    return plan.w_unsigned ? detail::launch_conv_s8<true, true>(context, plan, finish)
                           : detail::launch_conv_s8<true, false>(context, plan, finish);
  return plan.w_unsigned ? detail::launch_conv_s8<false, true>(context, plan, finish)
                         : detail::launch_conv_s8<false, false>(context, plan, finish);
}

}  // namespace halftone
