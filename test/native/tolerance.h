// How far a result may lie from the exact one, derived from the arithmetic: no test types an
// epsilon. u is half a unit in the last place relative to 1: 2^-24 float32, 2^-11 float16, 2^-8
// bfloat16.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstdint>

#include "core/dtype.h"
#include "core/field.h"

namespace halftone::test {

inline double unit_roundoff(DType t) {
  if (t == DType::kF16) return 0x1p-11;
  if (t == DType::kBF16) return 0x1p-8;
  return t == DType::kF64 ? 0x1p-53 : 0x1p-24;
}

/// Half of the smallest subnormal (float64: all of it): what rounding may cost near 0.
inline double underflow(DType t) {
  if (t == DType::kF16) return 0x1p-25;
  if (t == DType::kBF16) return 0x1p-134;
  return t == DType::kF64 ? 0x1p-1074 : 0x1p-150;
}

/// One rounding of `y` to `t`. 1.001 covers y itself being off by the error of the sum.
inline double rounding_bound(DType t, double y) {
  return 1.001 * unit_roundoff(t) * std::fabs(y) + underflow(t);
}

/// A sum of `terms` products, stored as `out`. `magnitude` is the sum of the products' absolute
/// values. float32 sums: 4 * sqrt(terms) * u32 * magnitude. float16 sums: min(terms, 8 *
/// sqrt(terms)) * u16 * magnitude. tf32: both operands of each product are off by 2^-11, where they
/// are `cut` instead of rounded by 2^-10; sums as float32.
inline double product_bound(DType out, Compute compute, int64_t terms, double y, double magnitude,
                            bool cut = false) {
  const double n = static_cast<double>(std::max<int64_t>(terms, 1));
  double sum = 4 * std::sqrt(n) * unit_roundoff(DType::kF32) * magnitude;
  if (compute == Compute::kFloat16)
    sum = std::min(n, 8 * std::sqrt(n)) * unit_roundoff(DType::kF16) * magnitude +
          underflow(DType::kF16);
  if (compute == Compute::kTf32) sum += 1.001 * (cut ? 0x1p-9 : 0x1p-10) * magnitude;
  return rounding_bound(out, y) + sum;
}

}  // namespace halftone::test
