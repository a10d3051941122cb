// requantize: int32 sums of a quantized product to narrower codes.
#pragma once
#include "ops/quantize/codes.h"

namespace halftone {

/// How sum * scale is rounded. The variants agree but for ties and products next to them, where
/// they differ by one.
enum class RequantizeVariant : int32_t {
  kHalfEven = 0,
  kTfliteDouble = 1,
  kTosa = 2,
  kHalfAway = 3
};
template <>
struct EnumNames<RequantizeVariant> {
  static constexpr const char* kName = "RequantizeVariant";
  static constexpr const char* kDoc =
      "How requantize() rounds: docs/quantization.md compares the variants.";
  static constexpr const char* kValues[] = {"half-even", "tflite-double", "tosa", "half-away"};
};

/// y = clamp(round(x * scale) + zeroPoint, min, max), scale = s_a * s_b / s_y.
/// half-even, half-away: the product in the dtype of scale. float32: float32(x) * scale, two
/// roundings before the one to an integer, as in ONNX Runtime's MlasRequantizeOutput; float64: x is
/// exact and the product is rounded once. tflite-double, tosa: integers only; scale (best given as
/// float64) becomes a 31-bit fraction and a shift.
struct Requantize {
  static constexpr const char* kName = "requantize";
  static constexpr const char* kDoc =
      "Narrower codes of int32 sums: clamp(round(x * scale) + zeroPoint, min, max).";
  static constexpr Port kInputs[] = {
      {.name = "x", .doc = "int32"},
      {.name = "scale", .doc = "float32 or float64: [] or [1], or [x.shape[axis]]"},
      {.name = "zeroPoint",
       .doc = "of the output's dtype and the shape of scale; 0 when absent",
       .optional = true},
  };
  static constexpr const char* kOutputs[] = {"y"};

  struct Params {
    DType dtype = DType::kS8;
    MaybeInt axis;
    RequantizeVariant variant = RequantizeVariant::kHalfEven;
    MaybeInt min, max;
    template <class V>
    void fields(V&& v) {
      v("dtype", dtype, {.doc = "of the codes: int8, uint8, int16 or uint16"});
      v("axis", axis, {.doc = "along which scales differ; null: one scale for all"});
      v("variant", variant, {.doc = "how x * scale is computed and rounded"});
      v("min", min,
        {.doc = "least code, for a fused relu (then the zero point); null: the dtype's",
         .min = -32768,
         .max = 65535});
      v("max", max, {.doc = "greatest code; null: the dtype's", .min = -32768, .max = 65535});
    }
  };

  static CodeRange range(const Params& p) {
    CodeRange r = code_range(p.dtype);
    if (p.min.present) r.low = static_cast<int32_t>(p.min.value);
    if (p.max.present) r.high = static_cast<int32_t>(p.max.value);
    return r;
  }

  static Status infer(const Params& p, const Inputs& in, Outputs& out) {
    if (in[0].dtype != DType::kS32) return dtype_error("x must be int32, got ", name(in[0].dtype));
    if (!is_code(p.dtype) || p.dtype == DType::kS32)
      return dtype_error("dtype must be int8, uint8, int16 or uint16, got ", name(p.dtype));
    if (in[1].dtype != DType::kF32 && in[1].dtype != DType::kF64)
      return dtype_error("scale must be float32 or float64, got ", name(in[1].dtype));
    HALFTONE_TRY(check_channels("scale", in[1].shape, in[0].shape, p.axis));
    HALFTONE_TRY(check_zero_point(in, 2, p.dtype, p.axis));
    const CodeRange all = code_range(p.dtype), r = range(p);
    if (r.low < all.low || r.high > all.high || r.low > r.high)
      return param_error("min and max must lie in [", all.low, ", ", all.high, "] for ",
                         name(p.dtype), ", min not above max, got min ", r.low, " and max ",
                         r.high);
    out.push_back({p.dtype, in[0].shape});
    return {};
  }
};

}  // namespace halftone
