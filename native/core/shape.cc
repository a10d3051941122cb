#include "core/shape.h"

namespace halftone {

Status check_size(const Shape& shape, DType dtype) {
  int64_t bytes = size_of(dtype);
  for (int i = 0; i < shape.rank; ++i) {
    if (shape[i] < 0) return shape_error("shape must not have negative sizes, got ", shape);
    if (shape[i] == 0) return {};
  }
  for (int i = 0; i < shape.rank; ++i)
    if (__builtin_mul_overflow(bytes, shape[i], &bytes))
      return shape_error("shape ", shape, " of ", name(dtype), " does not fit into 2^63 bytes");
  return {};
}

Status broadcast(const Shape& a, const char* a_name, const Shape& b, const char* b_name,
                 Shape* out) {
  Shape result;
  result.rank = a.rank > b.rank ? a.rank : b.rank;
  for (int i = 0; i < result.rank; ++i) {
    const int ia = i - (result.rank - a.rank), ib = i - (result.rank - b.rank);
    const int64_t da = ia < 0 ? 1 : a[ia], db = ib < 0 ? 1 : b[ib];
    if (da != db && da != 1 && db != 1)
      return shape_error(a_name, " and ", b_name,
                         " must have equal sizes or 1 on each axis from the last, got ", a_name,
                         " ", a, " and ", b_name, " ", b);
    result.dims[i] = da == 1 ? db : da;
  }
  *out = result;
  return {};
}

Status normalize_axis(int64_t axis, int32_t rank, const char* argument, int32_t* out) {
  if (axis < -rank || axis >= rank)
    return param_error(argument, " must lie in [", -rank, ", ", rank - 1, "] for a tensor of rank ",
                       rank, ", got ", axis);
  *out = static_cast<int32_t>(axis < 0 ? axis + rank : axis);
  return {};
}

void broadcast_strides(const Shape& shape, const Shape& out, int64_t strides[kMaxRank]) {
  int64_t step = 1;
  for (int i = out.rank - 1; i >= 0; --i) {
    const int j = i - (out.rank - shape.rank);
    const int64_t d = j < 0 ? 1 : shape[j];
    strides[i] = d == 1 ? 0 : step;
    step *= d;
  }
}

}  // namespace halftone
