#pragma once
#include <algorithm>
#include <cmath>

#include "core/schema.h"

namespace halftone {

/// What stands in the margins.
enum class PadMode : int32_t { kConstant = 0, kEdge = 1, kReflect = 2, kWrap = 3 };
template <>
struct EnumNames<PadMode> {
  static constexpr const char* kName = "PadMode";
  static constexpr const char* kDoc =
      "What stands in the margins: one value, the nearest element, the mirror image, or the tensor "
      "again from its other end.";
  static constexpr const char* kValues[] = {"constant", "edge", "reflect", "wrap"};
};

/// x with margins. Bits of x are copied as they are.
struct Pad {
  static constexpr const char* kName = "pad";
  static constexpr const char* kDoc =
      "A tensor with margins: of one value, of the nearest element, mirrored at the outermost "
      "elements, or continued from the other end. ONNX Pad-19, "
      "with margins of 0 or more.";
  static constexpr Port kInputs[] = {{.name = "x", .doc = "any shape, any dtype"}};
  static constexpr const char* kOutputs[] = {"y"};
  struct Params {
    IntList before, after;
    PadMode mode = PadMode::kConstant;
    double value = 0;
    template <class V>
    void fields(V&& v) {
      v("before", before,
        {.doc = "elements before the first, for each axis",
         .min = 0,
         .max = kMaxInt,
         .required = true});
      v("after", after,
        {.doc = "elements after the last, for each axis",
         .min = 0,
         .max = kMaxInt,
         .required = true});
      v("mode", mode, {.doc = "what stands in the margins"});
      v("value", value,
        {.doc =
             "for 'constant': rounded once to a float dtype; whole for integers; 0 or 1 for bool"});
    }
  };

  static Status infer(const Params& p, const Inputs& in, Outputs& out) {
    const TensorDesc& x = in[0];
    if (p.before.count != x.shape.rank || p.after.count != x.shape.rank)
      return param_error("before and after must have one value per axis, got before ",
                         p.before.shape(), ", after ", p.after.shape(), " and x ", x.shape);
    TensorDesc y = x;
    for (int i = 0; i < x.shape.rank; ++i) {
      const int64_t margin = std::max(p.before[i], p.after[i]), size = x.shape[i];
      if ((p.mode == PadMode::kEdge || p.mode == PadMode::kWrap) && margin > 0 && size == 0)
        return shape_error("x must have an element to repeat along axis ", i, ", got x ", x.shape);
      if (p.mode == PadMode::kReflect && margin > 0 && margin >= size)
        return shape_error("margins must be smaller than the axis that they mirror, got ", margin,
                           " for axis ", i, " of x ", x.shape);
      y.shape[i] = size + p.before[i] + p.after[i];
    }
    HALFTONE_TRY(check_size(y.shape, y.dtype));
    if (p.mode == PadMode::kConstant) HALFTONE_TRY(check_value(p.value, x.dtype));
    out.push_back(y);
    return {};
  }

 private:
  static Status check_value(double value, DType t) {
    if (is_float(t)) return {};
    const int bits = t == DType::kBool ? 1 : size_of(t) * 8;
    const bool is_signed = info(t).kind == DTypeKind::kSigned;
    const double low = is_signed ? -std::ldexp(1.0, bits - 1) : 0,
                 beyond = std::ldexp(1.0, is_signed ? bits - 1 : bits);
    if (value == std::trunc(value) && value >= low && value < beyond) return {};
    return param_error("value must be a whole number in [", low, ", ", beyond, ") for ", name(t),
                       ", got ", value);
  }
};

/// The index of x that an index of y shows, both counted from x's first; -1 in a constant margin.
constexpr int64_t pad_source(PadMode mode, int64_t at, int64_t size) {
  if (at >= 0 && at < size) return at;
  if (mode == PadMode::kConstant) return -1;
  if (mode == PadMode::kEdge) return at < 0 ? 0 : size - 1;
  if (mode == PadMode::kWrap) return at < 0 ? size - 1 - (-1 - at) % size : at % size;
  return at < 0 ? -at : 2 * (size - 1) - at;
}

/// What stands in a constant margin.
template <class T>
T pad_value(const Pad::Params& p) {
  const double v = p.mode == PadMode::kConstant ? p.value : 0;
  if constexpr (std::is_same_v<T, f16>)
    return to_f16(v);
  else if constexpr (std::is_same_v<T, bf16>)
    return to_bf16(v);
  else if constexpr (std::is_same_v<T, Bool>)
    return Bool(v != 0);
  else
    return static_cast<T>(v);
}

}  // namespace halftone
