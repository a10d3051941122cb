// The multipliers of requantize's integer variants, made by the host on every backend.
#pragma once
#include <vector>

#include "core/kernel.h"
#include "ops/quantize/rounding.h"
#include "ops/requantize/requantize.h"

namespace halftone {

inline bool is_fixed_point(RequantizeVariant v) {
  return v == RequantizeVariant::kTfliteDouble || v == RequantizeVariant::kTosa;
}

/// One multiplier for each scale. There is no fraction and shift for a number that is negative, not
/// finite or beyond the variant's shifts.
template <class S>
Status fixed_points(RequantizeVariant variant, const S* scale, int64_t count,
                    std::vector<FixedPoint>* out) {
  const bool tosa = variant == RequantizeVariant::kTosa;
  const double end = tosa ? kTosaMultiplierEnd : kTfliteMultiplierEnd;
  for (int64_t i = 0; i < count; ++i) {
    const double m = static_cast<double>(scale[i]);
    if (!(m >= 0 && m < end))
      return param_error("scale[", i, "] must lie in [0, 2^", tosa ? 29 : 30, ") for variant '",
                         tosa ? "tosa" : "tflite-double", "', got ", m);
    out->push_back(tosa ? fixed_point_tosa(m) : fixed_point_tflite(m));
  }
  return {};
}

}  // namespace halftone
