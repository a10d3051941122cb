#pragma once
#include "core/compute_type.h"
#include "core/schema.h"
#include "ops/conv2d/conv_geometry.h"

namespace halftone {

/// The axes of an image that blocks are put into: at most what a tensor has beside n and c.
inline constexpr int kMaxBlockAxes = kMaxRank - 2;

struct BlockGeometry {
  int32_t axes = 0;
  int64_t taps = 1, blocks = 1;  // positions in a block; blocks of an image
  WindowAxis axis[kMaxBlockAxes];
};

/// y[n, c] = the sum of blocks x[n, c * taps ..., block], each put where it lies in the image; what
/// lies in the padding is left out. Sums are float32 (float64 for float64), in the order of the
/// block's positions, rounded once. ONNX Col2Im-18.
struct Col2im {
  static constexpr const char* kName = "col2im";
  static constexpr const char* kDoc =
      "Sums blocks into the image that they overlap in. ONNX Col2Im-18.";
  static constexpr Port kInputs[] = {
      {.name = "x", .doc = "[n, c * positions of a block, blocks]; a float"}};
  static constexpr const char* kOutputs[] = {"y"};
  struct Params {
    IntList imageShape, blockShape, stride, dilation, padding;
    template <class V>
    void fields(V&& v) {
      v("imageShape", imageShape,
        {.doc = "sizes of the image", .min = 0, .max = kMaxInt, .required = true});
      v("blockShape", blockShape,
        {.doc = "sizes of a block", .min = 1, .max = kMaxInt, .required = true});
      v("stride", stride, {.doc = "from block to block; empty: 1", .min = 1, .max = kMaxInt});
      v("dilation", dilation,
        {.doc = "between the positions of a block; empty: 1", .min = 1, .max = kMaxInt});
      v("padding", padding,
        {.doc = "positions before each axis, then those after each; empty: none",
         .min = 0,
         .max = kMaxInt});
    }
  };

  static Status resolve(const Params& p, const Shape& x, BlockGeometry* g, Shape* y) {
    if (x.rank != 3) return shape_error("x must be [n, c * positions, blocks], got ", x);
    const int axes = p.imageShape.count;
    if (axes < 1 || axes > kMaxBlockAxes)
      return param_error("imageShape must have 1 to ", kMaxBlockAxes, " values, got ", axes);
    const auto check = [&](const char* what, const IntList& list, int count) -> Status {
      if (list.count == count || (list.count == 0 && &list != &p.blockShape)) return {};
      return param_error(what, " must have ", count, " values, got ", list.count);
    };
    HALFTONE_TRY(check("blockShape", p.blockShape, axes));
    HALFTONE_TRY(check("stride", p.stride, axes));
    HALFTONE_TRY(check("dilation", p.dilation, axes));
    HALFTONE_TRY(check("padding", p.padding, 2 * axes));
    g->axes = axes;
    bool fits = true;
    for (int k = 0; k < axes; ++k) {
      WindowAxis& a = g->axis[k];
      a = {.in = p.imageShape[k],
           .kernel = p.blockShape[k],
           .stride = p.stride.count ? p.stride[k] : 1,
           .dilation = p.dilation.count ? p.dilation[k] : 1};
      Padding padding;
      padding.mode = Padding::kExplicit;
      if (p.padding.count) {
        padding.values[0] = p.padding[k];
        padding.values[1] = p.padding[axes + k];
      }
      HALFTONE_TRY(infer_windows("size", padding, 0, false, &a));
      fits = fits && !__builtin_mul_overflow(g->taps, a.kernel, &g->taps) &&
             !__builtin_mul_overflow(g->blocks, a.out, &g->blocks);
    }
    if (!fits || x[1] % g->taps != 0 || x[2] != g->blocks)
      return shape_error("x must have a multiple of ", fits ? g->taps : kMaxInt, " channels and ",
                         fits ? g->blocks : kMaxInt, " blocks, got ", x);
    *y = {x[0], x[1] / g->taps};
    for (int k = 0; k < axes; ++k) y->push_back(p.imageShape[k]);
    return {};
  }

  static Status infer(const Params& p, const Inputs& in, Outputs& out) {
    if (!is_float(in[0].dtype)) return dtype_error("x must be a float, got ", name(in[0].dtype));
    BlockGeometry g;
    Shape y;
    HALFTONE_TRY(resolve(p, in[0].shape, &g, &y));
    HALFTONE_TRY(check_size(y, in[0].dtype));
    out.push_back({in[0].dtype, y});
    return {};
  }
};

}  // namespace halftone
