// The order in which updates are applied: lines of updates, each from its first to its last. Lines
// never meet in an element, so that they may run side by side; within a line, owners may share the
// elements, each applying all updates of its own.
#pragma once
#include "ops/gather/rows.h"

namespace halftone {

/// Lines along the axis of the indices: line l has `count` updates, of elements of one line of x.
struct ElementLines {
  ElementRows rows;
  int64_t lines = 0, count = 0, step = 0;  // step: between updates of a line

  /// The first update of line l.
  constexpr int64_t first(int64_t l) const { return l / step * step * count + l % step; }
  /// Where update j of the line whose first is at `first` goes; -1: nowhere.
  constexpr int64_t target(int64_t first, int64_t j, int64_t start) const {
    const int64_t at = resolve_index(rows.indices.at(first + j * step), rows.size);
    return at < 0 ? -1 : start + at * rows.stride;
  }
  constexpr int64_t start(int64_t first) const { return rows.start(first); }
  /// The flat position of the index that is out of range where target() is -1.
  constexpr int64_t fault(int64_t first, int64_t j) const { return rows.fault(first + j * step); }
};

inline ElementLines element_lines(const TensorView& x, const TensorView& indices, int32_t axis) {
  ElementLines lines;
  lines.rows = element_rows(x.shape, indices, axis);
  lines.count = indices.shape[axis];
  lines.step = product(indices.shape, axis + 1, indices.shape.rank);
  lines.lines = product(indices.shape, 0, axis) * lines.step;
  return lines;
}

/// Lines through all tuples: line l is element l of every slice.
struct SliceLines {
  TupleRows rows;
  int64_t lines = 0, count = 0, step = 0;

  constexpr int64_t first(int64_t l) const { return l; }
  constexpr int64_t target(int64_t first, int64_t j, int64_t) const {
    const int64_t row = rows.source(j);
    return row < 0 ? -1 : row * step + first;
  }
  constexpr int64_t start(int64_t) const { return 0; }
  constexpr int64_t fault(int64_t, int64_t j) const { return rows.fault(j); }
};

inline SliceLines slice_lines(const TensorView& x, const TensorView& indices) {
  const int last = indices.shape.rank - 1;
  SliceLines lines;
  lines.rows = tuple_rows(x, indices, 0);
  lines.count = product(indices.shape, 0, last);
  lines.lines = lines.step = product(x.shape, static_cast<int>(indices.shape[last]), x.shape.rank);
  return lines;
}

}  // namespace halftone
