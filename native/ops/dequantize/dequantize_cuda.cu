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
  const int64_t n = q.elements();
  if (n == 0) return {};
  const device::ChannelMap map = quantize_map(q.shape, p);
  if (is_float_code(q.dtype))
    return dispatch_real(p.dtype, [&](auto out) {
      using Out = typename decltype(out)::type;
      const DequantizeNarrow<Out> f{context.in(1).as<float>(),
                                    context.has(2) ? context.in(2).as<uint8_t>() : nullptr,
                                    narrow_format(q.dtype)};
      return device::launch_channels("dequantize", context.properties(), context.stream(), f,
                                     q.as<uint8_t>(), y.as<Out>(), n, map);
    });
  return dispatch_code(code_storage(q.dtype), [&](auto in) {
    return dispatch_real(p.dtype, [&](auto out) {
      using In = typename decltype(in)::type;
      using Out = typename decltype(out)::type;
      const DequantizeElement<In, Out> f{context.in(1).as<float>(),
                                         context.has(2) ? context.in(2).as<In>() : nullptr};
      return device::launch_channels("dequantize", context.properties(), context.stream(), f,
                                     q.as<In>(), y.as<Out>(), n, map);
    });
  });
}

}  // namespace

std::vector<CudaOp> dequantize_cuda_ops() {
  return {cuda_op<Dequantize, dequantize_cuda, quantize_supports<Dequantize::Params>>()};
}

}  // namespace halftone
