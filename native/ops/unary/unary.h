// Elementwise functions of one tensor. All share one schema and differ in the table below.
#pragma once
#include "core/schema.h"

namespace halftone {

/// y = f(x) element by element. x: any shape; float32, float16, bfloat16 or float64 (neg, abs, relu
/// and sign also take signed integers). 16-bit floats are computed in float32 and rounded once.
template <class Name>
struct Unary {
  static constexpr const char* kName = Name::kName;
  static constexpr const char* kDoc = Name::kDoc;
  static constexpr Port kInputs[] = {{.name = "x", .doc = "any shape"}};
  static constexpr const char* kOutputs[] = {"y"};
  using Params = NoParams;

  static Status infer(const Params&, const Inputs& in, Outputs& out) {
    const bool allowed =
        is_float(in[0].dtype) || (Name::kIntegers && info(in[0].dtype).kind == DTypeKind::kSigned);
    if (!allowed)
      return dtype_error("x must be a float", Name::kIntegers ? " or a signed integer" : "",
                         ", got ", name(in[0].dtype));
    out.push_back(in[0]);
    return {};
  }
};

#define HALFTONE_UNARY(Type, name, doc, integers) \
  struct Type##Name {                             \
    static constexpr const char* kName = name;    \
    static constexpr const char* kDoc = doc;      \
    static constexpr bool kIntegers = integers;   \
  };                                              \
  using Type = Unary<Type##Name>;
HALFTONE_UNARY(Relu, "relu", "max(x, 0); NaN stays NaN. ONNX Relu-14.", true)
#undef HALFTONE_UNARY

}  // namespace halftone
