// Where indices point to: the same on the CPU and on devices, for gather and scatter.
#pragma once
#include "core/shape.h"

namespace halftone {

/// A tensor of int64 or int32: one of the pointers.
struct Indices {
  const int64_t* wide = nullptr;
  const int32_t* narrow = nullptr;

  constexpr int64_t at(int64_t i) const { return wide ? wide[i] : narrow[i]; }
};

/// An index of an axis of n elements, counted from the front; -1 when there is no such element.
constexpr int64_t resolve_index(int64_t index, int64_t n) {
  const int64_t found = index < 0 ? index + n : index;
  return found >= 0 && found < n ? found : -1;
}

/// x as [outer, size, inner] around an axis, whose slices are rows: row r of y is x's row
/// source(r); where that is -1, the index at flat position fault(r) is out of range.
struct AxisRows {
  Indices indices;
  int64_t count = 0;  // of indices
  int64_t size = 0;

  constexpr int64_t source(int64_t r) const {
    const int64_t at = resolve_index(indices.at(r % count), size);
    return at < 0 ? -1 : r / count * size + at;
  }
  constexpr int64_t fault(int64_t r) const { return r % count; }
};

/// Tuples of `length` indices: tuple r names a row of x, which has `batch_rows` of them for each
/// entry of the axes that both share. source and fault as AxisRows.
struct TupleRows {
  Indices indices;
  int64_t length = 0;
  int64_t per_batch = 1;   // tuples
  int64_t batch_rows = 1;  // rows of x
  int64_t sizes[kMaxRank] = {};
  int64_t strides[kMaxRank] = {};  // in rows

  constexpr int64_t source(int64_t r) const {
    int64_t row = r / per_batch * batch_rows;
    for (int64_t k = 0; k < length; ++k) {
      const int64_t at = resolve_index(indices.at(r * length + k), sizes[k]);
      if (at < 0) return -1;
      row += at * strides[k];
    }
    return row;
  }
  constexpr int64_t fault(int64_t r) const {
    int64_t k = 0;
    while (k + 1 < length && resolve_index(indices.at(r * length + k), sizes[k]) >= 0) ++k;
    return r * length + k;
  }
};

/// Places that differ from those of x along one axis, where an index says which. source and fault
/// as AxisRows.
struct ElementRows {
  Indices indices;
  int32_t rank = 0;
  int64_t dims[kMaxRank] = {};     // of indices
  int64_t strides[kMaxRank] = {};  // of x; 0 along the axis
  int64_t size = 0, stride = 0;    // of x along the axis

  /// The element of x that flat position r of the indices belongs to, with index 0 along the axis.
  constexpr int64_t start(int64_t r) const {
    int64_t at = 0;
    for (int k = rank - 1; k >= 0; --k) {
      at += r % dims[k] * strides[k];
      r /= dims[k];
    }
    return at;
  }
  constexpr int64_t source(int64_t r) const {
    const int64_t at = resolve_index(indices.at(r), size);
    return at < 0 ? -1 : start(r) + at * stride;
  }
  constexpr int64_t fault(int64_t r) const { return r; }
};

}  // namespace halftone
