#include "device/context.h"
#include "device/host_values.h"
#include "ops/quantize/code_dispatch.h"
#include "ops/quantize_v2/quantize_v2_kernel.cuh"

namespace halftone {
namespace {

const char* mode_name(RangeMode mode) {
  return EnumNames<RangeMode>::kValues[static_cast<int>(mode)];
}

template <class T>
Status scratch(DeviceContext& context, int64_t count, T** out) {
  void* data = nullptr;
  HALFTONE_TRY(context.scratch(static_cast<size_t>(count) * sizeof(T), &data));
  *out = static_cast<T*>(data);
  return {};
}

/// out(to) = in(from), one float32.
Status copy_number(DeviceContext& context, int from, int to) {
  return vendor::copy_async(context.out(to).data, context.in(from).data, sizeof(float),
                            vendor::Copy::kDeviceToDevice, context.stream());
}

template <class F, class In, class Out>
Status map(const char* name, DeviceContext& context, const F& f, const In* x, Out* y,
           const ChannelLayout& layout) {
  if (context.in(0).elements() == 0) return {};
  return device::launch_channels(name, context.properties(), context.stream(), f, x, y,
                                 context.in(0).elements(),
                                 device::channel_map(layout.channels, layout.inner));
}

/// The host reads the ranges only to refuse reversed ones. A recorded call cannot be refused: it
/// widens a reversed range as it does one that is too narrow.
Status quantize_v2_cuda(const QuantizeV2::Params& p, DeviceContext& context) {
  const std::string kernel = concat("quantize_v2_", info(p.dtype).short_name, "_",
                                    mode_name(p.mode), p.onednn ? "_onednn" : "");
  context.made_by({kernel.c_str(), "float32", "float32", "float32"});
  const TensorView &x = context.in(0), &y = context.out();
  const ChannelLayout layout = channel_layout(x.shape, p.axis);
  const TensorView &min = context.in(1), &max = context.in(2);
  if (!context.capturing()) {
    std::vector<float> mins, maxs;
    HALFTONE_TRY(device::read_values(context, min, &mins));
    HALFTONE_TRY(device::read_values(context, max, &maxs));
    HALFTONE_TRY(check_range_order(mins.data(), maxs.data(), layout.channels));
  }
  QuantizeRange* ranges = nullptr;
  HALFTONE_TRY(scratch(context, layout.channels, &ranges));
  if (layout.channels > 0)
    HALFTONE_TRY(device::launch("quantize_v2_ranges", quantize_v2_ranges,
                                device::blocks_for(layout.channels, 256), 256, 0, context.stream(),
                                p, min.as<float>(), max.as<float>(), layout.channels, ranges,
                                context.out(1).as<float>(), context.out(2).as<float>()));
  return dispatch_code(p.dtype, [&](auto tag) {
    using Out = typename decltype(tag)::type;
    const QuantizeV2Element<Out> f{ranges, quantize_step(p), half_range(p.dtype), quantize_ends(p)};
    return map("quantize_v2", context, f, x.as<float>(), y.as<Out>(), layout);
  });
}

Status dequantize_v2_cuda(const DequantizeV2::Params& p, DeviceContext& context) {
  const TensorView &q = context.in(0), &y = context.out();
  const std::string kernel =
      concat("dequantize_v2_", info(q.dtype).short_name, "_", mode_name(p.mode));
  context.made_by({kernel.c_str(), name(q.dtype), "float32", "float32"});
  if (q.elements() == 0) return {};
  const ChannelLayout layout = channel_layout(q.shape, p.axis);
  DequantizeRange* ranges = nullptr;
  HALFTONE_TRY(scratch(context, layout.channels, &ranges));
  HALFTONE_TRY(device::launch("dequantize_v2_ranges", dequantize_v2_ranges,
                              device::blocks_for(layout.channels, 256), 256, 0, context.stream(), p,
                              q.dtype, context.in(1).as<float>(), context.in(2).as<float>(),
                              layout.channels, ranges));
  return dispatch_code(q.dtype, [&](auto tag) {
    using In = typename decltype(tag)::type;
    if (p.dtype == DType::kBF16)
      return map("dequantize_v2", context, DequantizeV2Element<In, bf16>{ranges}, q.as<In>(),
                 y.as<bf16>(), layout);
    return map("dequantize_v2", context, DequantizeV2Element<In, float>{ranges}, q.as<In>(),
               y.as<float>(), layout);
  });
}

Status quantized_relu_cuda(const QuantizedRelu::Params& p, DeviceContext& context) {
  const TensorView &x = context.in(0), &y = context.out();
  context.made_by({"quantized_relu", name(x.dtype), name(x.dtype), name(x.dtype)});
  HALFTONE_TRY(copy_number(context, 1, 1));
  HALFTONE_TRY(copy_number(context, 2, 2));
  ReluCodes* codes = nullptr;
  HALFTONE_TRY(scratch(context, 1, &codes));
  HALFTONE_TRY(device::launch("quantized_relu_codes", quantized_relu_codes, 1, 1, 0,
                              context.stream(), p.maxValue, x.dtype, context.in(1).as<float>(),
                              context.in(2).as<float>(), codes));
  const ChannelLayout one = channel_layout(x.shape, {});
  if (x.dtype == DType::kU8)
    return map("quantized_relu", context, QuantizedReluElement<uint8_t>{codes}, x.as<uint8_t>(),
               y.as<uint8_t>(), one);
  return map("quantized_relu", context, QuantizedReluElement<int32_t>{codes}, x.as<int32_t>(),
             y.as<int32_t>(), one);
}

Status requantize_v2_cuda(const RequantizeV2::Params&, DeviceContext& context) {
  const TensorView &x = context.in(0), &y = context.out();
  context.made_by({"requantize_v2_s32_u8", "int32", "int64", "int64"});
  HALFTONE_TRY(copy_number(context, 3, 1));
  HALFTONE_TRY(copy_number(context, 4, 2));
  RequantizeRange* range = nullptr;
  HALFTONE_TRY(scratch(context, 1, &range));
  const auto number = [&](int i) { return context.in(i).as<float>(); };
  HALFTONE_TRY(device::launch("requantize_v2_range", requantize_v2_range, 1, 1, 0, context.stream(),
                              number(1), number(2), number(3), number(4), range));
  return map("requantize_v2", context, RequantizeV2Element{range}, x.as<int32_t>(), y.as<uint8_t>(),
             channel_layout(x.shape, {}));
}

}  // namespace

std::vector<CudaOp> quantize_v2_cuda_ops() {
  return {cuda_op<QuantizeV2, quantize_v2_cuda>(), cuda_op<DequantizeV2, dequantize_v2_cuda>(),
          cuda_op<QuantizedRelu, quantized_relu_cuda>(),
          cuda_op<RequantizeV2, requantize_v2_cuda>()};
}

}  // namespace halftone
