#include "device/context.h"
#include "device/elementwise.h"
#include "ops/cast/cast.h"
#include "ops/cast/cast_cuda.h"
#include "ops/cast/cast_kernel.cuh"

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

Status cast_cuda(const Cast::Params& p, DeviceContext& context) {
  const TensorView &x = context.in(0), &y = context.out();
  const std::string kernel =
      x.dtype == y.dtype ? "cast_copy"
                         : concat("cast_", info(x.dtype).short_name, "_", info(y.dtype).short_name,
                                  p.saturate && is_integer(y.dtype) ? "_saturate" : "");
  context.made_by({kernel.c_str(), name(x.dtype), "none", "none"});
  return cast_on_device(x, y, p.saturate, context);
}

}  // namespace

std::vector<CudaOp> cast_cuda_ops() { return {cuda_op<Cast, cast_cuda>()}; }

}  // namespace halftone
