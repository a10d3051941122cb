#pragma once
#include "core/schema.h"

namespace halftone {

/// One axis of x seen through a table: y[.., o, ..] = sum over t of weights[o, t] * x[..,
/// indices[o, t], ..]. Interpolation, enlarging, reducing and cropping of an axis are such tables
/// (lib/ops/resize-tables.ts makes those of ONNX Resize). An index that x does not have is no tap:
/// nothing is added, not even a zero times something. Without weights there is one tap for each o,
/// and its bits are copied; without a tap they are 0.
///
/// Products and sums are rounded to the type of x each, in the order of t.
struct Resample {
  static constexpr const char* kName = "resample";
  static constexpr const char* kDoc =
      "Weighted sums of elements along one axis: interpolation by a table.";
  static constexpr Port kInputs[] = {
      {.name = "x", .doc = "any shape of one axis or more; any dtype, with weights a wide float"},
      {.name = "indices", .doc = "[size, taps] int32: positions along the axis"},
      {.name = "weights",
       .doc = "[size, taps], the dtype of x (float32 or float64); absent: one tap, copied",
       .optional = true}};
  static constexpr const char* kOutputs[] = {"y"};
  struct Params {
    int64_t axis = -1;
    template <class V>
    void fields(V&& v) {
      v("axis", axis, {.doc = "the axis; negative ones count from the last"});
    }
  };

  static Status infer(const Params& p, const Inputs& in, Outputs& out) {
    const TensorDesc &x = in[0], &indices = in[1];
    if (x.shape.rank < 1) return shape_error("x must have an axis, got x ", x.shape);
    int32_t axis = 0;
    HALFTONE_TRY(normalize_axis(p.axis, x.shape.rank, "axis", &axis));
    if (indices.dtype != DType::kS32)
      return dtype_error("indices must be int32, got ", name(indices.dtype));
    if (indices.shape.rank != 2)
      return shape_error("indices must be [size, taps], got ", indices.shape);
    if (x.shape[axis] > kMaxInt)
      return shape_error("axis ", axis, " of x must have at most ", kMaxInt, " positions, got x ",
                         x.shape);
    if (in.has(2)) {
      if (x.dtype != DType::kF32 && x.dtype != DType::kF64)
        return dtype_error("x must be float32 or float64 with weights, got ", name(x.dtype));
      if (in[2].dtype != x.dtype)
        return dtype_error("weights must have the dtype of x, got ", name(in[2].dtype), " and ",
                           name(x.dtype));
      if (!(in[2].shape == indices.shape))
        return shape_error("weights must have the shape of indices, got weights ", in[2].shape,
                           " and indices ", indices.shape);
    } else if (indices.shape[1] != 1) {
      return shape_error("indices must be [size, 1] without weights, got ", indices.shape);
    }
    TensorDesc y = x;
    y.shape[axis] = indices.shape[0];
    HALFTONE_TRY(check_size(y.shape, y.dtype));
    out.push_back(y);
    return {};
  }
};

/// x as [outer, in, inner] and y as [outer, size, inner].
struct ResampleAxis {
  int64_t outer = 1, in = 0, size = 0, inner = 1, taps = 1;
};
inline Status resample_axis(const Resample::Params& p, const Shape& x, const Shape& indices,
                            ResampleAxis* a) {
  int32_t axis = 0;
  HALFTONE_TRY(normalize_axis(p.axis, x.rank, "axis", &axis));
  *a = {.in = x[axis], .size = indices[0], .taps = indices[1]};
  for (int k = 0; k < x.rank; ++k)
    if (k != axis) (k < axis ? a->outer : a->inner) *= x[k];
  return {};
}

}  // namespace halftone
