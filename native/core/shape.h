// Dimensions of a tensor: a fixed-size value, so that it can cross the backend ABI as it is.
#pragma once
#include <cstdint>
#include <initializer_list>
#include <ostream>
#include <span>

#include "core/dtype.h"
#include "core/status.h"

namespace halftone {

inline constexpr int32_t kMaxRank = 8;

struct Shape {
  int32_t rank = 0;
  int64_t dims[kMaxRank] = {};

  constexpr Shape() = default;
  constexpr Shape(std::initializer_list<int64_t> d) : rank(static_cast<int32_t>(d.size())) {
    int i = 0;
    for (int64_t v : d) dims[i++] = v;
  }
  explicit Shape(std::span<const int64_t> d) : rank(static_cast<int32_t>(d.size())) {
    for (int i = 0; i < rank; ++i) dims[i] = d[static_cast<size_t>(i)];
  }

  constexpr int64_t operator[](int i) const { return dims[i]; }
  constexpr int64_t& operator[](int i) { return dims[i]; }
  constexpr void push_back(int64_t d) { dims[rank++] = d; }

  /// Number of elements; 1 for a scalar. Shapes are checked by check_size() before they reach a
  /// kernel, so the product cannot overflow there.
  constexpr int64_t elements() const {
    int64_t n = 1;
    for (int i = 0; i < rank; ++i) n *= dims[i];
    return n;
  }
  constexpr bool operator==(const Shape& o) const {
    if (rank != o.rank) return false;
    for (int i = 0; i < rank; ++i)
      if (dims[i] != o.dims[i]) return false;
    return true;
  }
};

inline std::ostream& operator<<(std::ostream& s, const Shape& shape) {
  s << '[';
  for (int i = 0; i < shape.rank; ++i) s << (i ? ", " : "") << shape.dims[i];
  return s << ']';
}

/// Refuses negative sizes and shapes whose bytes do not fit into int64.
Status check_size(const Shape& shape, DType dtype);

/// NumPy broadcasting of two shapes: aligned at the last axis, sizes equal or 1.
/// `a_name` and `b_name` name the arguments in the error.
Status broadcast(const Shape& a, const char* a_name, const Shape& b, const char* b_name,
                 Shape* out);

/// Axis in [-rank, rank) -> [0, rank).
Status normalize_axis(int64_t axis, int32_t rank, const char* argument, int32_t* out);

/// Row-major strides in elements; 0 for axes that are broadcast (size 1) against `out`.
/// `shape` is aligned with `out` at the last axis.
void broadcast_strides(const Shape& shape, const Shape& out, int64_t strides[kMaxRank]);

}  // namespace halftone
