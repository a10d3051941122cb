#include "ops/dequantize/dequantize_cpu.h"

#include "ops/dequantize/dequantize_isa.h"
#include "ops/dequantize/dequantize_narrow.h"
#include "ops/quantize/channel_walk.h"

namespace halftone {
namespace {

constexpr int64_t kGrain = 1 << 16;  // elements of one piece of work
constexpr int64_t kBlock = 1024;     // results narrowed at once, in the first-level cache

// y[i] rounded once from the exact product.
void store(const TensorView& y, int64_t i, double product) {
  if (y.dtype == DType::kF16)
    y.as<f16>()[i] = to_f16(product);
  else if (y.dtype == DType::kBF16)
    y.as<bf16>()[i] = to_bf16(product);
  else
    y.as<float>()[i] = static_cast<float>(product);
}

Status dequantize_floats_cpu(const Dequantize::Params& p, const KernelContext& context) {
  const TensorView &q = context.in(0), &y = context.out();
  const ChannelLayout layout = channel_layout(q.shape, p.axis, p.blockSize);
  const NarrowFormat format = narrow_format(q.dtype);
  const NarrowTable& table = narrow_table(q.dtype);
  const float* scales = context.in(1).as<float>();
  const uint8_t* zeros = context.has(2) ? context.in(2).as<uint8_t>() : nullptr;
  context.parallel_for(q.elements(), kGrain, [&](int64_t first, int64_t last) {
    for (int64_t i = first; i < last; ++i) {
      const int64_t at = layout.scale_of(i);
      const float d =
          narrow_difference(format, q.as<uint8_t>()[i], zeros == nullptr ? 0 : table[zeros[at]]);
      store(y, i, static_cast<double>(d) * static_cast<double>(scales[at]));
    }
  });
  const std::string kernel = concat("dequantize_", info(q.dtype).short_name, "_",
                                    info(p.dtype).short_name, quantize_suffix(p));
  context.made_by(kernel.c_str(), name(q.dtype), "float64", name(p.dtype));
  return {};
}

Status dequantize_cpu(const Dequantize::Params& p, const KernelContext& context) {
  const TensorView &q = context.in(0), &y = context.out();
  const TensorView& scales = context.in(1);
  if (is_float_code(q.dtype)) return dequantize_floats_cpu(p, context);
  const bool direct = p.dtype == DType::kF32;
  const ChannelWalk walk(channel_layout(q.shape, p.axis, p.blockSize));
  const std::vector<float> scale = walk.expand<float>(scales.as<float>());
  const std::vector<int32_t> zero_point = walk.zero_points(context, 2);
  const auto block = HALFTONE_ISA_PICK(dequantize_block);

  context.parallel_for(q.elements(), kGrain, [&](int64_t first, int64_t last) {
    walk.run(first, last, [&](int64_t begin, int64_t count, int64_t at) {
      DequantizeBlock b;
      b.dtype = code_storage(q.dtype);
      b.per_element = walk.per_element();
      b.to_odd = !direct;
      alignas(64) float wide[kBlock];
      for (int64_t done = 0; done < count; done += b.count) {
        b.count = direct ? count : std::min(count - done, kBlock);
        const int64_t from = begin + done, number = at + (b.per_element ? done : 0);
        b.q = q.as<char>() + from * size_of(q.dtype);
        b.y = direct ? y.as<float>() + from : wide;
        b.scale = scale.data() + number;
        b.zero_point = zero_point.data() + number;
        block(b);
        if (p.dtype == DType::kF16) convert(wide, y.as<f16>() + from, b.count);
        if (p.dtype == DType::kBF16) convert(wide, y.as<bf16>() + from, b.count);
      }
    });
  });
  const std::string kernel =
      concat("dequantize_", info(q.dtype).short_name, "_", info(p.dtype).short_name,
             quantize_suffix(p), "_", name(cpu_isa()));
  context.made_by(kernel.c_str(), name(q.dtype), direct ? "float32" : "float64", name(p.dtype));
  return {};
}

}  // namespace

Status dequantize_plain(const Dequantize::Params& p, const KernelContext& context) {
  const TensorView &q = context.in(0), &y = context.out();
  const ChannelLayout layout = channel_layout(q.shape, p.axis, p.blockSize);
  dispatch(code_storage(q.dtype), [&](auto tag) {
    using T = typename decltype(tag)::type;
    if constexpr (std::is_integral_v<T> && sizeof(T) <= 4) {
      for (int64_t i = 0; i < q.elements(); ++i) {
        const int64_t channel = layout.scale_of(i);
        const int64_t zero_point = context.has(2) ? context.in(2).as<T>()[channel] : 0;
        const float difference = static_cast<float>(q.as<T>()[i] - zero_point);
        const double product =
            static_cast<double>(difference) * context.in(1).as<float>()[channel];  // exact
        store(y, i, product);
      }
    }
  });
  context.made_by("dequantize_plain", name(q.dtype), "float64", name(p.dtype));
  return {};
}

std::vector<CpuOp> dequantize_cpu_ops() { return {cpu_op<Dequantize, dequantize_cpu>()}; }

}  // namespace halftone
