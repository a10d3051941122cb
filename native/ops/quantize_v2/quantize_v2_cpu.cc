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

/// std::round of any float32: round_half_away() ends at 2^22.
float round_away(float t) { return std::fabs(t) < 0x1p22f ? round_half_away(t) : std::round(t); }

template <class T>
void quantize_elements(const QuantizeV2::Params& p, const QuantizeRange& r, const float* x,
                       T* __restrict y, int64_t n) {
  // The ends are float32 numbers: narrowRange cannot leave out a code of int32, and MIN_FIRST stops
  // at the largest float32 that converts to int32.
  const bool wide = p.dtype == DType::kS32;
  const CodeRange all = code_range(p.dtype, p.narrowRange && !wide);
  const int32_t high = wide && p.mode == RangeMode::kMinFirst ? 2147483520 : all.high;
  const float half = half_range(p.dtype), min = r.min, max = r.max, factor = r.factor;
  const float offset = r.offset;
  const auto clamped = [=](float v) { return std::max(std::min(v, max), min); };
  // real(v): the code as a float32 that is still to be rounded and brought into the type.
  const auto to_codes = [&](auto half_away, auto real) {
    for (int64_t i = 0; i < n; ++i)
      y[i] = static_cast<T>(
          quantize_code<half_away.value>(static_cast<double>(real(x[i])), 0, all.low, high));
  };
  constexpr std::bool_constant<true> kAway;
  constexpr std::bool_constant<false> kEven;
  if (p.onednn && p.mode == RangeMode::kMinFirst)
    return to_codes(kEven, [=](float v) { return (v - min) * factor; });
  if (p.onednn) return to_codes(kEven, [=](float v) { return v * factor; });
  switch (p.mode) {
    case RangeMode::kMinFirst:
      return to_codes(kAway, [=](float v) { return round_away(v * factor) - offset; });
    case RangeMode::kMinCombined:
      if (all.low != 0)
        return to_codes(kAway, [=](float v) { return (clamped(v) - min) * factor - half; });
      // Unsigned: adds a half in float32 and cuts the fraction off.
      return to_codes(kAway,
                      [=](float v) { return std::floor((clamped(v) - min) * factor + 0.5f); });
    case RangeMode::kScaled:
      break;
  }
  if (p.roundMode == RangeRounding::kHalfToEven)
    return to_codes(kEven, [=](float v) { return clamped(v) * factor; });
  return to_codes(kAway, [=](float v) { return clamped(v) * factor; });
}

Status quantize_v2_cpu(const QuantizeV2::Params& p, const KernelContext& context) {
  const TensorView &x = context.in(0), &y = context.out();
  const ChannelLayout layout = channel_layout(x.shape, p.axis);
  std::vector<QuantizeRange> ranges;
  for (int64_t c = 0; c < layout.channels; ++c) {
    const float min = context.in(1).as<float>()[c], max = context.in(2).as<float>()[c];
    if (!(min <= max))
      return param_error("maxRange[", c, "] must not be below minRange[", c, "], got minRange ",
                         min, " and maxRange ", max);
    ranges.push_back(quantize_range(p, min, max));
    context.out(1).as<float>()[c] = ranges.back().min;
    context.out(2).as<float>()[c] = ranges.back().max;
  }
  dispatch(p.dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    if constexpr (std::is_integral_v<T>) {
      context.parallel_for(x.elements(), kGrain, [&](int64_t first, int64_t last) {
        while (first < last) {
          const int64_t slice = first / layout.inner,
                        end = std::min(last, (slice + 1) * layout.inner);
          const QuantizeRange& r = ranges[static_cast<size_t>(slice % layout.channels)];
          quantize_elements(p, r, x.as<float>() + first, y.as<T>() + first, end - first);
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
          const float v = (static_cast<float>(q.as<T>()[i]) + r.before) * r.factor + r.after;
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
    for (int64_t i = first; i < last; ++i) {
      const __int128 product = static_cast<__int128>(x.as<int32_t>()[i]) * r.factor;
      const __int128 code = ((product >> 32) + r.offset) >> 16;
      y.as<uint8_t>()[i] = static_cast<uint8_t>(code < 0 ? 0 : code > 255 ? 255 : code);
    }
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
