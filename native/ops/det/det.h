#pragma once
#include <cmath>

#include "core/host_device.h"
#include "core/schema.h"

namespace halftone {

/// y [..] = determinants of x [.., n, n].
struct Det {
  static constexpr const char* kName = "det";
  static constexpr const char* kDoc =
      "Determinants of square matrices, by elimination in float64 with row pivots, rounded once. "
      "Of "
      "a matrix without rows 1. ONNX Det-22.";
  static constexpr Port kInputs[] = {{.name = "x", .doc = "[.., n, n], a float"}};
  static constexpr const char* kOutputs[] = {"y"};
  using Params = NoParams;

  static Status infer(const Params&, const Inputs& in, Outputs& out) {
    const TensorDesc& x = in[0];
    if (!is_float(x.dtype)) return dtype_error("x must be a float, got ", name(x.dtype));
    const int rank = x.shape.rank;
    if (rank < 2 || x.shape[rank - 1] != x.shape[rank - 2])
      return shape_error("x must be square matrices [.., n, n], got x ", x.shape);
    HALFTONE_TRY(check_size(x.shape, DType::kF64));
    TensorDesc y{x.dtype, {}};
    for (int k = 0; k < rank - 2; ++k) y.shape.push_back(x.shape[k]);
    out.push_back(y);
    return {};
  }
};

/// The determinant of a [n, n], which is overwritten: the product of the pivots of an elimination
/// that takes the greatest element of each column, the first of equal ones.
HALFTONE_HD double eliminate(double* a, int64_t n) {
  double det = 1;
  for (int64_t k = 0; k < n; ++k) {
    int64_t pivot = k;
    for (int64_t r = k + 1; r < n; ++r)
      if (std::abs(a[r * n + k]) > std::abs(a[pivot * n + k])) pivot = r;
    const double greatest = a[pivot * n + k];
    det *= pivot == k ? greatest : -greatest;
    if (greatest == 0) return det;
    for (int64_t c = k; c < n && pivot != k; ++c) {
      const double moved = a[k * n + c];
      a[k * n + c] = a[pivot * n + c];
      a[pivot * n + c] = moved;
    }
    for (int64_t r = k + 1; r < n; ++r) {
      const double factor = a[r * n + k] / greatest;
      for (int64_t c = k + 1; c < n; ++c) a[r * n + c] -= factor * a[k * n + c];
    }
  }
  return det;
}

}  // namespace halftone
