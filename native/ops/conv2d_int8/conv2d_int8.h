// conv2dInt8: a quantized convolution with its sums narrowed in the same pass.
#pragma once
#include "ops/conv2d/conv2d.h"
#include "ops/requantize/requantize.h"

namespace halftone {

/// acc[n, k, oh, ow] = bias[k] + sum of (x - xZeroPoint) * w, int32 modulo 2^32, as conv2d does it;
/// padding stands for the real 0, which is xZeroPoint. Then
///   codes: y = clamp(round(acc * scale[k]) + yZeroPoint), as requantize with `variant` does it,
///   with
///     scale[k] = s_x * s_w[k] / s_y; relu: not below yZeroPoint;
///   float32, float16: y = float32(acc) * scale[k] with one rounding each, relu, then one rounding
///   to
///     the dtype; scale[k] = s_x * s_w[k].
/// ONNX QLinearConv-10 with w_zero_point 0, but for the dtype of the product.
struct Conv2dInt8 {
  static constexpr const char* kName = "conv2dInt8";
  static constexpr const char* kDoc =
      "2-D convolution of int8 or uint8 with bias, activation and requantization of its int32 "
      "sums.";
  static constexpr Port kInputs[] = {
      {.name = "x", .doc = "[n, c, h, w] or [n, h, w, c]; int8 or uint8"},
      {.name = "w", .doc = "filter; int8 or uint8, zero point 0"},
      {.name = "scale", .doc = "of the sums: [], [1] or [cout]; float32, or float64 for codes"},
      {.name = "bias", .doc = "[cout], int32, in units of the sums", .optional = true}};
  static constexpr const char* kOutputs[] = {"y"};

  struct Params : ConvOptions {
    int64_t xZeroPoint = 0, yZeroPoint = 0;
    DType dtype = DType::kS8;
    RequantizeVariant variant = RequantizeVariant::kHalfEven;
    Activation activation = Activation::kNone;

    template <class V>
    void fields(V&& v) {
      ConvOptions::fields(v);
      v("xZeroPoint", xZeroPoint,
        {.doc = "subtracted from x; within its dtype", .min = -128, .max = 255});
      v("yZeroPoint", yZeroPoint,
        {.doc = "added to codes; within their dtype", .min = -128, .max = 255});
      v("dtype", dtype, {.doc = "of the output: int8, uint8, float16 or float32"});
      v("variant", variant, {.doc = "how acc * scale is computed and rounded to codes"});
      v("activation", activation, {.doc = "applied before the result is stored"});
    }
  };

  static bool codes(const Params& p) { return p.dtype == DType::kS8 || p.dtype == DType::kU8; }
  /// Bounds of the codes, relu included.
  static CodeRange range(const Params& p) {
    CodeRange r = code_range(p.dtype);
    if (p.activation == Activation::kRelu) r.low = static_cast<int32_t>(p.yZeroPoint);
    return r;
  }

  static Status check_zero(const char* which, const char* dtype_of, DType dtype, int64_t zero) {
    const CodeRange r = code_range(dtype);
    if (zero < r.low || zero > r.high)
      return param_error(which, " must lie in [", r.low, ", ", r.high, "] for ", dtype_of, " ",
                         name(dtype), ", got ", zero);
    return {};
  }

  static Status resolve(const Params& p, const Inputs& in, ConvGeometry* g) {
    const char* names[] = {"x", "w"};
    for (int i = 0; i < 2; ++i)
      if (in[i].dtype != DType::kS8 && in[i].dtype != DType::kU8)
        return dtype_error(names[i], " must be int8 or uint8, got ", name(in[i].dtype));
    if (!codes(p) && p.dtype != DType::kF32 && p.dtype != DType::kF16)
      return dtype_error("dtype must be int8, uint8, float16 or float32, got ", name(p.dtype));
    HALFTONE_TRY(check_zero("xZeroPoint", "x", in[0].dtype, p.xZeroPoint));
    if (codes(p)) {
      HALFTONE_TRY(check_zero("yZeroPoint", "codes", p.dtype, p.yZeroPoint));
    } else {
      if (p.yZeroPoint != 0)
        return param_error("yZeroPoint must be 0 for ", name(p.dtype), " results, got ",
                           p.yZeroPoint);
      if (p.variant != RequantizeVariant::kHalfEven)
        return param_error("variant must be 'half-even' for ", name(p.dtype), " results");
    }
    HALFTONE_TRY(conv_geometry(p, in[0].shape, in[1].shape, g));
    if (in[2].dtype != DType::kF32 && !(codes(p) && in[2].dtype == DType::kF64))
      return dtype_error("scale must be float32", codes(p) ? " or float64" : "", " for ",
                         name(p.dtype), " results, got ", name(in[2].dtype));
    const Shape& scale = in[2].shape;
    const bool one = scale.rank <= 1 && scale.elements() == 1;
    if (!one && !(scale.rank == 1 && scale[0] == g->out_channels))
      return shape_error("scale must have the shape [], [1] or [", g->out_channels,
                         "] of w's output channels, got scale ", scale, " and w ", in[1].shape);
    if (!in.has(3)) return {};
    if (in[3].dtype != DType::kS32)
      return dtype_error("bias must be int32, got ", name(in[3].dtype));
    if (in[3].shape.rank != 1 || in[3].shape[0] != g->out_channels)
      return shape_error("bias must have the shape [", g->out_channels,
                         "] of w's output channels, got bias ", in[3].shape, " and w ",
                         in[1].shape);
    return {};
  }

  static Status infer(const Params& p, const Inputs& in, Outputs& out) {
    ConvGeometry g;
    HALFTONE_TRY(resolve(p, in, &g));
    out.push_back({p.dtype, y_shape(p, g)});
    return {};
  }
};

}  // namespace halftone
