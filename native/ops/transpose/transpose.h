#pragma once
#include "core/schema.h"

namespace halftone {

/// y[i_perm[0], i_perm[1], ...] = x[i_0, i_1, ...]: axis k of y is axis perm[k] of x. Bits are
/// copied as they are.
struct Transpose {
  static constexpr bool kStoredTypes = true;
  static constexpr const char* kName = "transpose";
  static constexpr const char* kDoc =
      "Axes in another order: axis k of y is axis perm[k] of x. ONNX Transpose-21.";
  static constexpr Port kInputs[] = {{.name = "x", .doc = "any shape, any dtype"}};
  static constexpr const char* kOutputs[] = {"y"};
  struct Params {
    IntList perm;
    template <class V>
    void fields(V&& v) {
      v("perm", perm, {.doc = "each axis of x once, negative ones from the end; empty: reversed"});
    }
  };

  /// perm with every axis in [0, rank).
  static Status axes(const Params& p, const Shape& x, int32_t perm[kMaxRank]) {
    if (p.perm.count == 0) {
      for (int i = 0; i < x.rank; ++i) perm[i] = x.rank - 1 - i;
      return {};
    }
    if (p.perm.count != x.rank)
      return param_error("perm must name each axis of x once, got ", p.perm.shape(), " and x ", x);
    bool seen[kMaxRank] = {};
    for (int i = 0; i < x.rank; ++i) {
      HALFTONE_TRY(normalize_axis(p.perm[i], x.rank, "perm", &perm[i]));
      if (seen[perm[i]])
        return param_error("perm must name each axis of x once, got ", p.perm.shape(), " and x ",
                           x);
      seen[perm[i]] = true;
    }
    return {};
  }

  static Status infer(const Params& p, const Inputs& in, Outputs& out) {
    int32_t perm[kMaxRank];
    HALFTONE_TRY(axes(p, in[0].shape, perm));
    TensorDesc y{in[0].dtype, {}};
    for (int i = 0; i < in[0].shape.rank; ++i) y.shape.push_back(in[0].shape[perm[i]]);
    out.push_back(y);
    return {};
  }
};

}  // namespace halftone
