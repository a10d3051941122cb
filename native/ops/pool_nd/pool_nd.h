// Averages, norms and the places of the largest values over windows of rows, images and volumes.
#pragma once
#include "core/schema.h"
#include "ops/conv2d/conv_geometry.h"

namespace halftone {

/// The windows of [n, c, ...] over one to three axes.
struct PoolNdOptions {
  IntList kernel, stride, dilation, padding;
  bool ceilMode = false;

  template <class V>
  void fields(V&& v) {
    v("kernel", kernel,
      {.doc = "size of the windows along each axis behind the channels",
       .min = 1,
       .max = kMaxInt,
       .required = true});
    v("stride", stride, {.doc = "step of the windows; empty: 1", .min = 1, .max = kMaxInt});
    v("dilation", dilation, {.doc = "distance of the taps; empty: 1", .min = 1, .max = kMaxInt});
    v("padding", padding,
      {.doc = "positions before each axis, then those after each; empty: none",
       .min = 0,
       .max = kMaxInt});
    v("ceilMode", ceilMode, {.doc = "round the number of windows up"});
  }
};

/// The axes behind the channels as depth, rows and columns; those that x does not have are of one
/// position and one window.
struct PoolNdGeometry {
  int64_t planes = 0;  // n * c
  WindowAxis d, h, w;
  int64_t volume() const { return d.in * h.in * w.in; }
  int64_t windows() const { return d.out * h.out * w.out; }  // of one plane
};

inline Status pool_nd_geometry(const PoolNdOptions& p, const Shape& x, PoolNdGeometry* g,
                               Shape* y) {
  if (x.rank < 3 || x.rank > 5)
    return shape_error("x must be [n, c, w], [n, c, h, w] or [n, c, d, h, w], got ", x);
  const int axes = x.rank - 2;
  const auto check = [&](const char* what, const IntList& list, int count, bool empty) -> Status {
    if (list.count == count || (empty && list.count == 0)) return {};
    return param_error(what, " must have ", count, " values, got ", list.count, " for x ", x);
  };
  HALFTONE_TRY(check("kernel", p.kernel, axes, false));
  HALFTONE_TRY(check("stride", p.stride, axes, true));
  HALFTONE_TRY(check("dilation", p.dilation, axes, true));
  HALFTONE_TRY(check("padding", p.padding, 2 * axes, true));
  *y = x;
  WindowAxis* const all[] = {&g->d, &g->h, &g->w};
  const char* const names[] = {"depth", "height", "width"};
  g->d = g->h = g->w = {.in = 1, .out = 1};
  for (int i = 0; i < axes; ++i) {
    WindowAxis& a = *all[3 - axes + i];
    a = {.in = x[2 + i],
         .kernel = p.kernel[i],
         .stride = p.stride.count ? p.stride[i] : 1,
         .dilation = p.dilation.count ? p.dilation[i] : 1};
    Padding padding;
    padding.mode = Padding::kExplicit;
    if (p.padding.count) {
      padding.values[0] = p.padding[i];
      padding.values[1] = p.padding[axes + i];
    }
    HALFTONE_TRY(infer_windows(names[3 - axes + i], padding, 0, p.ceilMode, &a));
    (*y)[2 + i] = a.out;
  }
  HALFTONE_TRY(check_size(x, DType::kS64));
  HALFTONE_TRY(check_size(*y, DType::kS64));
  g->planes = x[0] * x[1];
  return {};
}

inline Status pool_nd_float(const TensorDesc& x) {
  if (is_float(x.dtype)) return {};
  return dtype_error("x must be a float, got ", name(x.dtype));
}

/// y = sum over the taps in x / number of taps. Sums, counts and the quotient are float32 (float64
/// for float64), in the order depth, row, column; rounded once. With countIncludePad the padding
/// counts as zeros, but not what lies behind it (the last windows of ceilMode). A window without a
/// tap gives NaN. ONNX AveragePool-22.
struct AveragePool {
  static constexpr const char* kName = "averagePool";
  static constexpr const char* kDoc = "Average of each window. ONNX AveragePool-22.";
  static constexpr Port kInputs[] = {
      {.name = "x", .doc = "[n, c, w], [n, c, h, w] or [n, c, d, h, w]; a float"}};
  static constexpr const char* kOutputs[] = {"y"};
  struct Params : PoolNdOptions {
    bool countIncludePad = false;
    template <class V>
    void fields(V&& v) {
      PoolNdOptions::fields(v);
      v("countIncludePad", countIncludePad, {.doc = "padding counts as zeros"});
    }
  };
  static Status infer(const Params& p, const Inputs& in, Outputs& out) {
    HALFTONE_TRY(pool_nd_float(in[0]));
    PoolNdGeometry g;
    out.push_back(in[0]);
    return pool_nd_geometry(p, in[0].shape, &g, &out.back().shape);
  }
};

/// y = (sum of |x|^p over the taps in x)^(1/p), in float32 (float64 for float64), rounded once.
/// Powers beyond its range are infinite. ONNX LpPool-22.
struct LpPool {
  static constexpr const char* kName = "lpPool";
  static constexpr const char* kDoc = "Lp norm of each window. ONNX LpPool-22.";
  static constexpr Port kInputs[] = {
      {.name = "x", .doc = "[n, c, w], [n, c, h, w] or [n, c, d, h, w]; a float"}};
  static constexpr const char* kOutputs[] = {"y"};
  struct Params : PoolNdOptions {
    int64_t p = 2;
    template <class V>
    void fields(V&& v) {
      PoolNdOptions::fields(v);
      v("p", p, {.doc = "exponent", .min = 1, .max = kMaxInt});
    }
  };
  static Status infer(const Params& p, const Inputs& in, Outputs& out) {
    HALFTONE_TRY(pool_nd_float(in[0]));
    PoolNdGeometry g;
    out.push_back(in[0]);
    return pool_nd_geometry(p, in[0].shape, &g, &out.back().shape);
  }
};

/// Where maxPool2d, or its kin for rows and volumes, found each value: the position in all of x of
/// the first one in the order depth, row, column. NaN is larger than all, +0 larger than -0. -1 for
/// a window without a tap. ONNX MaxPool-22, second output.
struct MaxPoolIndices {
  static constexpr const char* kName = "maxPoolIndices";
  static constexpr const char* kDoc =
      "Position in x of the largest value of each window. ONNX MaxPool-22, second output.";
  static constexpr Port kInputs[] = {
      {.name = "x",
       .doc = "[n, c, w], [n, c, h, w] or [n, c, d, h, w]; float32, float16, bfloat16, int8 or "
              "uint8"}};
  static constexpr const char* kOutputs[] = {"indices"};
  struct Params : PoolNdOptions {
    bool columnMajor = false;
    template <class V>
    void fields(V&& v) {
      PoolNdOptions::fields(v);
      v("columnMajor", columnMajor,
        {.doc = "count positions of a plane with the first axis fastest"});
    }
  };
  static Status infer(const Params& p, const Inputs& in, Outputs& out) {
    const DType t = in[0].dtype;
    const bool offered = t == DType::kF32 || t == DType::kF16 || t == DType::kBF16 ||
                         t == DType::kS8 || t == DType::kU8;
    if (!offered)
      return dtype_error("x must be float32, float16, bfloat16, int8 or uint8, got ", name(t));
    PoolNdGeometry g;
    out.push_back({DType::kS64, in[0].shape});
    return pool_nd_geometry(p, in[0].shape, &g, &out.back().shape);
  }
};

}  // namespace halftone
