#pragma once
#include "core/schema.h"

namespace halftone {

/// y = exp(x - m) / sum(exp(x - m)) along one axis, m being the greatest x there: no finite x
/// overflows. In float32 (float64 for float64), rounded once. A NaN or +Infinity makes its whole
/// row NaN, and so do elements that are all -Infinity.
struct Softmax {
  static constexpr const char* kName = "softmax";
  static constexpr const char* kDoc =
      "exp(x - max) / sum(exp(x - max)) along one axis, in float32 (float64 for float64), rounded "
      "once. ONNX Softmax-13.";
  static constexpr Port kInputs[] = {{.name = "x", .doc = "rank 1 or more, a float"}};
  static constexpr const char* kOutputs[] = {"y"};
  struct Params {
    int64_t axis = -1;
    template <class V>
    void fields(V&& v) {
      v("axis", axis, {.doc = "axis along which the results sum to 1, negative from the end"});
    }
  };

  static Status infer(const Params& p, const Inputs& in, Outputs& out) {
    if (!is_float(in[0].dtype)) return dtype_error("x must be a float, got ", name(in[0].dtype));
    if (in[0].shape.rank == 0)
      return shape_error("x must have rank 1 or more, got x ", in[0].shape);
    int32_t axis;
    HALFTONE_TRY(normalize_axis(p.axis, in[0].shape.rank, "axis", &axis));
    out.push_back(in[0]);
    return {};
  }
};

}  // namespace halftone
