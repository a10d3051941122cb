#pragma once
#include "core/compute_type.h"
#include "core/schema.h"
#include "ops/conv2d/conv_geometry.h"

namespace halftone {

struct DeformGeometry {
  int64_t channels = 0, groups = 1;  // of x; groups of channels with offsets of their own
  WindowAxis h, w;
  int64_t taps() const { return h.kernel * w.kernel; }
  int64_t windows() const { return h.out * w.out; }
};

/// The patches of a deformable convolution: y[n, c * taps + tap, window] is x at the place of a tap
/// of a window, moved by its offset [rows, columns], interpolated linearly between four elements
/// (those outside of x are left out), times its mask. The convolution is the product of the filter
/// with it. Everything is float32 (float64 for float64). A place that is NaN is outside.
/// ONNX DeformConv-22, before the filter.
struct DeformPatches {
  static constexpr const char* kName = "deformPatches";
  static constexpr const char* kDoc =
      "Patches of images at moved places: deformable convolution before its filter. ONNX "
      "DeformConv-22.";
  static constexpr Port kInputs[] = {
      {.name = "x", .doc = "[n, c, h, w]; float32 or float64"},
      {.name = "offset", .doc = "[n, offset groups * taps * 2, rows, columns]; the dtype of x"},
      {.name = "mask",
       .doc = "[n, offset groups * taps, rows, columns]; absent: ones",
       .optional = true}};
  static constexpr const char* kOutputs[] = {"y"};
  struct Params {
    IntList kernel, stride = {1, 1}, dilation = {1, 1}, padding = {0, 0, 0, 0};
    int64_t offsetGroups = 1;
    template <class V>
    void fields(V&& v) {
      v("kernel", kernel,
        {.doc = "window [rows, columns]", .min = 1, .max = kMaxInt, .count = 2, .required = true});
      v("stride", stride,
        {.doc = "step of the windows [rows, columns]", .min = 1, .max = kMaxInt, .count = 2});
      v("dilation", dilation,
        {.doc = "distance of the taps [rows, columns]", .min = 1, .max = kMaxInt, .count = 2});
      v("padding", padding,
        {.doc = "[top, left, bottom, right]", .min = 0, .max = kMaxInt, .count = 4});
      v("offsetGroups", offsetGroups,
        {.doc = "channels are split into so many groups with offsets of their own",
         .min = 1,
         .max = kMaxInt});
    }
  };

  static Status resolve(const Params& p, const Shape& x, DeformGeometry* g) {
    g->channels = x[1];
    g->groups = p.offsetGroups;
    if (x[1] % p.offsetGroups != 0)
      return shape_error("x.shape[1] must be a multiple of offsetGroups ", p.offsetGroups,
                         ", got x ", x);
    const auto axis = [&](const char* what, int k, WindowAxis* a) {
      *a = {
          .in = x[2 + k], .kernel = p.kernel[k], .stride = p.stride[k], .dilation = p.dilation[k]};
      Padding padding;
      padding.mode = Padding::kExplicit;
      padding.values[0] = p.padding[k];
      padding.values[1] = p.padding[2 + k];
      return infer_windows(what, padding, 0, false, a);
    };
    HALFTONE_TRY(axis("height", 0, &g->h));
    return axis("width", 1, &g->w);
  }

  static Status infer(const Params& p, const Inputs& in, Outputs& out) {
    const TensorDesc& x = in[0];
    if (x.dtype != DType::kF32 && x.dtype != DType::kF64)
      return dtype_error("x must be float32 or float64, got ", name(x.dtype));
    if (x.shape.rank != 4) return shape_error("x must be [n, c, h, w], got ", x.shape);
    DeformGeometry g;
    HALFTONE_TRY(resolve(p, x.shape, &g));
    int64_t rows = 0;
    if (__builtin_mul_overflow(g.taps(), 2 * g.groups, &rows) || rows > kMaxInt)
      return shape_error("offset would have more than ", kMaxInt, " channels for a kernel of ",
                         g.taps(), " taps and offsetGroups ", g.groups);
    const Shape offset{x.shape[0], rows, g.h.out, g.w.out};
    const Shape mask{x.shape[0], rows / 2, g.h.out, g.w.out};
    for (int i = 1; i <= 2; ++i) {
      if (!in.has(i)) continue;
      const char* what = i == 1 ? "offset" : "mask";
      if (in[i].dtype != x.dtype)
        return dtype_error(what, " must have the dtype of x, got ", name(in[i].dtype), " and ",
                           name(x.dtype));
      if (!(in[i].shape == (i == 1 ? offset : mask)))
        return shape_error(what, " must be ", i == 1 ? offset : mask, ", got ", in[i].shape);
    }
    HALFTONE_TRY(check_size(offset, DType::kF64));
    int64_t channels = 0;
    if (__builtin_mul_overflow(x.shape[1], g.taps(), &channels)) channels = -1;
    const Shape y{x.shape[0], channels, g.windows()};
    HALFTONE_TRY(check_size(y, x.dtype));
    out.push_back({x.dtype, y});
    return {};
  }
};

}  // namespace halftone
