// conv2d and its gradients with respect to the input and the filter.
#pragma once
#include "core/schema.h"
#include "ops/conv2d/conv_geometry.h"
#include "ops/gemm/compute.h"

namespace halftone {

/// What is applied to a result before it is stored.
enum class Activation : int32_t { kNone = 0, kRelu = 1 };
template <>
struct EnumNames<Activation> {
  static constexpr const char* kName = "Activation";
  static constexpr const char* kDoc = "What a convolution applies to its result.";
  static constexpr const char* kValues[] = {"none", "relu"};
};

/// The dtypes and the arithmetic of one convolution, resolved.
struct ConvTypes {
  DType in = DType::kF32;  // of the first input
  DType out = DType::kF32;
  Compute compute = Compute::kFloat32;
};

/// Resolves `compute` and `outputDType` for inputs `a` and `b` (named for messages).
///   float32: float32 (default), tf32              -> float32
///   float16: float32 (default), float16           -> float16, or float32 when compute is float32
///   bfloat16: float32                             -> bfloat16 or float32
///   int8, uint8 in any pairing (`integers`): int32 -> int32
inline Status conv_types(const char* a_name, DType a, const char* b_name, DType b, Compute compute,
                         MaybeDType output, bool integers, ConvTypes* types) {
  const bool a8 = a == DType::kS8 || a == DType::kU8, b8 = b == DType::kS8 || b == DType::kU8;
  if (!((integers && a8) || a == DType::kF32 || a == DType::kF16 || a == DType::kBF16))
    return dtype_error(a_name, " must be float32, float16",
                       integers ? ", bfloat16, int8 or uint8" : " or bfloat16", ", got ", name(a));
  if (a != b && !(a8 && b8))
    return dtype_error(b_name, a8 ? " must be int8 or uint8 as " : " must have the dtype of ",
                       a_name, ", got ", a_name, " ", name(a), " and ", b_name, " ", name(b));
  types->in = a;
  HALFTONE_TRY(resolve_compute(a, compute, &types->compute));
  types->out = output.or_else(a8 ? DType::kS32 : a);
  const bool widened = types->out == DType::kF32 && types->compute == Compute::kFloat32;
  if (types->out != (a8 ? DType::kS32 : a) && !widened)
    return unsupported("outputDType ", name(types->out), " is not offered for ", name(a),
                       " with compute '", name(types->compute),
                       "'; nearest: ", name(a8 ? DType::kS32 : a));
  return {};
}

/// y[n, k, oh, ow] = activation(sum over r, s, c of x[n, c, oh * stride + r * dilation - pad, ...]
/// * w[k, c, r, s] + bias[k] + residual[n, k, oh, ow]). Cross-correlation (the filter is not
/// flipped): ONNX Conv-11, TensorFlow Conv2D, cuDNN CROSS_CORRELATION.
///
/// compute 'float32': inputs are widened exactly, products and sums are float32: chains of fused
///   multiply-adds over 256 terms each (gemm.h), for depthwise convolutions one chain of products
///   and sums, each rounded. The order depends on the layouts alone, never on threads. Bias and
///   residual are added, in this order, and the activation applied in float32; one rounding to the
///   output dtype at the end.
///   Padding is skipped, so an infinity or NaN in w meets data only.
/// compute 'tf32': the same after rounding x and w to 10 fraction bits (nearest, ties away from
/// zero). compute 'float16': acc = fma_f16(x, w, acc) from +0 over kernel row, kernel column, input
/// channel of the group, in this
///   order; taps in the padding are skipped. Then bias and residual are added with one float16
///   addition each.
/// compute 'int32': exact modulo 2^32, padding is 0.
struct Conv2d {
  static constexpr const char* kName = "conv2d";
  static constexpr const char* kDoc =
      "2-D convolution with optional bias, addend and activation. ONNX Conv-11.";
  static constexpr Port kInputs[] = {
      {.name = "x",
       .doc = "[n, c, h, w] or [n, h, w, c]; float32, float16, bfloat16, int8 or uint8"},
      {.name = "w", .doc = "filter; the dtype of x (int8 and uint8 may be mixed)"},
      {.name = "bias",
       .doc = "[cout]; the output's dtype, or float32 when compute is float32",
       .optional = true},
      {.name = "residual",
       .doc = "added to the result; the output's shape and dtype",
       .optional = true}};
  static constexpr const char* kOutputs[] = {"y"};

