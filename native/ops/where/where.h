#pragma once
#include "core/schema.h"

namespace halftone {

/// y = condition ? a : b, element by element, with NumPy's broadcasting of all three. Bits are
/// copied as they are.
struct Where {
  static constexpr bool kStoredTypes = true;
  static constexpr const char* kName = "where";
  static constexpr const char* kDoc =
      "a where condition is true, else b; the three are broadcast. ONNX Where-16.";
  static constexpr Port kInputs[] = {{.name = "condition", .doc = "bool"},
                                     {.name = "a", .doc = "any dtype"},
                                     {.name = "b", .doc = "the dtype of a"}};
  static constexpr const char* kOutputs[] = {"y"};
  using Params = NoParams;

  static Status infer(const Params&, const Inputs& in, Outputs& out) {
    if (in[0].dtype != DType::kBool)
      return dtype_error("condition must be bool, got ", name(in[0].dtype));
    if (in[1].dtype != in[2].dtype)
      return dtype_error("a and b must have the same dtype, got ", name(in[1].dtype), " and ",
                         name(in[2].dtype));
    TensorDesc y{in[1].dtype, {}};
    Shape both;
    HALFTONE_TRY(broadcast(in[1].shape, "a", in[2].shape, "b", &both));
    HALFTONE_TRY(broadcast(in[0].shape, "condition", both, "a with b", &y.shape));
    out.push_back(y);
    return {};
  }
};

}  // namespace halftone
