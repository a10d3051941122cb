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
/// To float8 and float4 the quotient, plus the zero point where that is not 0, is rounded once to
/// nearest even, as cast does; `saturate` false lets too large numbers be infinity or NaN.
/// With `blockSize`, that many neighbours along `axis` share a scale.
struct Quantize {
  static constexpr const char* kName = "quantize";
  static constexpr const char* kDoc =
      "Codes: saturate(round(x / scale) + zeroPoint). ONNX QuantizeLinear-25 with a float32 "
      "division.";
  static constexpr bool kStoredTypes = true;
  static constexpr Port kInputs[] = {
      {.name = "x", .doc = "float32, float16 or bfloat16"},
      {.name = "scale",
       .doc = "float32: [] or [1], [x.shape[axis]], or with blockSize the shape of x, with "
              "ceil(x.shape[axis] / blockSize) along the axis"},
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
    bool saturate = true;
    int64_t blockSize = 0;
    template <class V>
    void fields(V&& v) {
      v("dtype", dtype,
        {.doc = "of the codes: int8, uint8, int16, uint16, int32, int4, uint4, int2, uint2, "
                "float8 (not e8m0) or float4e2m1"});
      v("axis", axis, {.doc = "along which scales differ; null: one scale for all"});
      v("rounding", rounding, {.doc = "where x / scale lies half-way between two integers"});
      v("scaling", scaling, {.doc = "whether scale is a divisor or a factor (TensorFlow)"});
      v("narrowRange", narrowRange, {.doc = "leave out the least code: [-127, 127] for int8"});
      v("saturate", saturate,
        {.doc = "float8: too large numbers give the largest one, else infinity or NaN"});
      v("blockSize", blockSize,
        {.doc = "as many neighbours along axis share a scale; 0: all of an index", .min = 0});
    }
  };

  static Status infer(const Params& p, const Inputs& in, Outputs& out) {
    const DType x = in[0].dtype;
    if (x != DType::kF32 && x != DType::kF16 && x != DType::kBF16)
      return dtype_error("x must be float32, float16 or bfloat16, got ", name(x));
    if (!is_code(p.dtype) && !is_float_code(p.dtype))
      return dtype_error(
          "dtype must be int8, uint8, int16, uint16, int32, int4, uint4, int2, uint2, float8 (not "
          "e8m0) or float4e2m1, got ",
          name(p.dtype));
    if (is_float_code(p.dtype) && (p.narrowRange || p.rounding != QuantizeRounding::kHalfEven))
      return param_error("rounding must be 'half-even' and narrowRange false for ", name(p.dtype),
                         ", got ",
                         EnumNames<QuantizeRounding>::kValues[static_cast<int>(p.rounding)],
                         " and ", p.narrowRange ? "true" : "false");
    if (in[1].dtype != DType::kF32)
      return dtype_error("scale must be float32, got ", name(in[1].dtype));
    HALFTONE_TRY(check_channels("scale", in[1].shape, in[0].shape, p.axis, p.blockSize));
    HALFTONE_TRY(check_zero_point(in, 2, p.dtype, p.axis, p.blockSize));
    out.push_back({p.dtype, in[0].shape});
    return {};
  }
};

}  // namespace halftone
