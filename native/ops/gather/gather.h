// Elements and slices that a tensor of indices names.
//
// For all: indices are int32 or int64, and negative ones count from the end of their axis. One that
// is out of range is an error of the result on the CPU, where every index is looked at before
// anything is moved. CUDA waits for nothing: there such an index reads nothing, its elements are 0,
// and the next read or sync of the stream fails. Bits of x are copied as they are.
#pragma once
#include "core/schema.h"

namespace halftone {

inline constexpr const char* kIndicesDoc = "int32 or int64, negative ones from the end";

inline Status check_index_dtype(const TensorDesc& indices) {
  if (indices.dtype == DType::kS32 || indices.dtype == DType::kS64) return {};
  return dtype_error("indices must be int32 or int64, got ", name(indices.dtype));
}

/// Appends an axis to a result that may have too many.
inline Status append_axis(Shape& shape, int64_t size) {
  if (shape.rank == kMaxRank)
    return shape_error("the result must have at most ", kMaxRank, " axes, got more behind ", shape);
  shape.push_back(size);
  return {};
}

/// y = x with axis `axis` replaced by the axes of indices: y[.., i.., ..] = x[.., indices[i..],
/// ..].
struct Gather {
  static constexpr bool kStoredTypes = true;
  static constexpr const char* kName = "gather";
  static constexpr const char* kDoc =
      "Slices of x along one axis, chosen by indices at run time. ONNX Gather-13.";
  static constexpr Port kInputs[] = {{.name = "x", .doc = "rank 1 or more, any dtype"},
                                     {.name = "indices", .doc = kIndicesDoc}};
  static constexpr const char* kOutputs[] = {"y"};
  struct Params {
    int64_t axis = 0;
    template <class V>
    void fields(V&& v) {
      v("axis", axis, {.doc = "axis that the indices count along, negative from the end"});
    }
  };

  static Status infer(const Params& p, const Inputs& in, Outputs& out) {
    const TensorDesc &x = in[0], &indices = in[1];
    HALFTONE_TRY(check_index_dtype(indices));
    if (x.shape.rank == 0) return shape_error("x must have rank 1 or more, got x ", x.shape);
    int32_t axis;
    HALFTONE_TRY(normalize_axis(p.axis, x.shape.rank, "axis", &axis));
    TensorDesc y{x.dtype, {}};
    for (int k = 0; k < axis; ++k) y.shape.push_back(x.shape[k]);
    for (int k = 0; k < indices.shape.rank; ++k)
      HALFTONE_TRY(append_axis(y.shape, indices.shape[k]));
    for (int k = axis + 1; k < x.shape.rank; ++k) HALFTONE_TRY(append_axis(y.shape, x.shape[k]));
    HALFTONE_TRY(check_size(y.shape, y.dtype));
    out.push_back(y);
    return {};
  }
};

/// y has the shape of indices: y[i, j, k] = x[i, indices[i, j, k], k] for axis 1 of three.
struct GatherElements {
  static constexpr bool kStoredTypes = true;
  static constexpr const char* kName = "gatherElements";
  static constexpr const char* kDoc =
      "Single elements of x: the index along one axis is replaced by the one that indices holds at "
      "this place. ONNX GatherElements-13.";
  static constexpr Port kInputs[] = {{.name = "x", .doc = "rank 1 or more, any dtype"},
                                     {.name = "indices", .doc = kIndicesDoc}};
  static constexpr const char* kOutputs[] = {"y"};
  using Params = Gather::Params;

  static Status infer(const Params& p, const Inputs& in, Outputs& out) {
    int32_t axis;
    HALFTONE_TRY(check_elements(p.axis, in[0], in[1], &axis));
    out.push_back({in[0].dtype, in[1].shape});
    return {};
  }

  /// Of indices that name elements along one axis of x, here and in scatterElements.
  static Status check_elements(int64_t given, const TensorDesc& x, const TensorDesc& indices,
                               int32_t* axis) {
    HALFTONE_TRY(check_index_dtype(indices));
    if (x.shape.rank == 0 || x.shape.rank != indices.shape.rank)
      return shape_error("x and indices must have the same rank of 1 or more, got x ", x.shape,
                         " and indices ", indices.shape);
    HALFTONE_TRY(normalize_axis(given, x.shape.rank, "axis", axis));
    for (int k = 0; k < x.shape.rank; ++k)
      if (k != *axis && indices.shape[k] > x.shape[k])
        return shape_error("indices must not be longer than x but along axis ", *axis, ", got x ",
                           x.shape, " and indices ", indices.shape);
    return check_size(indices.shape, x.dtype);
  }
};

/// indices [b.., n.., q] with b.. the first batchDims axes of x: y [b.., n.., x.shape[batchDims +
/// q..]], each index tuple naming one slice (or, when q + batchDims is x's rank, one element).
struct GatherNd {
  static constexpr bool kStoredTypes = true;
  static constexpr const char* kName = "gatherNd";
  static constexpr const char* kDoc =
      "Slices of x, each named by a tuple of indices for its first axes. ONNX GatherND-13.";
  static constexpr Port kInputs[] = {{.name = "x", .doc = "rank 1 or more, any dtype"},
                                     {.name = "indices", .doc = kIndicesDoc}};
  static constexpr const char* kOutputs[] = {"y"};
  struct Params {
    int64_t batchDims = 0;
    template <class V>
    void fields(V&& v) {
      v("batchDims", batchDims,
        {.doc = "leading axes that x and indices share", .min = 0, .max = kMaxRank - 1});
    }
  };

  static Status infer(const Params& p, const Inputs& in, Outputs& out) {
    const TensorDesc &x = in[0], &indices = in[1];
    HALFTONE_TRY(check_tuples(x, indices, p.batchDims));
    const int last = indices.shape.rank - 1;
    TensorDesc y{x.dtype, {}};
    for (int k = 0; k < last; ++k) y.shape.push_back(indices.shape[k]);
    for (int k = static_cast<int>(p.batchDims + indices.shape[last]); k < x.shape.rank; ++k)
      HALFTONE_TRY(append_axis(y.shape, x.shape[k]));
    HALFTONE_TRY(check_size(y.shape, y.dtype));
    out.push_back(y);
    return {};
  }

  /// Of tuples that name slices of x, here and in scatterNd.
  static Status check_tuples(const TensorDesc& x, const TensorDesc& indices, int64_t batch) {
    HALFTONE_TRY(check_index_dtype(indices));
    const int last = indices.shape.rank - 1;
    if (x.shape.rank == 0 || last < 0)
      return shape_error("x and indices must have rank 1 or more, got x ", x.shape, " and indices ",
                         indices.shape);
    if (batch > std::min(x.shape.rank - 1, last))
      return param_error("batchDims must be less than both ranks, got ", batch, " with x ", x.shape,
                         " and indices ", indices.shape);
    for (int k = 0; k < batch; ++k)
      if (x.shape[k] != indices.shape[k])
        return shape_error("x and indices must agree along the first ", batch, " axes, got x ",
                           x.shape, " and indices ", indices.shape);
    if (indices.shape[last] > x.shape.rank - batch)
      return shape_error("a tuple must have at most ", x.shape.rank - batch,
                         " indices, the axes of x behind batchDims, got indices ", indices.shape,
                         " and x ", x.shape);
    return {};
  }
};

}  // namespace halftone
