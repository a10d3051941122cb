// minMax: the range of a tensor's values in one pass.
#pragma once
#include "ops/quantize/codes.h"

namespace halftone {

/// min and max of all elements, or of each index of `axis`, as float32 (exact). NaN anywhere makes
/// both NaN; of no elements min is Infinity and max -Infinity.
struct MinMax {
  static constexpr const char* kName = "minMax";
  static constexpr const char* kDoc =
      "Least and greatest element, of all or of each index of an axis.";
  static constexpr Port kInputs[] = {{.name = "x", .doc = "float32, float16 or bfloat16"}};
  static constexpr const char* kOutputs[] = {"min", "max"};

  struct Params {
    MaybeInt axis;
    template <class V>
    void fields(V&& v) {
      v("axis", axis, {.doc = "results for each index of this axis; null: of all elements"});
    }
  };

  static Status infer(const Params& p, const Inputs& in, Outputs& out) {
    const DType x = in[0].dtype;
    if (x != DType::kF32 && x != DType::kF16 && x != DType::kBF16)
      return dtype_error("x must be float32, float16 or bfloat16, got ", name(x));
    Shape shape;
    if (p.axis.present) {
      int32_t axis = 0;
      HALFTONE_TRY(normalize_axis(p.axis.value, in[0].shape.rank, "axis", &axis));
      shape.push_back(in[0].shape[axis]);
    }
    out.push_back({DType::kF32, shape});
    out.push_back({DType::kF32, shape});
    return {};
  }
};

}  // namespace halftone
