// The geometry of a reduction: axes merged, and a walk over some of them.
#pragma once
#include "core/shape.h"

namespace halftone {

/// Some axes of a dense tensor, walked in index order: the offset of each position.
struct Walk {
  int count = 0;
  int64_t dims[kMaxRank] = {}, strides[kMaxRank] = {}, at[kMaxRank] = {};
  int64_t offset = 0;

  void push(int64_t dim, int64_t stride) {
    dims[count] = dim;
    strides[count++] = stride;
  }
  int64_t positions() const {
    int64_t n = 1;
    for (int i = 0; i < count; ++i) n *= dims[i];
    return n;
  }
  void seek(int64_t position) {
    offset = 0;
    for (int i = count - 1; i >= 0; --i) {
      at[i] = position % dims[i];
      position /= dims[i];
      offset += at[i] * strides[i];
    }
  }
  /// Positions from this one to the end of the last axis.
  int64_t run() const { return count ? dims[count - 1] - at[count - 1] : 1; }
  /// Steps over n <= run() positions.
  void advance(int64_t n) {
    if (count == 0) return;
    int i = count - 1;
    at[i] += n;
    offset += n * strides[i];
    while (at[i] == dims[i] && i > 0) {
      offset -= at[i] * strides[i];
      at[i] = 0;
      --i;
      ++at[i];
      offset += strides[i];
    }
  }
};

/// A reduction of a non-empty tensor. `columns` are the elements of the last axis when it is kept,
/// neighbours in memory, else 1; each position of `kept` has so many results, each of `terms` terms
/// at the positions of `reduced`.
struct ReducePlan {
  Walk kept, reduced;
  int64_t columns = 1, terms = 1, results = 1;

  ReducePlan(const Shape& shape, const bool is_reduced[kMaxRank]) {
    // Neighbours with the same fate become one axis; axes of size 1 have none.
    int64_t dims[kMaxRank];
    bool fate[kMaxRank];
    int rank = 0;
    for (int i = 0; i < shape.rank; ++i) {
      if (shape[i] == 1) continue;
      if (rank > 0 && fate[rank - 1] == is_reduced[i]) {
        dims[rank - 1] *= shape[i];
      } else {
        dims[rank] = shape[i];
        fate[rank++] = is_reduced[i];
      }
    }
    int outer = rank;
    int64_t strides[kMaxRank], step = 1;
    for (int i = rank - 1; i >= 0; --i) {
      strides[i] = step;
      step *= dims[i];
    }
    if (rank > 0 && !fate[rank - 1]) columns = dims[--outer];
    for (int i = 0; i < outer; ++i) (fate[i] ? reduced : kept).push(dims[i], strides[i]);
    terms = reduced.positions();
    results = kept.positions() * columns;
  }
};

}  // namespace halftone
