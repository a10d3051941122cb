#include "device/context.h"
#include "device/elementwise.h"
#include "ops/pool/pool_kernel.cuh"

namespace halftone {
namespace {

template <class Key>
Status pool(const PoolGeometry& g, Layout layout, DeviceContext& context) {
  using S = typename Key::Storage;
  constexpr int kWide = device::kPerPack<S>;
  const S* x = context.in(0).as<S>();
  S* y = context.out().as<S>();
  const bool wide = layout == Layout::kNHWC && g.channels % kWide == 0 && device::aligned16(x) &&
                    device::aligned16(y);
  PoolWindows p{.g = g,
                .out_h = device::divisor_of(g.h.out),
                .out_w = device::divisor_of(g.w.out),
                .dilation_h = device::divisor_of(g.h.dilation),
                .dilation_w = device::divisor_of(g.w.dilation),
                .channel_packs = device::divisor_of(wide ? g.channels / kWide : g.channels),
                .step_h = g.h.dilation * g.x.h,
                .step_w = g.w.dilation * g.x.w,
                .items = context.out().elements()};
  if (wide) p.items /= kWide;
  auto kernel = max_pool2d_nchw<Key>;
  if (layout == Layout::kNHWC)
    kernel = wide ? max_pool2d_nhwc<Key, kWide> : max_pool2d_nhwc<Key, 1>;
  return device::launch("max_pool2d", kernel,
                        device::elementwise_grid(context.properties(), p.items, 1),
                        device::kElementwiseThreads, 0, context.stream(), x, y, p);
}

Status max_pool2d_cuda(const MaxPool2d::Params& params, DeviceContext& context) {
  PoolGeometry g;
  const TensorView& x = context.in(0);
  HALFTONE_TRY(MaxPool2d::resolve(params, {x.dtype, x.shape}, &g));
  const char* kernel = params.layout == Layout::kNCHW ? "max_pool2d_nchw" : "max_pool2d_nhwc";
  context.made_by({kernel, name(x.dtype), "none", "none"});
  if (context.out().elements() == 0) return {};
  switch (x.dtype) {
    case DType::kF32:
      return pool<PoolFloatKey<int32_t, 23>>(g, params.layout, context);
    case DType::kF16:
      return pool<PoolFloatKey<int16_t, 10>>(g, params.layout, context);
    case DType::kBF16:
      return pool<PoolFloatKey<int16_t, 7>>(g, params.layout, context);
    case DType::kS8:
      return pool<PoolIntegerKey<int8_t, -128>>(g, params.layout, context);
    default:
      return pool<PoolIntegerKey<uint8_t, 0>>(g, params.layout, context);
  }
}

}  // namespace

std::vector<CudaOp> pool_cuda_ops() { return {cuda_op<MaxPool2d, max_pool2d_cuda>()}; }

}  // namespace halftone
