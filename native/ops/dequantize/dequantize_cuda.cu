#include "device/context.h"
#include "ops/dequantize/dequantize.h"
#include "ops/dequantize/dequantize_kernel.cuh"
#include "ops/quantize/code_dispatch.h"
#include "ops/quantize/quantize_map.h"

namespace halftone {
namespace {

Status dequantize_cuda(const Dequantize::Params& p, DeviceContext& context) {
  const TensorView &q = context.in(0), &y = context.out();
  const std::string kernel = concat("dequantize_", info(q.dtype).short_name, "_",
                                    info(p.dtype).short_name, quantize_suffix(p));
  // The product is exact before its one rounding to 16 bits.
  context.made_by({kernel.c_str(), name(q.dtype), p.dtype == DType::kF32 ? "float32" : "float64",
                   name(p.dtype)});
  if (q.elements() == 0) return {};
  if (is_float_code(q.dtype))
    return dispatch_real(p.dtype, [&](auto out) {
      using Out = typename decltype(out)::type;
      const DequantizeNarrow<Out> f{context.in(1).as<float>(),
                                    context.has(2) ? context.in(2).as<uint8_t>() : nullptr,
                                    narrow_format(q.dtype)};
      return launch_scaled("dequantize", p, context, q.shape, f, q.as<uint8_t>(), y.as<Out>());
    });
  return dispatch_code(code_storage(q.dtype), [&](auto in) {
    return dispatch_real(p.dtype, [&](auto out) {
      using In = typename decltype(in)::type;
      using Out = typename decltype(out)::type;
      const DequantizeElement<In, Out> f{context.in(1).as<float>(),
                                         context.has(2) ? context.in(2).as<In>() : nullptr};
      return launch_scaled("dequantize", p, context, q.shape, f, q.as<In>(), y.as<Out>());
    });
  });
}

}  // namespace

std::vector<CudaOp> dequantize_cuda_ops() { return {cuda_op<Dequantize, dequantize_cuda>()}; }

}  // namespace halftone
