// cast: the same numbers in another dtype.
#pragma once
#include "core/schema.h"

namespace halftone {

/// y = x as `to`, element by element. x: any shape, any dtype.
/// - float or integer to float: one rounding to nearest, ties to even, also from float64 and int64
/// to 16 bits; subnormals
///   and signed zeros kept, too large numbers give infinity, NaN stays NaN.
/// - integer to integer: modulo 2^bits (200 as int8 is -56).
/// - float to integer: toward zero. ONNX leaves numbers outside the target's range undefined; here
/// they are taken modulo
///   2^bits of the whole number, which is first clamped to the range of int64; infinities count as
///   the ends of that range, NaN as 0.
/// - to bool: x != 0, so NaN is true. From bool: 0 or 1.
/// `saturate` clamps to the target's range instead of the modulo; float and bool targets do not
/// change with it. ONNX Cast-19 (saturate there concerns float8 alone).
struct Cast {
  static constexpr const char* kName = "cast";
  static constexpr const char* kDoc =
      "The same numbers in another dtype. To a float: rounded once to nearest even. Float to "
      "integer: toward zero. "
      "Integers out of range wrap modulo 2^bits, or are clamped with saturate. ONNX Cast-19.";
  static constexpr Port kInputs[] = {{.name = "x", .doc = "any shape, any dtype"}};
  static constexpr const char* kOutputs[] = {"y"};
  struct Params {
    DType to = DType::kF32;
    bool saturate = false;
    template <class V>
    void fields(V&& v) {
      v("to", to, {.doc = "dtype of the result", .required = true});
      v("saturate", saturate,
        {.doc = "clamp to the range of an integer target instead of wrapping; NaN gives 0"});
    }
  };

  static Status infer(const Params& p, const Inputs& in, Outputs& out) {
    if (!is_valid(static_cast<int32_t>(p.to)))
      return param_error("to must be a dtype, got number ", static_cast<int32_t>(p.to));
    out.push_back({p.to, in[0].shape});
    return {};
  }
};

}  // namespace halftone
