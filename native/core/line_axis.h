// What operators along one axis ask of their input.
#pragma once
#include "core/schema.h"

namespace halftone {

/// The axis that `given` names, counted from the end when it is negative; x must hold numbers and
/// have an axis.
inline Status check_line_axis(const TensorDesc& x, int64_t given, int32_t* axis) {
  if (!is_float(x.dtype) && !is_integer(x.dtype))
    return dtype_error("x must be a float or an integer, got ", name(x.dtype));
  if (x.shape.rank == 0) return shape_error("x must have rank 1 or more, got x ", x.shape);
  return normalize_axis(given, x.shape.rank, "axis", axis);
}

}  // namespace halftone
