// Pooling over windows of images.
#pragma once
#include "core/schema.h"
#include "ops/conv2d/conv_geometry.h"

namespace halftone {

/// A pooling with everything resolved.
struct PoolGeometry {
  int64_t batch = 0, channels = 0;
  WindowAxis h, w;
  Strides4 x, y;
};

/// y = the largest value of each window; padding counts as -Infinity (integers: as their smallest
/// value), so it is never the result unless a window lies wholly in it. A NaN in a window makes its
/// result NaN; +0 is larger than -0 (IEEE 754-2019 maximum). Values are not rounded. ONNX
/// MaxPool-12 without the Indices output.
struct MaxPool2d {
  static constexpr const char* kName = "maxPool2d";
  static constexpr const char* kDoc = "Largest value of each window. ONNX MaxPool-12.";
  static constexpr Port kInputs[] = {
      {.name = "x",
       .doc = "[n, c, h, w] or [n, h, w, c]; float32, float16, bfloat16, int8 or uint8"}};
  static constexpr const char* kOutputs[] = {"y"};

  struct Params {
    IntList kernel;
    Layout layout = Layout::kNCHW;
    IntList stride = {1, 1};
    Padding padding;
    IntList dilation = {1, 1};
    bool ceilMode = false;

    template <class V>
    void fields(V&& v) {
      v("kernel", kernel,
        {.doc = "window [rows, columns]", .min = 1, .max = kMaxInt, .count = 2, .required = true});
      v("layout", layout, {.doc = "axes of the images"});
      v("stride", stride,
        {.doc = "step of the windows [rows, columns]", .min = 1, .max = kMaxInt, .count = 2});
      v("padding", padding, {.doc = "'valid', 'same', 'same-lower' or [top, bottom, left, right]"});
      v("dilation", dilation,
        {.doc = "distance of the taps [rows, columns]", .min = 1, .max = kMaxInt, .count = 2});
      v("ceilMode", ceilMode, {.doc = "round the number of windows up"});
    }
  };

  static Status resolve(const Params& p, const TensorDesc& x, PoolGeometry* g) {
    const bool offered = x.dtype == DType::kF32 || x.dtype == DType::kF16 ||
                         x.dtype == DType::kBF16 || x.dtype == DType::kS8 || x.dtype == DType::kU8;
    if (!offered)
      return dtype_error("x must be float32, float16, bfloat16, int8 or uint8, got ",
                         name(x.dtype));
    if (x.shape.rank != 4) return shape_error("x must have 4 axes, got ", x.shape);
    HALFTONE_TRY(check_pair("kernel", p.kernel));
    HALFTONE_TRY(check_pair("stride", p.stride));
    HALFTONE_TRY(check_pair("dilation", p.dilation));
    for (int i = 0; i < 4; ++i)
      if (x.shape[i] < 0 || x.shape[i] > kMaxInt)
        return shape_error("each size of x must lie in [0, ", kMaxInt, "], got ", x.shape);
    const AxisOrder axes = axis_order(p.layout);
    g->batch = x.shape[axes.n];
    g->channels = x.shape[axes.c];
    g->h = {.in = x.shape[axes.h],
            .kernel = p.kernel[0],
            .stride = p.stride[0],
            .dilation = p.dilation[0]};
    g->w = {.in = x.shape[axes.w],
            .kernel = p.kernel[1],
            .stride = p.stride[1],
            .dilation = p.dilation[1]};
    HALFTONE_TRY(infer_windows("height", p.padding, 0, p.ceilMode, &g->h));
    HALFTONE_TRY(infer_windows("width", p.padding, 2, p.ceilMode, &g->w));
    const Shape y = make_shape(axes, g->batch, g->channels, g->h.out, g->w.out);
    HALFTONE_TRY(check_size(x.shape, x.dtype));
    HALFTONE_TRY(check_size(y, x.dtype));
    g->x = make_strides(x.shape, axes);
    g->y = make_strides(y, axes);
    return {};
  }

  static Status infer(const Params& p, const Inputs& in, Outputs& out) {
    PoolGeometry g;
    HALFTONE_TRY(resolve(p, in[0], &g));
    out.push_back(
        {in[0].dtype, make_shape(axis_order(p.layout), g.batch, g.channels, g.h.out, g.w.out)});
    return {};
  }
};

}  // namespace halftone
