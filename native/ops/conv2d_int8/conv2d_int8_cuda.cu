// conv2dInt8 on CUDA: the int8 convolution's kernels with the requantization at their end; no int32
// sum goes to memory.
#include "ops/conv2d/conv2d_dp4a_launch.h"
#include "ops/conv2d_int8/conv2d_int8.h"
#include "ops/conv2d_int8/conv2d_int8_kernel.cuh"
#include "ops/requantize/fixed_points_cuda.h"

namespace halftone {
namespace {

ConvCodes code_rules(const Conv2dInt8::Params& p) {
  const CodeRange range = Conv2dInt8::range(p);
  ConvRounding rounding = ConvRounding::kHalfEven;
  if (p.variant == RequantizeVariant::kHalfAway) rounding = ConvRounding::kHalfAway;
  if (p.variant == RequantizeVariant::kTfliteDouble) rounding = ConvRounding::kTfliteDouble;
  if (p.variant == RequantizeVariant::kTosa) rounding = ConvRounding::kTosa;
  return {range.low, range.high, static_cast<int32_t>(p.yZeroPoint), rounding};
}

class Conv2dInt8Run {
 public:
  Conv2dInt8Run(const Conv2dInt8::Params& p, DeviceContext& context) : p_(p), context_(context) {}

  Status run() {
    const TensorView &x = context_.in(0), &w = context_.in(1), &scale = context_.in(2);
    const TensorDesc descs[] = {{x.dtype, x.shape}, {w.dtype, w.shape}, {scale.dtype, scale.shape}};
    const TensorDesc* in[] = {&descs[0], &descs[1], &descs[2], nullptr};
    ConvGeometry g;
    HALFTONE_TRY(Conv2dInt8::resolve(p_, Inputs(in), &g));
    ConvDp4aReport report;
    if (context_.out().elements() > 0) {
      ConvCall call;
      call.a = x.data;
      call.a_type = x.dtype;
      call.b = w.data;
      call.b_type = w.dtype;
      HALFTONE_TRY(plan_conv_s8(context_, g, p_, call, static_cast<int32_t>(p_.xZeroPoint), &plan_,
                                &report));
      HALFTONE_TRY(make_offsets(g, &report));
      HALFTONE_TRY(launch());
    }
    const std::string kernel = concat(report.kernel, "_requantized");
    DeviceContext::Made made{kernel.c_str(), name(x.dtype), "int32", "int32"};
    made.workspace_bytes = report.workspace_bytes;
    context_.made_by(made);
    return {};
  }

 private:
  Status make_offsets(const ConvGeometry& g, ConvDp4aReport* report) {
    const int32_t* bias = context_.has(3) ? context_.in(3).as<const int32_t>() : nullptr;
    offset_ = bias;
    if (plan_.direct || p_.xZeroPoint == 0) return {};
    void* data = nullptr;
    HALFTONE_TRY(context_.scratch(static_cast<size_t>(g.out_channels) * 4, &data));
    report->workspace_bytes += static_cast<uint64_t>(g.out_channels) * 4;
    offset_ = static_cast<const int32_t*>(data);
    return device::launch("conv_int8_offsets",
                          plan_.w_unsigned ? conv_int8_offsets<true> : conv_int8_offsets<false>,
                          device::blocks_for(g.out_channels, 8), 256, 0, context_.stream(),
                          plan_.tile.w, plan_.tile.w_line, g.out_channels, bias,
                          static_cast<int32_t>(p_.xZeroPoint), static_cast<int32_t*>(data));
  }

  Status launch() {
    const TensorView& scale = context_.in(2);
    ConvInt8Finish finish;
    finish.y = context_.out().data;
    finish.scale = scale.data;
    finish.offset = offset_;
    finish.scale_step = scale.elements() == 1 ? 0 : 1;
    finish.kind = scale.dtype == DType::kF64 ? ConvScale::kDouble : ConvScale::kFloat;
    finish.relu = p_.activation == Activation::kRelu;
    finish.type = p_.dtype == DType::kS8    ? ConvResultType::kS8
                  : p_.dtype == DType::kU8  ? ConvResultType::kU8
                  : p_.dtype == DType::kF32 ? ConvResultType::kF32
                                            : ConvResultType::kF16;
    if (Conv2dInt8::codes(p_)) {
      finish.codes = code_rules(p_);
      if (is_fixed_point(p_.variant)) {
        const FixedPoint* fixed = nullptr;
        HALFTONE_TRY(fixed_points_on_device(p_.variant, context_, scale, &fixed));
        finish.scale = fixed;
        finish.kind = ConvScale::kFixed;
      }
    }
    return launch_conv_s8(context_, plan_, finish);
  }

  const Conv2dInt8::Params& p_;
  DeviceContext& context_;
  ConvS8Plan plan_;
  const int32_t* offset_ = nullptr;
};

Status conv2d_int8_cuda(const Conv2dInt8::Params& p, DeviceContext& context) {
  return Conv2dInt8Run(p, context).run();
}

}  // namespace

std::vector<CudaOp> conv2d_int8_cuda_ops() { return {cuda_op<Conv2dInt8, conv2d_int8_cuda>()}; }

}  // namespace halftone
