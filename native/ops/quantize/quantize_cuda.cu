#include "device/context.h"
#include "ops/quantize/code_dispatch.h"
#include "ops/quantize/quantize.h"
#include "ops/quantize/quantize_kernel.cuh"
#include "ops/quantize/quantize_map.h"

namespace halftone {
namespace {

Status quantize_cuda(const Quantize::Params& p, DeviceContext& context) {
  const TensorView &x = context.in(0), &y = context.out();
  const std::string kernel = concat("quantize_", info(x.dtype).short_name, "_",
                                    info(p.dtype).short_name, quantize_suffix(p));
  context.made_by({kernel.c_str(), name(x.dtype), "float32", "float32"});
  if (x.elements() == 0) return {};
  const bool multiply = p.scaling == QuantizeScaling::kMultiply;
  if (is_float_code(p.dtype))
    return dispatch_real(x.dtype, [&](auto in) {
      using In = typename decltype(in)::type;
      const QuantizeNarrow<In> f{context.in(1).as<float>(),
                                 context.has(2) ? context.in(2).as<uint8_t>() : nullptr,
                                 narrow_format(p.dtype), multiply, p.saturate};
      return launch_scaled("quantize", p, context, x.shape, f, x.as<In>(), y.as<uint8_t>());
    });
  const CodeRange range = code_range(p.dtype, p.narrowRange);
  return dispatch_real(x.dtype, [&](auto in) {
    return dispatch_code(code_storage(p.dtype), [&](auto out) {
      using In = typename decltype(in)::type;
      using Out = typename decltype(out)::type;
      const QuantizeElement<In, Out> f{context.in(1).as<float>(),
                                       context.has(2) ? context.in(2).as<Out>() : nullptr,
                                       range.low,
                                       range.high,
                                       p.rounding == QuantizeRounding::kHalfAway,
                                       multiply};
      return launch_scaled("quantize", p, context, x.shape, f, x.as<In>(), y.as<Out>());
    });
  });
}

}  // namespace

std::vector<CudaOp> quantize_cuda_ops() { return {cuda_op<Quantize, quantize_cuda>()}; }

}  // namespace halftone
