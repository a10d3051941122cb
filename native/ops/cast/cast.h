// cast: the same numbers in another dtype.
#pragma once
#include "core/narrow.h"
#include "core/schema.h"

namespace halftone {

template <>
struct EnumNames<PowerRounding> {
  static constexpr const char* kName = "PowerRounding";
  static constexpr const char* kDoc =
      "How float8e8m0 rounds: to the power of two away from zero, toward zero, or the nearest.";
  static constexpr const char* kValues[] = {"up", "down", "nearest"};
};

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
/// - to float8, float4: one rounding to nearest even (float8e8m0: as `powerRounding` says). Too
/// large numbers give infinity, or NaN where the type has none; float4e2m1 gives its largest
/// number, and -0 for NaN.
/// - to int4, uint4, int2, uint2: as to int8 or uint8, then modulo 2^bits.
/// `saturate` clamps to the range of an integer target instead of the modulo, and to the largest
/// number of a float8 (float8e8m0: to its ends); other targets do not change with it. ONNX Cast-25,
/// where saturate concerns float8 alone.
struct Cast {
  static constexpr const char* kName = "cast";
  static constexpr const char* kDoc =
      "The same numbers in another dtype. To a float: rounded once to nearest even. Float to "
      "integer: toward zero. "
      "Integers out of range wrap modulo 2^bits, or are clamped with saturate, as float8 are. ONNX "
      "Cast-25.";
  static constexpr bool kStoredTypes = true;
  static constexpr Port kInputs[] = {{.name = "x", .doc = "any shape, any dtype"}};
  static constexpr const char* kOutputs[] = {"y"};
  struct Params {
    DType to = DType::kF32;
    bool saturate = false;
    PowerRounding powerRounding = PowerRounding::kUp;
    template <class V>
    void fields(V&& v) {
      v("to", to, {.doc = "dtype of the result", .required = true});
      v("saturate", saturate,
        {.doc = "clamp to the range of an integer target instead of wrapping, NaN giving 0; to the "
                "largest number of a float8 instead of infinity or NaN"});
      v("powerRounding", powerRounding, {.doc = "to float8e8m0: which power of two"});
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
