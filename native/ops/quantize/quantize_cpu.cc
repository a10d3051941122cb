#include "ops/quantize/quantize_cpu.h"

#include <cmath>

#include "ops/quantize/channel_walk.h"
#include "ops/quantize/quantize_isa.h"
#include "ops/quantize/quantize_narrow.h"

namespace halftone {
namespace {

constexpr int64_t kGrain =
    1 << 16;                      // elements of one piece of work: 64 to 320 KiB of memory traffic
constexpr int64_t kBlock = 1024;  // 16-bit elements widened at once, in the first-level cache

float element(const TensorView& t, int64_t i) {
  if (t.dtype == DType::kF16) return to_float(t.as<f16>()[i]);
  if (t.dtype == DType::kBF16) return to_float(t.as<bf16>()[i]);
  return t.as<float>()[i];
}

// Zero points of a narrow float, as numbers; none when absent.
std::vector<float> zero_numbers(const KernelContext& context, int port) {
  std::vector<float> numbers;
  if (!context.has(port)) return numbers;
  const TensorView& zero = context.in(port);
  const NarrowTable& table = narrow_table(zero.dtype);
  for (int64_t i = 0; i < zero.elements(); ++i) numbers.push_back(table[zero.as<uint8_t>()[i]]);
  return numbers;
}

Status quantize_floats_cpu(const Quantize::Params& p, const KernelContext& context) {
  const TensorView &x = context.in(0), &y = context.out();
  const ChannelLayout layout = channel_layout(x.shape, p.axis, p.blockSize);
  const NarrowFormat format = narrow_format(p.dtype);
  const float* scales = context.in(1).as<float>();
  const std::vector<float> zeros = zero_numbers(context, 2);
  context.parallel_for(x.elements(), kGrain, [&](int64_t first, int64_t last) {
    for (int64_t i = first; i < last; ++i) {
      const int64_t at = layout.scale_of(i);
      const float zero = zeros.empty() ? 0 : zeros[static_cast<size_t>(at)];
      y.as<uint8_t>()[i] = quantize_narrow(format, element(x, i), scales[at], zero,
                                           p.scaling == QuantizeScaling::kMultiply, p.saturate);
    }
  });
  const std::string kernel = concat("quantize_", info(x.dtype).short_name, "_",
                                    info(p.dtype).short_name, quantize_suffix(p));
  context.made_by(kernel.c_str(), name(x.dtype), "float32", "float32");
  return {};
}

Status quantize_cpu(const Quantize::Params& p, const KernelContext& context) {
  const TensorView &x = context.in(0), &y = context.out();
  if (is_float_code(p.dtype)) return quantize_floats_cpu(p, context);
  const ChannelLayout layout = channel_layout(x.shape, p.axis, p.blockSize);
  const ChannelWalk walk(layout);
  const std::vector<float> scale = walk.expand<float>(context.in(1).as<float>());
  const std::vector<int32_t> zero_point = walk.zero_points(context, 2);
  const CodeRange range = code_range(p.dtype, p.narrowRange);
  const auto block = HALFTONE_ISA_PICK(quantize_block);

  context.parallel_for(x.elements(), kGrain, [&](int64_t first, int64_t last) {
    walk.run(first, last, [&](int64_t begin, int64_t count, int64_t at) {
      QuantizeBlock b;
      b.low = range.low, b.high = range.high;
      b.dtype = code_storage(p.dtype);
      b.per_element = walk.per_element();
      b.half_away = p.rounding == QuantizeRounding::kHalfAway;
      b.multiply = p.scaling == QuantizeScaling::kMultiply;
      alignas(64) float wide[kBlock];
      const bool direct = x.dtype == DType::kF32;
      for (int64_t done = 0; done < count; done += b.count) {
        b.count = direct ? count : std::min(count - done, kBlock);
        const int64_t from = begin + done, number = at + (b.per_element ? done : 0);
        b.x = direct ? x.as<float>() + from : wide;
        if (x.dtype == DType::kF16) convert(x.as<f16>() + from, wide, b.count);
        if (x.dtype == DType::kBF16) convert(x.as<bf16>() + from, wide, b.count);
        b.y = y.as<char>() + from * size_of(p.dtype);
        b.scale = scale.data() + number;
        b.zero_point = zero_point.data() + number;
        block(b);
      }
    });
  });
  const std::string kernel =
      concat("quantize_", info(x.dtype).short_name, "_", info(p.dtype).short_name,
             quantize_suffix(p), "_", name(cpu_isa()));
  context.made_by(kernel.c_str(), name(x.dtype), "float32", "float32");
  return {};
}

}  // namespace

Status quantize_plain(const Quantize::Params& p, const KernelContext& context) {
  const TensorView &x = context.in(0), &y = context.out();
  const ChannelLayout layout = channel_layout(x.shape, p.axis, p.blockSize);
  const CodeRange range = code_range(p.dtype, p.narrowRange);
  dispatch(code_storage(p.dtype), [&](auto tag) {
    using T = typename decltype(tag)::type;
    if constexpr (std::is_integral_v<T> && sizeof(T) <= 4) {
      for (int64_t i = 0; i < x.elements(); ++i) {
        const int64_t channel = layout.scale_of(i);
        const float scale = context.in(1).as<float>()[channel], v = element(x, i);
        const float t = p.scaling == QuantizeScaling::kMultiply ? v * scale : v / scale;
        const int64_t zero_point = context.has(2) ? context.in(2).as<T>()[channel] : 0;
        int64_t code = range.low;  // also for NaN
        if (t >= 0x1p40f)
          code = range.high;  // int64 arithmetic below cannot overflow
        else if (t > -0x1p40f) {
          const float rounded =
              p.rounding == QuantizeRounding::kHalfAway ? std::round(t) : std::nearbyint(t);
          code = std::clamp<int64_t>(static_cast<int64_t>(rounded) + zero_point, range.low,
                                     range.high);
        }
        y.as<T>()[i] = static_cast<T>(code);
      }
    }
  });
  context.made_by("quantize_plain", name(x.dtype), "float32", "float32");
  return {};
}

std::vector<CpuOp> quantize_cpu_ops() { return {cpu_op<Quantize, quantize_cpu>()}; }

}  // namespace halftone
