#include "device/context.h"
#include "device/elementwise.h"
#include "ops/pool/pool_kernel.cuh"

namespace halftone {
namespace {

template <class I>
device::Divisor divisor_as(int64_t d, I) {
  return device::divisor_of(d);
}
device::Divider divisor_as(int64_t d, int32_t) { return device::Divider(static_cast<uint32_t>(d)); }

template <class I>
PoolAxis<I> axis_as(const WindowAxis& a, int64_t step) {
  const int64_t reach = a.in + a.before;  // taps from there on lie in no image
  return {.in = static_cast<I>(a.in),
          .kernel = static_cast<I>(std::min(a.kernel, reach)),
          .stride = static_cast<I>(a.stride),
          .dilation = static_cast<I>(a.dilation),
          .before = static_cast<I>(a.before),
          .out = static_cast<I>(a.out),
          .by_dilation = divisor_as(a.dilation, I{}),
          .by_out = divisor_as(a.out, I{}),
          .step = a.dilation * step};
}

/// Whether positions along the axis and all that is made of them fit 32 bits.
bool is_short(const WindowAxis& a) {
  constexpr int64_t kMost = 1 << 29;
  return a.in < kMost && a.before < kMost && a.dilation < kMost && a.stride < kMost &&
         a.out < kMost && a.out * a.stride < kMost;
}

template <class Key, class I>
Status pool_as(const PoolGeometry& g, Layout layout, DeviceContext& context) {
  using S = typename Key::Storage;
  constexpr int kWide = device::kPerPack<S>;
  const S* x = context.in(0).as<S>();
  S* y = context.out().as<S>();
  const bool nchw = layout == Layout::kNCHW;
  const bool wide =
      !nchw && g.channels % kWide == 0 && device::aligned16(x) && device::aligned16(y);
  const int64_t packs = wide ? g.channels / kWide : g.channels;
  const PoolWindows<I> p{
      .h = axis_as<I>(g.h, g.x.h),
      .w = axis_as<I>(g.w, g.x.w),
      .image = nchw ? g.x.c : g.x.n,
      .row = g.x.h,
      .column = g.x.w,
      .channel_packs = divisor_as(packs, I{}),
      .packs = static_cast<I>(packs),
      .items = static_cast<I>(context.out().elements() / (wide ? kWide : 1)),
  };
  auto kernel = max_pool2d_nchw<Key, I>;
  if (!nchw) kernel = wide ? max_pool2d_nhwc<Key, kWide, I> : max_pool2d_nhwc<Key, 1, I>;
  return device::launch("max_pool2d", kernel,
                        device::elementwise_grid(context.properties(), p.items, 1),
                        device::kElementwiseThreads, 0, context.stream(), x, y, p);
}

template <class Key>
Status pool(const PoolGeometry& g, Layout layout, DeviceContext& context) {
  const bool is_small =
      context.out().elements() < int64_t{1} << 31 && is_short(g.h) && is_short(g.w);
  return is_small ? pool_as<Key, int32_t>(g, layout, context)
                  : pool_as<Key, int64_t>(g, layout, context);
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
