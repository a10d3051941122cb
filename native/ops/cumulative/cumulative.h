// Running sums and products along one axis.
#pragma once
#include "core/arithmetic.h"
#include "core/compute_type.h"
#include "core/line_axis.h"
#include "core/schema.h"

namespace halftone {

struct CumulativeParams {
  int64_t axis = 0;
  bool exclusive = false;
  bool reverse = false;
  template <class V>
  void fields(V&& v) {
    v("axis", axis, {.doc = "axis to go along, negative from the end"});
    v("exclusive", exclusive, {.doc = "each result without its own element: the first is 0 or 1"});
    v("reverse", reverse, {.doc = "from the last element to the first"});
  }
};

/// y[i] = x[0] + ... + x[i], or x[0] * ... * x[i] (kProduct), in this order: float16 and bfloat16
/// are accumulated in float32 and each result is rounded once. Integers wrap.
template <bool kProduct>
struct Cumulative {
  static constexpr const char* kName = kProduct ? "cumProd" : "cumSum";
  static constexpr const char* kDoc =
      kProduct ? "Running products along an axis, from its first element on; float16 and bfloat16 "
                 "in float32, integers wrap. ONNX CumProd-26."
               : "Running sums along an axis, from its first element on; float16 and bfloat16 in "
                 "float32, integers wrap. ONNX CumSum-14.";
  static constexpr Port kInputs[1] = {
      {.name = "x", .doc = "rank 1 or more, a float or an integer"}};
  static constexpr const char* kOutputs[1] = {"y"};
  using Params = CumulativeParams;

  static Status infer(const Params& p, const Inputs& in, Outputs& out) {
    const TensorDesc& x = in[0];
    int32_t axis;
    HALFTONE_TRY(check_line_axis(x, p.axis, &axis));
    out.push_back(x);
    return {};
  }
};

using CumSum = Cumulative<false>;
using CumProd = Cumulative<true>;

/// x as lines along the axis: `lines` of `size` elements, `step` apart.
struct CumulativeLines {
  int64_t lines = 0, size = 0, step = 1;
  bool exclusive = false, reverse = false;

  /// Element i, in the order of the sums, of line l.
  constexpr int64_t at(int64_t l, int64_t i) const {
    const int64_t place = reverse ? size - 1 - i : i;
    return (l / step * size + place) * step + l % step;
  }
};

inline Status cumulative_lines(const CumulativeParams& p, const Shape& x, CumulativeLines* out) {
  int32_t axis;
  HALFTONE_TRY(normalize_axis(p.axis, x.rank, "axis", &axis));
  out->size = x[axis];
  for (int k = axis + 1; k < x.rank; ++k) out->step *= x[k];
  out->lines = out->size == 0 ? 0 : x.elements() / out->size;
  out->exclusive = p.exclusive;
  out->reverse = p.reverse;
  return {};
}

/// The result so far with the element at `i` of its line. The first one stays as it is: 0 + -0
/// would lose its sign.
template <bool kProduct, class C>
HALFTONE_HD C accumulated(C before, C element, int64_t i) {
  if (i == 0) return element;
  if constexpr (kProduct)
    return math::multiply(before, element);
  else
    return math::add(before, element);
}

}  // namespace halftone
