#pragma once
#include "core/compute_type.h"
#include "core/schema.h"

namespace halftone {

/// How the samples of a bin become one value.
enum class RoiPooling : int32_t { kAverage = 0, kMax = 1 };
template <>
struct EnumNames<RoiPooling> {
  static constexpr const char* kName = "RoiPooling";
  static constexpr const char* kDoc = "How the samples of a bin become one value.";
  static constexpr const char* kValues[] = {"average", "max"};
};

/// Regions [x1, y1, x2, y2] of images, each cut into bins, each bin the average of samples that are
/// interpolated between four elements; 'max': the largest weighted element of all samples, as
/// ONNX defines it. A sample more than one position outside of the image is 0. A region of an image
/// that x does not have is NaN. Everything is float32 (float64 for float64), rounded once.
/// ONNX RoiAlign-22.
struct RoiAlign {
  static constexpr const char* kName = "roiAlign";
  static constexpr const char* kDoc = "Regions of images at one size. ONNX RoiAlign-22.";
  static constexpr Port kInputs[] = {
      {.name = "x", .doc = "[n, c, h, w]; a float"},
      {.name = "rois", .doc = "[regions, 4]: x1, y1, x2, y2; float64 for float64, else float32"},
      {.name = "images", .doc = "[regions] int64: the image of each"}};
  static constexpr const char* kOutputs[] = {"y"};
  struct Params {
    int64_t outputHeight = 1, outputWidth = 1, samplingRatio = 0;
    double spatialScale = 1;
    RoiPooling mode = RoiPooling::kAverage;
    bool halfPixel = true;
    template <class V>
    void fields(V&& v) {
      v("outputHeight", outputHeight, {.doc = "bins over the height", .min = 1, .max = kMaxInt});
      v("outputWidth", outputWidth, {.doc = "bins over the width", .min = 1, .max = kMaxInt});
      v("samplingRatio", samplingRatio,
        {.doc = "samples of a bin along each axis; 0: about one for each element",
         .min = 0,
         .max = 1024});
      v("spatialScale", spatialScale, {.doc = "factor from the regions' coordinates to x's"});
      v("mode", mode, {.doc = "what becomes of a bin's samples"});
      v("halfPixel", halfPixel,
        {.doc = "coordinates are those of elements' corners; else of centres, regions at least 1"});
    }
  };

  static Status infer(const Params& p, const Inputs& in, Outputs& out) {
    const TensorDesc &x = in[0], &rois = in[1], &images = in[2];
    if (!is_float(x.dtype)) return dtype_error("x must be a float, got ", name(x.dtype));
    if (rois.dtype != compute_dtype(x.dtype))
      return dtype_error("rois must be ", name(compute_dtype(x.dtype)), " for x of ", name(x.dtype),
                         ", got ", name(rois.dtype));
    if (images.dtype != DType::kS64)
      return dtype_error("images must be int64, got ", name(images.dtype));
    if (x.shape.rank != 4) return shape_error("x must be [n, c, h, w], got ", x.shape);
    if (rois.shape.rank != 2 || rois.shape[1] != 4)
      return shape_error("rois must be [regions, 4], got ", rois.shape);
    if (images.shape.rank != 1 || images.shape[0] != rois.shape[0])
      return shape_error("images must be [", rois.shape[0], "] as rois, got ", images.shape);
    const Shape y{rois.shape[0], x.shape[1], p.outputHeight, p.outputWidth};
    HALFTONE_TRY(check_size(y, x.dtype));
    out.push_back({x.dtype, y});
    return {};
  }
};

}  // namespace halftone
