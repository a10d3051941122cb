#pragma once
#include "core/schema.h"

namespace halftone {

/// The xs one after the other along one axis. Bits are copied as they are.
struct Concat {
  static constexpr bool kStoredTypes = true;
  static constexpr const char* kName = "concat";
  static constexpr const char* kDoc = "Tensors one after the other along an axis. ONNX Concat-13.";
  static constexpr Port kInputs[] = {{.name = "xs",
                                      .doc = "one dtype, one rank, equal sizes but along the axis",
                                      .variadic = true}};
  static constexpr const char* kOutputs[] = {"y"};
  struct Params {
    int64_t axis = 0;
    template <class V>
    void fields(V&& v) {
      v("axis", axis, {.doc = "axis along which they follow one another, negative from the end"});
    }
  };

  static Status infer(const Params& p, const Inputs& in, Outputs& out) {
    TensorDesc y = in[0];
    if (y.shape.rank == 0) return shape_error("xs must have rank 1 or more, got xs[0] ", y.shape);
    int32_t axis;
    HALFTONE_TRY(normalize_axis(p.axis, y.shape.rank, "axis", &axis));
    for (int i = 1; i < in.size(); ++i) {
      const TensorDesc& x = in[i];
      if (x.dtype != y.dtype)
        return dtype_error("xs must have one dtype, got xs[0] ", name(y.dtype), " and xs[", i, "] ",
                           name(x.dtype));
      bool fits = x.shape.rank == y.shape.rank;
      for (int k = 0; fits && k < y.shape.rank; ++k) fits = k == axis || x.shape[k] == y.shape[k];
      if (!fits)
        return shape_error("xs must have equal sizes but along axis ", axis, ", got xs[0] ",
                           in[0].shape, " and xs[", i, "] ", x.shape);
      y.shape[axis] += x.shape[axis];
    }
    HALFTONE_TRY(check_size(y.shape, y.dtype));
    out.push_back(y);
    return {};
  }
};

}  // namespace halftone
