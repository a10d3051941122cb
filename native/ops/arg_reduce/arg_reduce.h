// Positions of extrema along one axis.
#pragma once
#include "core/line_axis.h"
#include "core/schema.h"

namespace halftone {

struct ArgReduceParams {
  int64_t axis = -1;
  bool keepDims = false;
  template <class V>
  void fields(V&& v) {
    v("axis", axis, {.doc = "axis to search, negative from the end"});
    v("keepDims", keepDims, {.doc = "keep that axis with size 1"});
  }
};

/// int64 index of the first greatest (kMax) or smallest element along `axis`. A NaN counts as the
/// extremum, as in NumPy; both zeros are equal.
template <bool kMax>
struct ArgReduce {
  static constexpr const char* kName = kMax ? "argMax" : "argMin";
  static constexpr const char* kDoc = kMax ? "Index (int64) of the first greatest element along an "
                                             "axis; the first NaN if there is one. ONNX ArgMax-13, "
                                             "select_last_index 0."
                                           : "Index (int64) of the first smallest element along an "
                                             "axis; the first NaN if there is one. ONNX ArgMin-13, "
                                             "select_last_index 0.";
  static constexpr Port kInputs[1] = {
      {.name = "x", .doc = "rank 1 or more, a float or an integer"}};
  static constexpr const char* kOutputs[1] = {"y"};
  using Params = ArgReduceParams;

  static Status infer(const Params& p, const Inputs& in, Outputs& out) {
    const TensorDesc& x = in[0];
    int32_t axis;
    HALFTONE_TRY(check_line_axis(x, p.axis, &axis));
    TensorDesc y{DType::kS64, {}};
    for (int i = 0; i < x.shape.rank; ++i) {
      if (i != axis)
        y.shape.push_back(x.shape[i]);
      else if (p.keepDims)
        y.shape.push_back(1);
    }
    if (x.shape[axis] == 0 && y.shape.elements() > 0)
      return shape_error("x must have an element along axis ", axis, ", got x ", x.shape);
    out.push_back(y);
    return {};
  }
};

using ArgMax = ArgReduce<true>;
using ArgMin = ArgReduce<false>;

}  // namespace halftone
