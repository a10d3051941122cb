#include "device/context.h"
#include "device/elementwise.h"
#include "ops/cast/bitcast.h"
#include "ops/cast/cast.h"
#include "ops/cast/cast_cuda.h"
#include "ops/cast/cast_kernel.cuh"
#include "ops/cast/cast_narrow.h"

namespace halftone {

Status cast_on_device(const TensorView& x, const TensorView& y, bool saturate,
                      DeviceContext& context) {
  const int64_t n = x.elements();
  if (n == 0) return {};
  if (x.dtype == y.dtype)
    return vendor::copy_async(y.data, x.data, static_cast<size_t>(n * size_of(x.dtype)),
                              vendor::Copy::kDeviceToDevice, context.stream());
  const bool packs = device::aligned16(x.data) && device::aligned16(y.data);
  return dispatch(x.dtype, [&](auto from_tag) {
    return dispatch(y.dtype, [&](auto to_tag) -> Status {
      using From = typename decltype(from_tag)::type;
      using To = typename decltype(to_tag)::type;
      if constexpr (std::is_same_v<From, To>)
        return {};
      else
        return device::launch(
            "cast", cast_elements<From, To>,
            device::elementwise_grid(context.properties(), n, kCastPack<From, To>),
            device::kElementwiseThreads, 0, context.stream(), x.as<From>(), y.as<To>(), n, saturate,
            packs);
    });
  });
}

namespace {

template <class Kernel, class... Args>
Status launch_bytes(Kernel kernel, DeviceContext& context, int64_t n, Args... args) {
  return device::launch("cast", kernel, device::elementwise_grid(context.properties(), n, 1),
                        device::kElementwiseThreads, 0, context.stream(), args..., n);
}

// To or from a stored type: one kernel per computed type, the format is data.
Status cast_stored(const Cast::Params& p, const TensorView& x, const TensorView& y,
                   DeviceContext& context) {
  const int64_t n = x.elements();
  if (n == 0) return {};
  if (!is_stored(x.dtype))
    return dispatch(x.dtype, [&](auto tag) {
      using From = typename decltype(tag)::type;
      return launch_bytes(cast_to_narrow<From>, context, n, static_cast<const From*>(x.as<From>()),
                          y.as<uint8_t>(), narrow_format(y.dtype), p.saturate, p.powerRounding);
    });
  const NarrowFormat from = narrow_format(x.dtype);
  const uint8_t* codes = x.as<uint8_t>();
  if (is_stored(y.dtype))
    return launch_bytes(recode_narrow, context, n, codes, y.as<uint8_t>(), from,
                        narrow_format(y.dtype), p.saturate, p.powerRounding);
  return dispatch(y.dtype, [&](auto tag) {
    using To = typename decltype(tag)::type;
    return launch_bytes(cast_from_narrow<To>, context, n, codes, y.as<To>(), from, p.saturate);
  });
}

Status bitcast_cuda(const Bitcast::Params&, DeviceContext& context) {
  const TensorView &x = context.in(0), &y = context.out();
  context.made_by({"bitcast", name(x.dtype), "none", "none"});
  const int64_t n = x.elements();
  if (n == 0) return {};
  if (x.dtype != y.dtype && bits_of(x.dtype) < 8)
    return launch_bytes(rewrap_narrow, context, n, static_cast<const uint8_t*>(x.as<uint8_t>()),
                        y.as<uint8_t>(), narrow_format(y.dtype));
  return vendor::copy_async(y.data, x.data, static_cast<size_t>(n * size_of(x.dtype)),
                            vendor::Copy::kDeviceToDevice, context.stream());
}

Status cast_cuda(const Cast::Params& p, DeviceContext& context) {
  const TensorView &x = context.in(0), &y = context.out();
  const std::string kernel = cast_kernel_name(p, x.dtype, y.dtype);
  context.made_by({kernel.c_str(), name(x.dtype), "none", "none"});
  if (x.dtype != y.dtype && (is_stored(x.dtype) || is_stored(y.dtype)))
    return cast_stored(p, x, y, context);
  return cast_on_device(x, y, p.saturate, context);
}

}  // namespace

std::vector<CudaOp> cast_cuda_ops() {
  return {cuda_op<Cast, cast_cuda>(), cuda_op<Bitcast, bitcast_cuda>()};
}

}  // namespace halftone
