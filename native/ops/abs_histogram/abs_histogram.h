// absHistogram: how often magnitudes occur, for choosing the range of a quantized tensor.
#pragma once
#include "core/schema.h"

namespace halftone {

/// Counts of |x| in `bins` bins of equal width over [0, max]. Bin i holds the x with floor((|x| /
/// max) * bins) = i, both operations in float32, |x| = max in the last one. Magnitudes beyond max,
/// and numbers that are not finite, are counted apart: each x is counted exactly once. Twice the
/// bins over twice the range have the same edges, so a range can grow from batch to batch.
struct AbsHistogram {
  static constexpr const char* kName = "absHistogram";
  static constexpr const char* kDoc =
      "Counts (int64) of |x| in bins of equal width over [0, max], of finite numbers beyond, and "
      "of "
      "NaN and infinities.";
  static constexpr Port kInputs[] = {
      {.name = "x", .doc = "float32, float16 or bfloat16"},
      {.name = "max", .doc = "float32: [] or [1]; the upper end of the last bin"},
  };
  static constexpr const char* kOutputs[] = {"counts", "above", "nonFinite"};
  static constexpr int64_t kMaxBins = 1 << 20;

  struct Params {
    int64_t bins = 2048;
    template <class V>
    void fields(V&& v) {
      v("bins", bins, {.doc = "number of bins", .min = 1, .max = kMaxBins});
    }
  };

  static Status infer(const Params& p, const Inputs& in, Outputs& out) {
    const DType x = in[0].dtype;
    if (x != DType::kF32 && x != DType::kF16 && x != DType::kBF16)
      return dtype_error("x must be float32, float16 or bfloat16, got ", name(x));
    if (in[1].dtype != DType::kF32)
      return dtype_error("max must be float32, got ", name(in[1].dtype));
    if (in[1].shape.rank > 1 || in[1].shape.elements() != 1)
      return shape_error("max must hold one number ([] or [1]), got max ", in[1].shape);
    out.push_back({DType::kS64, {p.bins}});
    out.push_back({DType::kS64, {}});
    out.push_back({DType::kS64, {}});
    return {};
  }
};

}  // namespace halftone