  struct Params : ConvOptions {
    Activation activation = Activation::kNone;
    Compute compute = Compute::kDefault;
    MaybeDType outputDType;

    template <class V>
    void fields(V&& v) {
      ConvOptions::fields(v);
      v("activation", activation, {.doc = "applied before the result is stored"});
      v("compute", compute,
        {.doc = "type of the sums; null: int32 for integers, float32 for others"});
      v("outputDType", outputDType, {.doc = "null: int32 for integers, the dtype of x for others"});
    }
  };

  static Status resolve(const Params& p, const Inputs& in, ConvGeometry* g, ConvTypes* types) {
    HALFTONE_TRY(
        conv_types("x", in[0].dtype, "w", in[1].dtype, p.compute, p.outputDType, true, types));
    HALFTONE_TRY(conv_geometry(p, in[0].shape, in[1].shape, g));
    if (in.has(2)) HALFTONE_TRY(check_bias(in[2], in[1], *g, *types));
    if (!in.has(3)) return {};
    const TensorDesc& residual = in[3];
    if (residual.dtype != types->out)
      return dtype_error("residual must have the result's dtype ", name(types->out), ", got ",
                         name(residual.dtype));
    if (!(residual.shape == y_shape(p, *g)))
      return shape_error("residual must have the result's shape ", y_shape(p, *g), ", got ",
                         residual.shape);
    return {};
  }

  static Status check_bias(const TensorDesc& bias, const TensorDesc& w, const ConvGeometry& g,
                           const ConvTypes& types) {
    if (bias.shape.rank != 1 || bias.shape[0] != g.out_channels)
      return shape_error("bias must have the shape [", g.out_channels,
                         "] of w's output channels, got bias ", bias.shape, " and w ", w.shape);
    const bool wide = types.compute == Compute::kFloat32 && bias.dtype == DType::kF32;
    if (bias.dtype != types.out && !wide)
      return dtype_error(
          "bias must be ", name(types.out),
          types.compute == Compute::kFloat32 && types.out != DType::kF32 ? " or float32" : "",
          ", got ", name(bias.dtype));
    return {};
  }

  static Status infer(const Params& p, const Inputs& in, Outputs& out) {
    ConvGeometry g;
    ConvTypes types;
    HALFTONE_TRY(resolve(p, in, &g, &types));
    out.push_back({types.out, y_shape(p, g)});
    return {};
  }
};

/// The gradient of sum(y * dy) with respect to x: dx[n, c, h, w] = sum over r, s, k of dy * w of
/// the outputs that x took part in. ONNX ConvTranspose-11 computes the same; TensorFlow
/// Conv2DBackpropInput. compute 'float16': acc = fma_f16(dy, w, acc) from +0 over kernel row,
/// kernel column, output channel of the group.
struct Conv2dBackwardInput {
  static constexpr const char* kName = "conv2dBackwardInput";
  static constexpr const char* kDoc =
      "Gradient of conv2d with respect to its input; also the transposed convolution.";
  static constexpr Port kInputs[] = {
      {.name = "dy", .doc = "gradient of the output; float32, float16 or bfloat16"},
      {.name = "w", .doc = "filter; the dtype of dy"}};
  static constexpr const char* kOutputs[] = {"dx"};

  struct Params : ConvOptions {
    IntList inputSize;
    Compute compute = Compute::kDefault;
    MaybeDType outputDType;

    template <class V>
    void fields(V&& v) {
      v("inputSize", inputSize,
        {.doc = "[height, width] of conv2d's input",
         .min = 0,
         .max = kMaxInt,
         .count = 2,
         .required = true});
      ConvOptions::fields(v);
      v("compute", compute, {.doc = "type of the sums; null: float32"});
      v("outputDType", outputDType, {.doc = "null: the dtype of dy"});
    }
  };

