// A tensor with some elements or slices replaced by, or combined with, those of another one.
//
// Indices are those of gather: int32 or int64, negative ones from the end; one that is out of range
// is an error of the result on the CPU; on CUDA, which waits for nothing, its update is left out,
// and the next read or sync of the stream fails. Several updates of one element are applied in the
// order of the indices, on every backend, each result being rounded to the dtype (float16 and
// bfloat16: computed in float32).
#pragma once
#include "core/arithmetic.h"
#include "core/compute_type.h"
#include "ops/gather/gather.h"

namespace halftone {

enum class ScatterReduction : int32_t { kNone = 0, kAdd = 1, kMul = 2, kMax = 3, kMin = 4 };
template <>
struct EnumNames<ScatterReduction> {
  static constexpr const char* kName = "ScatterReduction";
  static constexpr const char* kDoc =
      "How an update meets the element that it is for: it takes its place, or is combined with it.";
  static constexpr const char* kValues[] = {"none", "add", "mul", "max", "min"};
};

/// The element after an update. max and min are those of ops/binary: NaN wins, and the zeros are
/// ordered. T: a compute type; with kNone also bool.
template <class T>
HALFTONE_HD T updated(ScatterReduction reduction, T element, T update) {
  if constexpr (std::is_arithmetic_v<T>) {
    switch (reduction) {
      case ScatterReduction::kAdd:
        return math::add(element, update);
      case ScatterReduction::kMul:
        return math::multiply(element, update);
      case ScatterReduction::kMax:
        return math::maximum(element, update);
      case ScatterReduction::kMin:
        return math::minimum(element, update);
      case ScatterReduction::kNone:
        break;
    }
  }
  return update;
}

inline Status check_updates(ScatterReduction reduction, const TensorDesc& x,
                            const TensorDesc& updates) {
  if (updates.dtype != x.dtype)
    return dtype_error("updates must have the dtype of x, got ", name(updates.dtype), " and ",
                       name(x.dtype));
  if (reduction != ScatterReduction::kNone && !is_float(x.dtype) && !is_integer(x.dtype))
    return dtype_error("x must be a float or an integer to be combined with updates, got ",
                       name(x.dtype));
  return {};
}

/// y = x, then y[i, indices[i, j, k], k] = updates[i, j, k] for axis 1 of three, for each place of
/// indices.
struct ScatterElements {
  static constexpr bool kStoredTypes = true;
  static constexpr const char* kName = "scatterElements";
  static constexpr const char* kDoc =
      "x with single elements updated: along one axis, indices say which. ONNX ScatterElements-18.";
  static constexpr Port kInputs[] = {{.name = "x", .doc = "rank 1 or more, any dtype"},
                                     {.name = "indices", .doc = kIndicesDoc},
                                     {.name = "updates", .doc = "the shape of indices, x's dtype"}};
  static constexpr const char* kOutputs[] = {"y"};
  struct Params {
    int64_t axis = 0;
    ScatterReduction reduction = ScatterReduction::kNone;
    template <class V>
    void fields(V&& v) {
      v("axis", axis, {.doc = "axis that the indices count along, negative from the end"});
      v("reduction", reduction, {.doc = "how an update meets its element"});
    }
  };

  static Status infer(const Params& p, const Inputs& in, Outputs& out) {
    int32_t axis;
    HALFTONE_TRY(GatherElements::check_elements(p.axis, in[0], in[1], &axis));
    HALFTONE_TRY(check_updates(p.reduction, in[0], in[2]));
    if (!(in[2].shape == in[1].shape))
      return shape_error("updates must have the shape of indices, got updates ", in[2].shape,
                         " and indices ", in[1].shape);
    out.push_back(in[0]);
    return {};
  }
};

/// y = x, then y[indices[n.., :]] = updates[n..] for each tuple of indices.
struct ScatterNd {
  static constexpr bool kStoredTypes = true;
  static constexpr const char* kName = "scatterNd";
  static constexpr const char* kDoc =
      "x with slices updated, each named by a tuple of indices for its first axes. ONNX "
      "ScatterND-18.";
  static constexpr Port kInputs[] = {
      {.name = "x", .doc = "rank 1 or more, any dtype"},
      {.name = "indices", .doc = kIndicesDoc},
      {.name = "updates", .doc = "[indices.shape without its last axis q.., x.shape[q..]]"}};
  static constexpr const char* kOutputs[] = {"y"};
  struct Params {
    ScatterReduction reduction = ScatterReduction::kNone;
    template <class V>
    void fields(V&& v) {
      v("reduction", reduction, {.doc = "how an update meets its element"});
    }
  };

  static Status infer(const Params& p, const Inputs& in, Outputs& out) {
    const TensorDesc &x = in[0], &indices = in[1], &updates = in[2];
    HALFTONE_TRY(GatherNd::check_tuples(x, indices, 0));
    HALFTONE_TRY(check_updates(p.reduction, x, updates));
    const int last = indices.shape.rank - 1;
    Shape expected;
    for (int k = 0; k < last; ++k) expected.push_back(indices.shape[k]);
    for (int k = static_cast<int>(indices.shape[last]); k < x.shape.rank; ++k)
      HALFTONE_TRY(append_axis(expected, x.shape[k]));
    if (!(updates.shape == expected))
      return shape_error("updates must have the shape ", expected, " for x ", x.shape,
                         " and indices ", indices.shape, ", got updates ", updates.shape);
    out.push_back(x);
    return {};
  }
};

}  // namespace halftone
