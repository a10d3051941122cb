#include "device/context.h"
#include "ops/quantize/code_dispatch.h"
#include "ops/requantize/fixed_points_cuda.h"
#include "ops/requantize/requantize_kernel.cuh"

namespace halftone {
namespace {

RequantizeArithmetic arithmetic_of(RequantizeVariant v) {
  if (v == RequantizeVariant::kTfliteDouble) return RequantizeArithmetic::kTfliteDouble;
  if (v == RequantizeVariant::kTosa) return RequantizeArithmetic::kTosa;
  return v == RequantizeVariant::kHalfAway ? RequantizeArithmetic::kHalfAway
                                           : RequantizeArithmetic::kHalfEven;
}

template <class Scale>
Status launch(const Requantize::Params& p, const Scale* scale, DeviceContext& context) {
  const TensorView &x = context.in(0), &y = context.out();
  if (x.elements() == 0) return {};
  const ChannelLayout layout = channel_layout(x.shape, p.axis);
  const CodeRange range = Requantize::range(p);
  return dispatch_narrow_code(p.dtype, [&](auto out) {
    using Out = typename decltype(out)::type;
    const RequantizeElement<Scale, Out> f{scale, context.has(2) ? context.in(2).as<Out>() : nullptr,
                                          range.low, range.high, arithmetic_of(p.variant)};
    return device::launch_channels("requantize", context.properties(), context.stream(), f,
                                   x.as<int32_t>(), y.as<Out>(), x.elements(),
                                   device::channel_map(layout.channels, layout.inner));
  });
}

Status requantize_cuda(const Requantize::Params& p, DeviceContext& context) {
  const bool fixed = is_fixed_point(p.variant), wide = context.in(1).dtype == DType::kF64;
  const char* variant = EnumNames<RequantizeVariant>::kValues[static_cast<int>(p.variant)];
  const std::string kernel = concat("requantize_s32_", info(p.dtype).short_name, "_", variant,
                                    p.axis.present ? "_per_axis" : "");
  const char* arithmetic = fixed ? "int64" : wide ? "float64" : "float32";
  context.made_by({kernel.c_str(), "int32", arithmetic, arithmetic});
  if (fixed) {
    const FixedPoint* scale = nullptr;
    HALFTONE_TRY(fixed_points_on_device(p.variant, context, context.in(1), &scale));
    return launch(p, scale, context);
  }
  if (wide) return launch(p, context.in(1).as<double>(), context);
  return launch(p, context.in(1).as<float>(), context);
}

}  // namespace

std::vector<CudaOp> requantize_cuda_ops() { return {cuda_op<Requantize, requantize_cuda>()}; }

}  // namespace halftone
