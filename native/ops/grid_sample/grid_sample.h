#pragma once
#include "core/compute_type.h"
#include "core/schema.h"

namespace halftone {

/// How values between the elements of an image are found.
enum class Interpolation : int32_t { kNearest = 0, kLinear = 1, kCubic = 2 };
template <>
struct EnumNames<Interpolation> {
  static constexpr const char* kName = "Interpolation";
  static constexpr const char* kDoc =
      "How values between elements are found: the nearest one, or linear or cubic interpolation.";
  static constexpr const char* kValues[] = {"nearest", "linear", "cubic"};
};

/// What lies outside of an image.
enum class GridPadding : int32_t { kZeros = 0, kBorder = 1, kReflection = 2 };
template <>
struct EnumNames<GridPadding> {
  static constexpr const char* kName = "GridPadding";
  static constexpr const char* kDoc =
      "What lies outside of an image: zeros, its outermost elements, or its mirror images.";
  static constexpr const char* kValues[] = {"zeros", "border", "reflection"};
};

/// y[n, c, ...o] = x[n, c] at the place grid[n, ...o], whose coordinates (column, row, and slice
/// for volumes) count from -1 to 1: the outermost elements with alignCorners, else their outer
/// edges. Linear: weights 1 - t and t; cubic: Keys' with a = -0.75; nearest: ties to even. A tap
/// outside of x with 'zeros' is left out of the sum. A coordinate that is NaN (with 'reflection':
/// or infinite) gives NaN. Everything is float32 (float64 for float64), the result rounded once.
/// ONNX GridSample-20.
struct GridSample {
  static constexpr const char* kName = "gridSample";
  static constexpr const char* kDoc =
      "Values of images or volumes at the places of a grid. ONNX GridSample-20.";
  static constexpr Port kInputs[] = {
      {.name = "x", .doc = "[n, c, h, w] or [n, c, d, h, w]; a float"},
      {.name = "grid",
       .doc = "[n, ..., 2] or [n, ..., 3] with as many axes as x; float64 for float64, else "
              "float32"}};
  static constexpr const char* kOutputs[] = {"y"};
  struct Params {
    Interpolation mode = Interpolation::kLinear;
    GridPadding paddingMode = GridPadding::kZeros;
    bool alignCorners = false;
    template <class V>
    void fields(V&& v) {
      v("mode", mode, {.doc = "between the elements"});
      v("paddingMode", paddingMode, {.doc = "outside of x"});
      v("alignCorners", alignCorners,
        {.doc = "-1 and 1 are the centres of the outermost elements"});
    }
  };

  static Status infer(const Params&, const Inputs& in, Outputs& out) {
    const TensorDesc &x = in[0], &grid = in[1];
    if (!is_float(x.dtype)) return dtype_error("x must be a float, got ", name(x.dtype));
    if (grid.dtype != compute_dtype(x.dtype))
      return dtype_error("grid must be ", name(compute_dtype(x.dtype)), " for x of ", name(x.dtype),
                         ", got ", name(grid.dtype));
    const int rank = x.shape.rank;
    if (rank != 4 && rank != 5)
      return shape_error("x must be [n, c, h, w] or [n, c, d, h, w], got ", x.shape);
    if (grid.shape.rank != rank || grid.shape[0] != x.shape[0] || grid.shape[rank - 1] != rank - 2)
      return shape_error("grid must have the axes of x: [", x.shape[0], ", ..., ", rank - 2,
                         "], got grid ", grid.shape, " and x ", x.shape);
    TensorDesc y{x.dtype, x.shape};
    for (int k = 2; k < rank; ++k) {
      y.shape[k] = grid.shape[k - 1];
      if (x.shape[k] > kMaxInt)
        return shape_error("each size of x must be below 2^31, got ", x.shape);
    }
    HALFTONE_TRY(check_size(x.shape, x.dtype));
    HALFTONE_TRY(check_size(y.shape, y.dtype));
    if (x.shape.elements() == 0 && y.shape.elements() != 0)
      return shape_error("x must have an element to take values from, got ", x.shape);
    out.push_back(y);
    return {};
  }
};

/// Sizes of a call; images are volumes of one slice.
struct GridGeometry {
  int64_t channels = 0, places = 0;  // of one n
  int32_t axes = 2;
  int64_t size[3] = {1, 1, 1};  // depth, height, width of x
};
inline GridGeometry grid_geometry(const Shape& x, const Shape& y) {
  GridGeometry g{.channels = x[1], .places = 1, .axes = x.rank - 2};
  for (int k = 2; k < x.rank; ++k) {
    g.places *= y[k];
    g.size[3 - x.rank + k] = x[k];
  }
  return g;
}

}  // namespace halftone
