#pragma once
#include "core/schema.h"

namespace halftone {

/// y = w[0] x_0 + w[1] x_1 + ...: products and sums in float32 (float64 for float64), in this order
/// from 0, each rounded to that type; one rounding to the dtype of x at the end. Caffe2
/// WeightedSum.
struct WeightedSum {
  static constexpr const char* kName = "weightedSum";
  static constexpr const char* kDoc =
      "Sum of weights[i] * xs[i], in float32 (float64 for float64) and in the order of i, rounded "
      "once. Caffe2 "
      "WeightedSum.";
  static constexpr Port kInputs[] = {
      {.name = "weights", .doc = "float32 [count of xs]"},
      {.name = "xs", .doc = "a float, all of one dtype and shape", .variadic = true}};
  static constexpr const char* kOutputs[] = {"y"};
  using Params = NoParams;

  static Status infer(const Params&, const Inputs& in, Outputs& out) {
    const TensorDesc &weights = in[0], &x = in[1];
    const int count = in.size() - 1;
    if (weights.dtype != DType::kF32)
      return dtype_error("weights must be float32, got ", name(weights.dtype));
    if (!(weights.shape == Shape{count}))
      return shape_error("weights must have shape [", count, "], one for each of xs, got ",
                         weights.shape);
    if (!is_float(x.dtype)) return dtype_error("xs must be floats, got ", name(x.dtype));
    for (int i = 1; i < count; ++i) {
      const TensorDesc& other = in[1 + i];
      if (other.dtype != x.dtype)
        return dtype_error("xs must have one dtype, got xs[0] ", name(x.dtype), " and xs[", i, "] ",
                           name(other.dtype));
      if (!(other.shape == x.shape))
        return shape_error("xs must have one shape, got xs[0] ", x.shape, " and xs[", i, "] ",
                           other.shape);
    }
    out.push_back(x);
    return {};
  }
};

}  // namespace halftone
