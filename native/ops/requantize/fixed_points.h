// The multipliers of requantize's integer variants, on every backend.
#pragma once
#include <vector>

#include "core/host_device.h"
#include "core/kernel.h"
#include "ops/quantize/rounding.h"
#include "ops/requantize/requantize.h"

namespace halftone {

inline bool is_fixed_point(RequantizeVariant v) {
  return v == RequantizeVariant::kTfliteDouble || v == RequantizeVariant::kTosa;
}

/// There is no fraction and shift for a number that is negative, not finite or beyond the variant's
/// shifts.
HALFTONE_HD bool has_fixed_point(bool tosa, double m) {
  return m >= 0 && m < (tosa ? double{kTosaMultiplierEnd} : double{kTfliteMultiplierEnd});
}

/// The multiplier of a scale that has one; else 0.
HALFTONE_HD FixedPoint fixed_point_of(bool tosa, double m) {
  if (!has_fixed_point(tosa, m)) return {0, 31};
  return tosa ? fixed_point_tosa(m) : fixed_point_tflite(m);
}

/// Refuses scales without a multiplier.
template <class S>
Status check_fixed_points(RequantizeVariant variant, const S* scale, int64_t count) {
  const bool tosa = variant == RequantizeVariant::kTosa;
  for (int64_t i = 0; i < count; ++i) {
    const double m = static_cast<double>(scale[i]);
    if (!has_fixed_point(tosa, m))
      return param_error("scale[", i, "] must lie in [0, 2^", tosa ? 29 : 30, ") for variant '",
                         tosa ? "tosa" : "tflite-double", "', got ", m);
  }
  return {};
}

/// One multiplier for each scale.
template <class S>
Status fixed_points(RequantizeVariant variant, const S* scale, int64_t count,
                    std::vector<FixedPoint>* out) {
  HALFTONE_TRY(check_fixed_points(variant, scale, count));
  for (int64_t i = 0; i < count; ++i)
    out->push_back(
        fixed_point_of(variant == RequantizeVariant::kTosa, static_cast<double>(scale[i])));
  return {};
}

}  // namespace halftone