  static Status resolve(const Params& p, const Inputs& in, ConvGeometry* g, ConvTypes* types) {
    HALFTONE_TRY(
        conv_types("dy", in[0].dtype, "w", in[1].dtype, p.compute, p.outputDType, false, types));
    HALFTONE_TRY(check_pair("inputSize", p.inputSize));
    const Shape &dy = in[0].shape, &w = in[1].shape;
    if (dy.rank != 4) return shape_error("dy must have 4 axes, got ", dy);
    if (w.rank != 4) return shape_error("w must have 4 axes, got ", w);
    HALFTONE_TRY(detail::window_size("groups", p.groups, 1));
    const AxisOrder ya = axis_order(p.layout), wa = axis_order(p.filterLayout);
    int64_t channels = 0;
    if (__builtin_mul_overflow(w[wa.c], p.groups, &channels)) channels = -1;
    if (channels < 0 || channels > kMaxInt)
      return shape_error("groups * w.shape[", wa.c, "] must lie in [0, ", kMaxInt, "], got groups ",
                         p.groups, " and w ", w);
    const Shape x = make_shape(ya, dy[ya.n], channels, p.inputSize[0], p.inputSize[1]);
    HALFTONE_TRY(conv_geometry(p, x, w, g));
    if (!(y_shape(p, *g) == dy))
      return shape_error("dy must have the shape ", y_shape(p, *g),
                         " that conv2d gives for an input ", x, ", got dy ", dy, " and w ", w);
    return {};
  }

  static Status infer(const Params& p, const Inputs& in, Outputs& out) {
    ConvGeometry g;
    ConvTypes types;
    HALFTONE_TRY(resolve(p, in, &g, &types));
    out.push_back({types.out, x_shape(p, g)});
    return {};
  }
};

/// The gradient of sum(y * dy) with respect to w: dw[k, c, r, s] = sum over n, oh, ow of x * dy.
/// TensorFlow Conv2DBackpropFilter.
/// compute 'float16': acc = fma_f16(x, dy, acc) from +0 over image, output row, output column;
/// padding is skipped. These
///   sums are long: float16 stops growing at 2048 times a term, so float32 is the default here as
///   everywhere.
struct Conv2dBackwardFilter {
  static constexpr const char* kName = "conv2dBackwardFilter";
  static constexpr const char* kDoc = "Gradient of conv2d with respect to its filter.";
  static constexpr Port kInputs[] = {
      {.name = "x", .doc = "conv2d's input; float32, float16 or bfloat16"},
      {.name = "dy", .doc = "gradient of the output; the dtype of x"}};
  static constexpr const char* kOutputs[] = {"dw"};

  struct Params : ConvOptions {
    IntList filterSize;
    Compute compute = Compute::kDefault;
    MaybeDType outputDType;

    template <class V>
    void fields(V&& v) {
      v("filterSize", filterSize,
        {.doc = "[rows, columns] of the kernel",
         .min = 1,
         .max = kMaxInt,
         .count = 2,
         .required = true});
      ConvOptions::fields(v);
      v("compute", compute, {.doc = "type of the sums; null: float32"});
      v("outputDType", outputDType, {.doc = "null: the dtype of x"});
    }
  };

  static Status resolve(const Params& p, const Inputs& in, ConvGeometry* g, ConvTypes* types) {
    HALFTONE_TRY(
        conv_types("x", in[0].dtype, "dy", in[1].dtype, p.compute, p.outputDType, false, types));
    HALFTONE_TRY(check_pair("filterSize", p.filterSize));
    const Shape &x = in[0].shape, &dy = in[1].shape;
    if (x.rank != 4) return shape_error("x must have 4 axes, got ", x);
    if (dy.rank != 4) return shape_error("dy must have 4 axes, got ", dy);
    HALFTONE_TRY(detail::window_size("groups", p.groups, 1));
    const AxisOrder xa = axis_order(p.layout);
    if (x[xa.c] % p.groups != 0)
      return shape_error("x.shape[", xa.c, "] must be a multiple of groups ", p.groups, ", got x ",
                         x);
    const Shape w = make_shape(axis_order(p.filterLayout), dy[xa.c], x[xa.c] / p.groups,
                               p.filterSize[0], p.filterSize[1]);
    HALFTONE_TRY(conv_geometry(p, x, w, g));
    if (!(y_shape(p, *g) == dy))
      return shape_error("dy must have the shape ", y_shape(p, *g),
                         " that conv2d gives for a filter ", w, ", got dy ", dy, " and x ", x);
    return {};
  }

  static Status infer(const Params& p, const Inputs& in, Outputs& out) {
    ConvGeometry g;
    ConvTypes types;
    HALFTONE_TRY(resolve(p, in, &g, &types));
    out.push_back({types.out, w_shape(p, g)});
    return {};
  }
};

}  // namespace halftone
