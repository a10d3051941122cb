#include "core/kernel.h"
#include "ops/quantize/rounding.h"
#include "ops/quantize_v2/quantize_v2.h"
#include "ops/quantize_v2/range.h"

namespace halftone {
namespace {

constexpr int64_t kGrain = 1 << 15;  // elements of one piece of work

const char* mode_name(RangeMode mode) {
  return EnumNames<RangeMode>::kValues[static_cast<int>(mode)];
}

template <class T, QuantizeStep kStep>
void quantize_elements(const QuantizeV2::Params& p, const QuantizeRange& range, const float* x,
                       T* __restrict y, int64_t n) {
  const CodeRange ends = quantize_ends(p);
  const float half = half_range(p.dtype);
  const QuantizeRange r = range;  // a copy that y cannot alias
  for (int64_t i = 0; i < n; ++i)
    y[i] = static_cast<T>(quantize_code<!rounds_even(kStep)>(
        static_cast<double>(quantize_real(kStep, r, half, x[i])), 0, ends.low, ends.high));
}

template <class T>
auto elements_function(QuantizeStep step) {
  switch (step) {
    case QuantizeStep::kOnednnMinFirst:
      return quantize_elements<T, QuantizeStep::kOnednnMinFirst>;
    case QuantizeStep::kOnednnScaled:
      return quantize_elements<T, QuantizeStep::kOnednnScaled>;
    case QuantizeStep::kMinFirst:
      return quantize_elements<T, QuantizeStep::kMinFirst>;
    case QuantizeStep::kMinCombined:
      return quantize_elements<T, QuantizeStep::kMinCombined>;
    case QuantizeStep::kMinCombinedUnsigned:
      return quantize_elements<T, QuantizeStep::kMinCombinedUnsigned>;
    case QuantizeStep::kScaledEven:
      return quantize_elements<T, QuantizeStep::kScaledEven>;
    default:
      return quantize_elements<T, QuantizeStep::kScaledAway>;
  }
}

Status quantize_v2_cpu(const QuantizeV2::Params& p, const KernelContext& context) {
  const TensorView &x = context.in(0), &y = context.out();
  const ChannelLayout layout = channel_layout(x.shape, p.axis);
  const float *mins = context.in(1).as<float>(), *maxs = context.in(2).as<float>();
  HALFTONE_TRY(check_range_order(mins, maxs, layout.channels));
  std::vector<QuantizeRange> ranges;
  for (int64_t c = 0; c < layout.channels; ++c) {
    ranges.push_back(quantize_range(p, mins[c], maxs[c]));
    context.out(1).as<float>()[c] = ranges.back().min;
    context.out(2).as<float>()[c] = ranges.back().max;
  }
  dispatch(p.dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    if constexpr (std::is_integral_v<T>) {
      const auto elements = elements_function<T>(quantize_step(p));
      context.parallel_for(x.elements(), kGrain, [&](int64_t first, int64_t last) {
        while (first < last) {
          const int64_t slice = first / layout.inner,
                        end = std::min(last, (slice + 1) * layout.inner);
          const QuantizeRange& r = ranges[static_cast<size_t>(slice % layout.channels)];
          elements(p, r, x.as<float>() + first, y.as<T>() + first, end - first);
          first = end;
        }
      });
    }
  });
  const std::string kernel = concat("quantize_v2_", info(p.dtype).short_name, "_",
                                    mode_name(p.mode), p.onednn ? "_onednn" : "");
  context.made_by(kernel.c_str(), "float32", "float32", "float32");
  return {};
}

Status dequantize_v2_cpu(const DequantizeV2::Params& p, const KernelContext& context) {
  const TensorView &q = context.in(0), &y = context.out();
  const ChannelLayout layout = channel_layout(q.shape, p.axis);
  std::vector<DequantizeRange> ranges;
  for (int64_t c = 0; c < layout.channels; ++c)
    ranges.push_back(
        dequantize_range(p, q.dtype, context.in(1).as<float>()[c], context.in(2).as<float>()[c]));
  dispatch(q.dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    if constexpr (std::is_integral_v<T>) {
      context.parallel_for(q.elements(), kGrain, [&](int64_t first, int64_t last) {
        for (int64_t i = first; i < last; ++i) {
          const size_t channel = static_cast<size_t>(i / layout.inner % layout.channels);
          const DequantizeRange& r = ranges[channel];
          const float v = dequantize_real(r, static_cast<float>(q.as<T>()[i]));
          if (p.dtype == DType::kBF16)
            y.as<bf16>()[i] = to_bf16(v);
          else
            y.as<float>()[i] = v;
        }
      });
    }
  });
  const std::string kernel =
      concat("dequantize_v2_", info(q.dtype).short_name, "_", mode_name(p.mode));
  context.made_by(kernel.c_str(), name(q.dtype), "float32", "float32");
  return {};
}

Status quantized_relu_cpu(const QuantizedRelu::Params& p, const KernelContext& context) {
  const TensorView &x = context.in(0), &y = context.out();
  const float min = context.in(1).as<float>()[0], max = context.in(2).as<float>()[0];
  const CodeRange all = code_range(x.dtype);
  const auto code = [&](double v) {
    return code_in_range(static_cast<float>(v), min, max, all, steps(x.dtype));
  };
  const int64_t low = code(0), high = std::isinf(p.maxValue) ? all.high : code(p.maxValue);
  dispatch(x.dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    if constexpr (std::is_integral_v<T>) {
      const T least = static_cast<T>(low), most = static_cast<T>(high);
      context.parallel_for(x.elements(), kGrain, [&](int64_t first, int64_t last) {
        for (int64_t i = first; i < last; ++i)
          y.as<T>()[i] = std::min(std::max(x.as<T>()[i], least), most);
      });
    }
  });
  context.out(1).as<float>()[0] = min;
  context.out(2).as<float>()[0] = max;
  context.made_by("quantized_relu", name(x.dtype), name(x.dtype), name(x.dtype));
  return {};
}

Status requantize_v2_cpu(const RequantizeV2::Params&, const KernelContext& context) {
  const TensorView &x = context.in(0), &y = context.out();
  const auto number = [&](int i) { return context.in(i).as<float>()[0]; };
  const RequantizeRange r = requantize_range(number(1), number(2), number(3), number(4));
  context.parallel_for(x.elements(), kGrain, [&](int64_t first, int64_t last) {
    for (int64_t i = first; i < last; ++i)
      y.as<uint8_t>()[i] = requantize_code(x.as<int32_t>()[i], r);
  });
  context.out(1).as<float>()[0] = number(3);
  context.out(2).as<float>()[0] = number(4);
  context.made_by("requantize_v2_s32_u8", "int32", "int64", "int64");
  return {};
}

}  // namespace

std::vector<CpuOp> quantize_v2_cpu_ops() {
  return {cpu_op<QuantizeV2, quantize_v2_cpu>(), cpu_op<DequantizeV2, dequantize_v2_cpu>(),
          cpu_op<QuantizedRelu, quantized_relu_cpu>(), cpu_op<RequantizeV2, requantize_v2_cpu>()};
}

}  // namespace halftone
