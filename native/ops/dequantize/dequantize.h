// dequantize: integer codes to real numbers.
#pragma once
#include "ops/quantize/codes.h"

namespace halftone {

/// y = (q - zeroPoint) * scale. q - zeroPoint is exact (rounded to float32 first where it exceeds
/// 2^24, which only int32 codes can); the product is rounded once, to the output's dtype. With
/// `blockSize`, that many neighbours along `axis` share a scale.
struct Dequantize {
  static constexpr const char* kName = "dequantize";
  static constexpr const char* kDoc =
      "Real numbers of codes: (q - zeroPoint) * scale. ONNX DequantizeLinear-25.";
  static constexpr bool kStoredTypes = true;
  static constexpr Port kInputs[] = {
      {.name = "q",
       .doc = "int8, uint8, int16, uint16, int32, int4, uint4, int2, uint2, float8 (not e8m0) or "
              "float4e2m1"},
      {.name = "scale",
       .doc = "float32: [] or [1], [q.shape[axis]], or with blockSize the shape of q, with "
              "ceil(q.shape[axis] / blockSize) along the axis"},
      {.name = "zeroPoint",
       .doc = "of q's dtype and the shape of scale; 0 when absent",
       .optional = true},
  };
  static constexpr const char* kOutputs[] = {"y"};

  struct Params {
    DType dtype = DType::kF32;
    MaybeInt axis;
    int64_t blockSize = 0;
    template <class V>
    void fields(V&& v) {
      v("dtype", dtype, {.doc = "of the result: float32, float16 or bfloat16"});
      v("axis", axis, {.doc = "along which scales differ; null: one scale for all"});
      v("blockSize", blockSize,
        {.doc = "as many neighbours along axis share a scale; 0: all of an index", .min = 0});
    }
  };

  static Status infer(const Params& p, const Inputs& in, Outputs& out) {
    if (!is_code(in[0].dtype) && !is_float_code(in[0].dtype))
      return dtype_error(
          "q must be int8, uint8, int16, uint16, int32, int4, uint4, int2, uint2, float8 (not "
          "e8m0) "
          "or float4e2m1, got ",
          name(in[0].dtype));
    if (p.dtype != DType::kF32 && p.dtype != DType::kF16 && p.dtype != DType::kBF16)
      return dtype_error("dtype must be float32, float16 or bfloat16, got ", name(p.dtype));
    if (in[1].dtype != DType::kF32)
      return dtype_error("scale must be float32, got ", name(in[1].dtype));
    HALFTONE_TRY(check_channels("scale", in[1].shape, in[0].shape, p.axis, p.blockSize));
    HALFTONE_TRY(check_zero_point(in, 2, in[0].dtype, p.axis, p.blockSize));
    out.push_back({p.dtype, in[0].shape});
    return {};
  }
};

}  // namespace halftone
