#pragma once
#include <algorithm>

#include "core/schema.h"

namespace halftone {

/// Every step-th index from start up to but without end, along some axes. Bits are copied as they
/// are.
struct Slice {
  static constexpr bool kStoredTypes = true;
  static constexpr const char* kName = "slice";
  static constexpr const char* kDoc =
      "Indices start, start + step, ... up to but without end along each of the axes; ends beyond "
      "the tensor are moved "
      "to it. ONNX Slice-13.";
  static constexpr Port kInputs[] = {{.name = "x", .doc = "any shape, any dtype"}};
  static constexpr const char* kOutputs[] = {"y"};
  struct Params {
    IntList starts, ends;
    IntList axes = {}, steps = {};
    template <class V>
    void fields(V&& v) {
      v("starts", starts,
        {.doc = "first index along each of the axes, negative from the end", .required = true});
      v("ends", ends, {.doc = "index after the last, negative from the end", .required = true});
      v("axes", axes, {.doc = "empty: the first ones"});
      v("steps", steps, {.doc = "not 0; negative: backwards; empty: 1"});
    }
  };

  /// What is taken along one axis.
  struct Range {
    int64_t start = 0, step = 1, count = 0;
  };

  static Status ranges(const Params& p, const Shape& x, Range all[kMaxRank]) {
    const int n = p.starts.count;
    if (p.ends.count != n || (p.axes.count && p.axes.count != n) ||
        (p.steps.count && p.steps.count != n))
      return param_error("starts, ends, axes and steps must have equal counts, got starts ",
                         p.starts.shape(), ", ends ", p.ends.shape(), ", axes ", p.axes.shape(),
                         " and steps ", p.steps.shape());
    if (n > x.rank)
      return param_error("starts must have at most one value per axis, got ", p.starts.shape(),
                         " and x ", x);
    for (int i = 0; i < x.rank; ++i) all[i] = {0, 1, x[i]};
    bool seen[kMaxRank] = {};
    for (int i = 0; i < n; ++i) {
      int32_t axis = i;
      if (p.axes.count) HALFTONE_TRY(normalize_axis(p.axes[i], x.rank, "axes", &axis));
      if (seen[axis]) return param_error("axes must be different, got ", p.axes.shape());
      seen[axis] = true;
      const int64_t step = p.steps.count ? p.steps[i] : 1, size = x[axis];
      if (step == 0) return param_error("steps must not be 0, got ", p.steps.shape());
      if (size == 0) continue;
      // As ONNX has it. Backwards, the end may lie before index 0.
      auto clamped = [&](int64_t at, int64_t low, int64_t high) {
        return std::clamp(at < 0 ? at + size : at, low, high);
      };
      const int64_t start = clamped(p.starts[i], 0, step > 0 ? size : size - 1);
      const int64_t end = clamped(p.ends[i], step > 0 ? 0 : -1, step > 0 ? size : size - 1);
      const int64_t length = step > 0 ? end - start : start - end;
      // Steps longer than the axis take one index; this also keeps -step from overflowing.
      const int64_t stride = step > 0 ? std::min(step, size + 1) : -std::max(step, -(size + 1));
      all[axis] = {start, step > 0 ? stride : -stride, length <= 0 ? 0 : (length - 1) / stride + 1};
    }
    return {};
  }

  static Status infer(const Params& p, const Inputs& in, Outputs& out) {
    Range all[kMaxRank];
    HALFTONE_TRY(ranges(p, in[0].shape, all));
    TensorDesc y = in[0];
    for (int i = 0; i < y.shape.rank; ++i) y.shape[i] = all[i].count;
    out.push_back(y);
    return {};
  }
};

}  // namespace halftone
