// What conv2dInt8 makes of a sum, on every backend.
#pragma once
#include <type_traits>

#include "core/host_device.h"
#include "ops/quantize/rounding.h"

namespace halftone {

/// How a sum becomes a code; for Scale FixedPoint or a float type.
enum class ConvRounding : int32_t { kHalfEven, kHalfAway, kTfliteDouble, kTosa };

/// Bounds and zero point of the codes.
struct ConvCodes {
  int32_t low = 0, high = 0, zero_point = 0;
  ConvRounding rounding = ConvRounding::kHalfEven;
};

/// The code of sum * scale: the lines of requantize.
template <class Scale>
HALFTONE_HD int32_t conv_code(int32_t sum, Scale scale, const ConvCodes& c) {
  if constexpr (std::is_same_v<Scale, FixedPoint>) {
    const int64_t v = c.rounding == ConvRounding::kTosa ? multiply_tosa(sum, scale)
                                                        : multiply_tflite_double(sum, scale);
    return saturate_code(v, c.zero_point, c.low, c.high);
  } else {
    const Scale t = static_cast<Scale>(sum) * scale;
    return c.rounding == ConvRounding::kHalfAway
               ? quantize_code<true>(t, c.zero_point, c.low, c.high)
               : quantize_code<false>(t, c.zero_point, c.low, c.high);
  }
}

/// sum * scale in float32. NaN (of an infinite scale) stays NaN, as conv2d's relu has it.
HALFTONE_HD float conv_real(int32_t sum, float scale, bool relu) {
  const float v = static_cast<float>(sum) * scale;
  return relu && v < 0 ? 0.0f : v;
}

}  // namespace halftone
