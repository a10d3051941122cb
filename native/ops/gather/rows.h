// The rows that gather and scatter walk over, made from shapes.
#pragma once
#include "core/index_fault.h"
#include "core/kernel.h"
#include "ops/gather/gather.h"
#include "ops/gather/indices.h"

namespace halftone {

inline Indices indices_of(const TensorView& t) {
  if (t.dtype == DType::kS64) return {t.as<int64_t>(), nullptr};
  return {nullptr, t.as<int32_t>()};
}

/// Product of sizes [first, end).
inline int64_t product(const Shape& shape, int first, int end) {
  int64_t n = 1;
  for (int k = first; k < end; ++k) n *= shape[k];
  return n;
}

inline AxisRows axis_rows(const TensorView& x, const TensorView& indices, int32_t axis) {
  return {indices_of(indices), indices.elements(), x.shape[axis]};
}

inline TupleRows tuple_rows(const TensorView& x, const TensorView& indices, int64_t batch_dims) {
  const int batch = static_cast<int>(batch_dims), last = indices.shape.rank - 1;
  TupleRows rows;
  rows.indices = indices_of(indices);
  rows.length = indices.shape[last];
  rows.per_batch = product(indices.shape, batch, last);
  const int end = batch + static_cast<int>(rows.length);
  rows.batch_rows = product(x.shape, batch, end);
  for (int k = batch; k < end; ++k) {
    rows.sizes[k - batch] = x.shape[k];
    rows.strides[k - batch] = product(x.shape, k + 1, end);
  }
  return rows;
}

inline ElementRows element_rows(const Shape& x, const TensorView& indices, int32_t axis) {
  ElementRows rows;
  rows.indices = indices_of(indices);
  rows.rank = x.rank;
  broadcast_strides(x, x, rows.strides);
  rows.size = x[axis];
  rows.stride = product(x, axis + 1, x.rank);
  rows.strides[axis] = 0;
  for (int k = 0; k < x.rank; ++k) rows.dims[k] = indices.shape[k];
  return rows;
}

/// Refuses indices out of range: index i counts along axis first_axis + i % axes of x.
inline Status check_range(const TensorView& indices, const Shape& x, int first_axis, int64_t axes) {
  const Indices values = indices_of(indices);
  for (int64_t i = 0; i < indices.elements(); ++i) {
    const int axis = first_axis + static_cast<int>(axes > 1 ? i % axes : 0);
    if (resolve_index(values.at(i), x[axis]) < 0) return index_error(values.at(i), i, axis, x);
  }
  return {};
}

}  // namespace halftone
