// requantize: one int32 sum through the roundings of ops/quantize/rounding.h. Memory-bound: 4 +
// sizeof(Out) bytes per element.
#pragma once
#include "device/channels.h"
#include "ops/quantize/small_code.h"

namespace halftone {

/// How a sum is multiplied. The scale's type follows: FixedPoint, or float or double.
enum class RequantizeArithmetic : int32_t { kHalfEven, kHalfAway, kTfliteDouble, kTosa };

template <class Scale, class Out>
struct RequantizeElement {
  const Scale* scale;
  const Out* zero_point;  // nullptr: 0
  int32_t low, high;
  RequantizeArithmetic arithmetic;

  struct Channel {
    Scale scale;
    int32_t zero_point;
  };
  __device__ Channel channel(int64_t c) const {
    return {scale[c], zero_point ? static_cast<int32_t>(zero_point[c]) : 0};
  }
  __device__ Out operator()(const Channel& c, int32_t x) const {
    if constexpr (std::is_same_v<Scale, FixedPoint>) {
      const int64_t code = arithmetic == RequantizeArithmetic::kTosa
                               ? multiply_tosa(x, c.scale)
                               : multiply_tflite_double(x, c.scale);
      return static_cast<Out>(saturate_code(code, c.zero_point, low, high));
    } else if constexpr (std::is_same_v<Scale, float>) {
      const float t = static_cast<float>(x) * c.scale;
      return static_cast<Out>(arithmetic == RequantizeArithmetic::kHalfAway
                                  ? small_code<true>(t, c.zero_point, low, high)
                                  : small_code<false>(t, c.zero_point, low, high));
    } else {
      const double t = static_cast<double>(x) * c.scale;
      return static_cast<Out>(arithmetic == RequantizeArithmetic::kHalfAway
                                  ? quantize_code<true>(t, c.zero_point, low, high)
                                  : quantize_code<false>(t, c.zero_point, low, high));
    }
  }
};

}  // namespace halftone
