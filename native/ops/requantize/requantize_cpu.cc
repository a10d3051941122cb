#include "ops/requantize/requantize_cpu.h"

#include <cmath>

#include "ops/quantize/channel_walk.h"
#include "ops/requantize/fixed_points.h"
#include "ops/requantize/requantize_isa.h"

namespace halftone {
namespace {

constexpr int64_t kGrain = 1 << 16;  // elements of one piece of work

Status fixed_points(RequantizeVariant variant, const TensorView& scale,
                    std::vector<FixedPoint>* out) {
  if (scale.dtype == DType::kF64)
    return fixed_points(variant, scale.as<double>(), scale.elements(), out);
  return fixed_points(variant, scale.as<float>(), scale.elements(), out);
}

Status requantize_cpu(const Requantize::Params& p, const KernelContext& context) {
  const TensorView &x = context.in(0), &scales = context.in(1), &y = context.out();
  const ChannelWalk walk(channel_layout(x.shape, p.axis));
  const bool wide = scales.dtype == DType::kF64, away = p.variant == RequantizeVariant::kHalfAway;
  std::vector<float> scale32;
  std::vector<double> scale64;
  std::vector<FixedPoint> fixed;
  RequantizeBlock base;
  if (is_fixed_point(p.variant)) {
    HALFTONE_TRY(fixed_points(p.variant, scales, &fixed));
    fixed = walk.expand<FixedPoint>(fixed.data());
    base.arithmetic = p.variant == RequantizeVariant::kTosa ? RequantizeBlock::kTosa
                                                            : RequantizeBlock::kTfliteDouble;
  } else if (wide) {
    scale64 = walk.expand<double>(scales.as<double>());
    base.arithmetic = away ? RequantizeBlock::kAway64 : RequantizeBlock::kEven64;
  } else {
    scale32 = walk.expand<float>(scales.as<float>());
    base.arithmetic = away ? RequantizeBlock::kAway32 : RequantizeBlock::kEven32;
  }
  const std::vector<int32_t> zero_point = walk.zero_points(context, 2);
  const CodeRange range = Requantize::range(p);
  base.low = range.low, base.high = range.high;
  base.dtype = p.dtype;
  base.per_element = walk.per_element();
  const auto block = HALFTONE_ISA_PICK(requantize_block);

  context.parallel_for(x.elements(), kGrain, [&](int64_t first, int64_t last) {
    walk.run(first, last, [&](int64_t begin, int64_t count, int64_t at) {
      RequantizeBlock b = base;
      b.x = x.as<int32_t>() + begin;
      b.y = y.as<char>() + begin * size_of(p.dtype);
      b.count = count;
      if (!scale32.empty()) b.scale32 = scale32.data() + at;
      if (!scale64.empty()) b.scale64 = scale64.data() + at;
      if (!fixed.empty()) b.fixed = fixed.data() + at;
      b.zero_point = zero_point.data() + at;
      block(b);
    });
  });
  const char* variant = EnumNames<RequantizeVariant>::kValues[static_cast<int>(p.variant)];
  const std::string kernel = concat("requantize_s32_", info(p.dtype).short_name, "_", variant,
                                    p.axis.present ? "_per_axis_" : "_", name(cpu_isa()));
  const char* arithmetic = is_fixed_point(p.variant) ? "int64" : wide ? "float64" : "float32";
  context.made_by(kernel.c_str(), name(x.dtype), arithmetic, arithmetic);
  return {};
}

}  // namespace

Status requantize_plain(const Requantize::Params& p, const KernelContext& context) {
  const TensorView &x = context.in(0), &scales = context.in(1), &y = context.out();
  const ChannelLayout layout = channel_layout(x.shape, p.axis);
  const CodeRange range = Requantize::range(p);
  std::vector<FixedPoint> fixed;
  if (is_fixed_point(p.variant)) HALFTONE_TRY(fixed_points(p.variant, scales, &fixed));
  dispatch(p.dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    if constexpr (std::is_integral_v<T> && sizeof(T) <= 2) {
      for (int64_t i = 0; i < x.elements(); ++i) {
        const int64_t channel = i / layout.inner % layout.channels;
        const int32_t zero_point = context.has(2) ? context.in(2).as<T>()[channel] : 0,
                      v = x.as<int32_t>()[i];
        int64_t rounded = 0;
        if (p.variant == RequantizeVariant::kTfliteDouble) {
          rounded = multiply_tflite_double(v, fixed[static_cast<size_t>(channel)]);
        } else if (p.variant == RequantizeVariant::kTosa) {
          rounded = multiply_tosa(v, fixed[static_cast<size_t>(channel)]);
        } else {
          const double product =
              scales.dtype == DType::kF64
                  ? v * scales.as<double>()[channel]
                  : static_cast<double>(static_cast<float>(v) * scales.as<float>()[channel]);
          const double whole = p.variant == RequantizeVariant::kHalfAway ? std::round(product)
                                                                         : std::nearbyint(product);
          rounded = whole >= 0x1p40   ? int64_t{1} << 40
                    : whole > -0x1p40 ? static_cast<int64_t>(whole)
                                      : -(int64_t{1} << 40);
        }
        y.as<T>()[i] = static_cast<T>(saturate_code(rounded, zero_point, range.low, range.high));
      }
    }
  });
  context.made_by("requantize_plain", name(x.dtype), "float64", "float64");
  return {};
}

std::vector<CpuOp> requantize_cpu_ops() { return {cpu_op<Requantize, requantize_cpu>()}; }

}  // namespace halftone
