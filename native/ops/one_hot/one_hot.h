#pragma once
#include "ops/gather/gather.h"

namespace halftone {

/// y = x with a new axis of `depth` elements, of which the one that an index names is values[1] and
/// all others are values[0].
struct OneHot {
  static constexpr bool kStoredTypes = true;
  static constexpr const char* kName = "oneHot";
  static constexpr const char* kDoc =
      "A new axis on which the place that an index names is on and all others are off; an index "
      "out "
      "of range turns none on. ONNX OneHot-11.";
  static constexpr Port kInputs[] = {{.name = "indices", .doc = kIndicesDoc},
                                     {.name = "values", .doc = "[2]: off and on, any dtype"}};
  static constexpr const char* kOutputs[] = {"y"};
  struct Params {
    int64_t depth = 0;
    int64_t axis = -1;
    template <class V>
    void fields(V&& v) {
      v("depth", depth, {.doc = "size of the new axis", .min = 0, .required = true});
      v("axis", axis, {.doc = "where the new axis is in y, negative from the end"});
    }
  };

  static Status infer(const Params& p, const Inputs& in, Outputs& out) {
    const TensorDesc &indices = in[0], &values = in[1];
    HALFTONE_TRY(check_index_dtype(indices));
    if (!(values.shape == Shape{2}))
      return shape_error("values must have the shape [2], got values ", values.shape);
    int32_t axis;
    HALFTONE_TRY(normalize_axis(p.axis, indices.shape.rank + 1, "axis", &axis));
    TensorDesc y{values.dtype, {}};
    for (int k = 0; k <= indices.shape.rank; ++k) {
      if (k == axis) HALFTONE_TRY(append_axis(y.shape, p.depth));
      if (k < indices.shape.rank) HALFTONE_TRY(append_axis(y.shape, indices.shape[k]));
    }
    HALFTONE_TRY(check_size(y.shape, y.dtype));
    out.push_back(y);
    return {};
  }
};

}  // namespace halftone
