// quantize: real numbers to integer codes.
#pragma once
#include "ops/quantize/codes.h"

namespace halftone {

enum class QuantizeRounding : int32_t { kHalfEven = 0, kHalfAway = 1 };
template <>
struct EnumNames<QuantizeRounding> {
  static constexpr const char* kName = "QuantizeRounding";
  static constexpr const char* kDoc =
      "How quantize() rounds: ties to the even code (ONNX), or away from zero (TensorFlow).";
  static constexpr const char* kValues[] = {"half-even", "half-away"};
};

enum class QuantizeScaling : int32_t { kDivide = 0, kMultiply = 1 };
template <>
struct EnumNames<QuantizeScaling> {
  static constexpr const char* kName = "QuantizeScaling";
  static constexpr const char* kDoc =
      "How quantize() scales: by dividing by `scale` (ONNX), or by multiplying with it "
      "(TensorFlow).";
  static constexpr const char* kValues[] = {"divide", "multiply"};
};

/// y = saturate(round(x / scale) + zeroPoint), the zero point added after rounding. x / scale is
/// one float32 division (16-bit x are widened exactly); scaling 'multiply' takes `scale` as a
/// factor, one float32 product. NaN gives the least code, infinities the ends.
struct Quantize {
  static constexpr const char* kName = "quantize";
  static constexpr const char* kDoc =
      "Integer codes: saturate(round(x / scale) + zeroPoint). ONNX QuantizeLinear-21 with the "
      "defaults.";
  static constexpr Port kInputs[] = {
      {.name = "x", .doc = "float32, float16 or bfloat16"},
      {.name = "scale", .doc = "float32: [] or [1], or [x.shape[axis]]"},
      {.name = "zeroPoint",
       .doc = "of the output's dtype and the shape of scale; 0 when absent",
       .optional = true},
  };
  static constexpr const char* kOutputs[] = {"y"};

  struct Params {
    DType dtype = DType::kS8;
    MaybeInt axis;
    QuantizeRounding rounding = QuantizeRounding::kHalfEven;
    QuantizeScaling scaling = QuantizeScaling::kDivide;
    bool narrowRange = false;
    template <class V>
    void fields(V&& v) {
      v("dtype", dtype, {.doc = "of the codes: int8, uint8, int16, uint16 or int32"});
      v("axis", axis, {.doc = "along which scales differ; null: one scale for all"});
      v("rounding", rounding, {.doc = "where x / scale lies half-way between two integers"});
      v("scaling", scaling, {.doc = "whether scale is a divisor or a factor (TensorFlow)"});
      v("narrowRange", narrowRange, {.doc = "leave out the least code: [-127, 127] for int8"});
    }
  };

  static Status infer(const Params& p, const Inputs& in, Outputs& out) {
    const DType x = in[0].dtype;
    if (x != DType::kF32 && x != DType::kF16 && x != DType::kBF16)
      return dtype_error("x must be float32, float16 or bfloat16, got ", name(x));
    if (!is_code(p.dtype))
      return dtype_error("dtype must be int8, uint8, int16, uint16 or int32, got ", name(p.dtype));
    if (in[1].dtype != DType::kF32)
      return dtype_error("scale must be float32, got ", name(in[1].dtype));
    HALFTONE_TRY(check_channels("scale", in[1].shape, in[0].shape, p.axis));
    HALFTONE_TRY(check_zero_point(in, 2, p.dtype, p.axis));
    out.push_back({p.dtype, in[0].shape});
    return {};
  }
};

}  // namespace halftone
