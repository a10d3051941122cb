#pragma once
#include "core/compute_type.h"
#include "core/host_device.h"
#include "core/line_axis.h"
#include "core/schema.h"

namespace halftone {

/// The k greatest or smallest elements along an axis, the best first, and where they are.
struct TopK {
  static constexpr const char* kName = "topK";
  static constexpr const char* kDoc =
      "The k greatest (or smallest) elements along an axis in descending (ascending) order, and "
      "their indices (int64). Equal ones, the zeros among them, keep their order; NaN counts as "
      "greater than all others. ONNX TopK-11, sorted.";
  static constexpr Port kInputs[] = {{.name = "x", .doc = "rank 1 or more, a float or an integer"}};
  static constexpr const char* kOutputs[] = {"values", "indices"};
  struct Params {
    int64_t k = 1;
    int64_t axis = -1;
    bool largest = true;
    template <class V>
    void fields(V&& v) {
      v("k", k, {.doc = "number of elements", .min = 0, .required = true});
      v("axis", axis, {.doc = "axis to search, negative from the end"});
      v("largest", largest, {.doc = "false: the smallest ones"});
    }
  };

  static Status infer(const Params& p, const Inputs& in, Outputs& out) {
    const TensorDesc& x = in[0];
    int32_t axis;
    HALFTONE_TRY(check_line_axis(x, p.axis, &axis));
    if (p.k > x.shape[axis])
      return param_error("k must be at most the size of axis ", axis, ", got k ", p.k, " and x ",
                         x.shape);
    TensorDesc y = x;
    y.shape[axis] = p.k;
    HALFTONE_TRY(check_size(y.shape, DType::kS64));
    out.push_back(y);
    out.push_back({DType::kS64, y.shape});
    return {};
  }
};

/// Whether element a at index i comes before element b at index j. T: a compute type.
template <class T>
HALFTONE_HD bool comes_first(bool largest, T a, int64_t i, T b, int64_t j) {
  const bool a_is_nan = a != a, b_is_nan = b != b;
  if (a_is_nan != b_is_nan) return a_is_nan == largest;
  if (a > b) return largest;
  if (a < b) return !largest;
  return i < j;
}

}  // namespace halftone
