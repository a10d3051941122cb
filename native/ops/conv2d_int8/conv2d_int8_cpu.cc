// conv2dInt8 on the CPU: conv2d's int32 engine, then the roundings of requantize.
#include <vector>

#include "core/half.h"
#include "core/kernel.h"
#include "ops/conv2d/conv_fast.h"
#include "ops/conv2d_int8/conv2d_int8.h"
#include "ops/conv2d_int8/conv2d_int8_finish.h"
#include "ops/requantize/fixed_points.h"

namespace halftone {
namespace {

constexpr int64_t kGrain = 1 << 14;  // outputs of one piece of work

/// The images with their padding filled in by the zero point: then sum (x - z) w = sum x w - z sum
/// w holds at the borders too. Changes `o` and `g` to a convolution without padding.
std::vector<uint8_t> pad_images(const uint8_t* x, uint8_t zero, ConvOptions* o, ConvGeometry* g,
                                const Shape& w, Status* status) {
  const ConvGeometry from = *g;
  const Shape shape = make_shape(axis_order(o->layout), from.batch, from.in_channels,
                                 from.h.in + from.h.before + from.h.after,
                                 from.w.in + from.w.before + from.w.after);
  o->padding = {};
  *status = conv_geometry(*o, shape, w, g);
  if (!status->ok()) return {};
  std::vector<uint8_t> padded(static_cast<size_t>(shape.elements()), zero);
  for (int64_t n = 0; n < from.batch; ++n)
    for (int64_t c = 0; c < from.in_channels; ++c)
      for (int64_t h = 0; h < from.h.in; ++h)
        for (int64_t v = 0; v < from.w.in; ++v)
          padded[static_cast<size_t>(n * g->x.n + c * g->x.c + (h + from.h.before) * g->x.h +
                                     (v + from.w.before) * g->x.w)] =
              x[n * from.x.n + c * from.x.c + h * from.x.h + v * from.x.w];
  return padded;
}

/// bias - zero * (sum of the channel's filter), modulo 2^32.
std::vector<int32_t> offsets(const ConvGeometry& g, const TensorView& w, const int32_t* bias,
                             int64_t zero) {
  std::vector<int32_t> all(static_cast<size_t>(g.out_channels));
  for (int64_t k = 0; k < g.out_channels; ++k) {
    uint32_t sum = 0;
    for (int64_t r = 0; r < g.h.kernel; ++r)
      for (int64_t s = 0; s < g.w.kernel; ++s)
        for (int64_t c = 0; c < g.group_in; ++c) {
          const int64_t at = k * g.f.n + c * g.f.c + r * g.f.h + s * g.f.w;
          sum += static_cast<uint32_t>(w.dtype == DType::kS8 ? int32_t{w.as<int8_t>()[at]}
                                                             : int32_t{w.as<uint8_t>()[at]});
        }
    all[static_cast<size_t>(k)] = static_cast<int32_t>((bias ? static_cast<uint32_t>(bias[k]) : 0) -
                                                       static_cast<uint32_t>(zero) * sum);
  }
  return all;
}

template <class Scale>
void codes(const Conv2dInt8::Params& p, const KernelContext& context, const int32_t* sums,
           const Scale* scale, bool one_scale) {
  const TensorView& y = context.out();
  const CodeRange range = Conv2dInt8::range(p);
  const ConvCodes how{range.low, range.high, static_cast<int32_t>(p.yZeroPoint),
                      static_cast<ConvRounding>(
                          p.variant == RequantizeVariant::kHalfEven   ? ConvRounding::kHalfEven
                          : p.variant == RequantizeVariant::kHalfAway ? ConvRounding::kHalfAway
                          : p.variant == RequantizeVariant::kTosa     ? ConvRounding::kTosa
                                                                  : ConvRounding::kTfliteDouble)};
  const AxisOrder axes = axis_order(p.layout);
  const int64_t channels = y.shape[axes.c],
                inner = p.layout == Layout::kNHWC ? 1 : y.shape[2] * y.shape[3];
  context.parallel_for(y.elements(), kGrain, [&](int64_t first, int64_t last) {
    for (int64_t i = first; i < last; ++i) {
      const int32_t code = conv_code(sums[i], scale[one_scale ? 0 : i / inner % channels], how);
      if (p.dtype == DType::kS8)
        y.as<int8_t>()[i] = static_cast<int8_t>(code);
      else
        y.as<uint8_t>()[i] = static_cast<uint8_t>(code);
    }
  });
}

void reals(const Conv2dInt8::Params& p, const KernelContext& context, const int32_t* sums,
           const float* scale, bool one_scale) {
  const TensorView& y = context.out();
  const bool relu = p.activation == Activation::kRelu;
  const AxisOrder axes = axis_order(p.layout);
  const int64_t channels = y.shape[axes.c],
                inner = p.layout == Layout::kNHWC ? 1 : y.shape[2] * y.shape[3];
  context.parallel_for(y.elements(), kGrain, [&](int64_t first, int64_t last) {
    for (int64_t i = first; i < last; ++i) {
      const float v = conv_real(sums[i], scale[one_scale ? 0 : i / inner % channels], relu);
      if (p.dtype == DType::kF32)
        y.as<float>()[i] = v;
      else
        y.as<f16>()[i] = to_f16(v);
    }
  });
}

Status conv2d_int8_cpu(const Conv2dInt8::Params& p, const KernelContext& context) {
  const TensorView &x = context.in(0), &w = context.in(1), &scale = context.in(2);
  const TensorDesc descs[] = {{x.dtype, x.shape}, {w.dtype, w.shape}, {scale.dtype, scale.shape}};
  const TensorDesc* in[] = {&descs[0], &descs[1], &descs[2], nullptr};
  ConvGeometry g;
  HALFTONE_TRY(Conv2dInt8::resolve(p, Inputs(in), &g));
  const int64_t count = context.out().elements();
  if (count == 0) {
    context.made_by("conv2d_int8_empty", name(x.dtype), "int32", "int32");
    return {};
  }
  std::vector<FixedPoint> fixed;
  if (Conv2dInt8::codes(p) && is_fixed_point(p.variant))
    HALFTONE_TRY(scale.dtype == DType::kF64
                     ? fixed_points(p.variant, scale.as<double>(), scale.elements(), &fixed)
                     : fixed_points(p.variant, scale.as<float>(), scale.elements(), &fixed));

  std::vector<int32_t> sums(static_cast<size_t>(count)), offset;
  ConvOptions options = p;
  ConvCall call;
  call.a = x.data;
  call.a_type = x.dtype;
  call.b = w.data;
  call.b_type = w.dtype;
  call.bias = context.has(3) ? context.in(3).data : nullptr;
  call.bias_type = DType::kS32;
  call.out = sums.data();
  call.out_type = DType::kS32;
  call.compute = Compute::kInt32;
  std::vector<uint8_t> padded;
  if (p.xZeroPoint != 0) {
    offset = offsets(g, w, static_cast<const int32_t*>(call.bias), p.xZeroPoint);
    call.bias = offset.data();
    if (!g.h.all_full() || !g.w.all_full()) {
      Status status;
      padded = pad_images(x.as<uint8_t>(), static_cast<uint8_t>(p.xZeroPoint), &options, &g,
                          w.shape, &status);
      HALFTONE_TRY(status);
      call.a = padded.data();
    }
  }
  const ConvReport report = conv2d_depthwise_offered(g, options, call)
                                ? conv2d_depthwise(g, options, call, context)
                                : conv2d_product(g, options, call, context);
  const bool one = scale.elements() == 1;
  if (!Conv2dInt8::codes(p))
    reals(p, context, sums.data(), scale.as<float>(), one);
  else if (!fixed.empty())
    codes(p, context, sums.data(), fixed.data(), one);
  else if (scale.dtype == DType::kF64)
    codes(p, context, sums.data(), scale.as<double>(), one);
  else
    codes(p, context, sums.data(), scale.as<float>(), one);
  const std::string kernel = concat(report.kernel, "_requantized");
  context.made_by(kernel.c_str(), name(x.dtype), "int32", "int32",
                  report.workspace_bytes + sums.size() * 4 + padded.size());
  return {};
}

}  // namespace

std::vector<CpuOp> conv2d_int8_cpu_ops() { return {cpu_op<Conv2dInt8, conv2d_int8_cpu>()}; }

}  // namespace halftone
