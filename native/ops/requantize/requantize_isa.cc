#include "ops/requantize/requantize_isa.h"

namespace halftone {
namespace HALFTONE_ISA_NS {

// One sum; S is the type of the scale.
template <RequantizeBlock::Arithmetic kArithmetic, class S>
static inline int32_t code_of(int32_t x, S scale, int32_t zero_point, int32_t low, int32_t high) {
  using B = RequantizeBlock;
  if constexpr (kArithmetic == B::kTfliteDouble) {
    return saturate_code(multiply_tflite_double(x, scale), zero_point, low, high);
  } else if constexpr (kArithmetic == B::kTosa) {
    return saturate_code(multiply_tosa(x, scale), zero_point, low, high);
  } else {
    constexpr bool kHalfAway = kArithmetic == B::kAway32 || kArithmetic == B::kAway64;
    return quantize_code<kHalfAway>(static_cast<S>(x) * scale, zero_point, low, high);
  }
}

// __restrict: y may be int8_t, which could alias anything and keep the compiler from using vectors.
template <class T, bool kPerElement, RequantizeBlock::Arithmetic kArithmetic, class S>
static void loop(const RequantizeBlock& b, const S* __restrict scales) {
  const int32_t* __restrict x = b.x;
  const int32_t* __restrict zero_points = b.zero_point;
  T* __restrict y = static_cast<T*>(b.y);
  const int64_t count = b.count;
  const int32_t low = b.low, high = b.high;
  const S one_scale = *scales;
  const int32_t one_zero_point = *zero_points;
  for (int64_t i = 0; i < count; ++i)
    y[i] = static_cast<T>(code_of<kArithmetic>(x[i], kPerElement ? scales[i] : one_scale,
                                               kPerElement ? zero_points[i] : one_zero_point, low,
                                               high));
}

template <class T, bool kPerElement>
static void pick(const RequantizeBlock& b) {
  using B = RequantizeBlock;
  switch (b.arithmetic) {
    case B::kEven32:
      return loop<T, kPerElement, B::kEven32>(b, b.scale32);
    case B::kAway32:
      return loop<T, kPerElement, B::kAway32>(b, b.scale32);
    case B::kEven64:
      return loop<T, kPerElement, B::kEven64>(b, b.scale64);
    case B::kAway64:
      return loop<T, kPerElement, B::kAway64>(b, b.scale64);
    case B::kTfliteDouble:
      return loop<T, kPerElement, B::kTfliteDouble>(b, b.fixed);
    case B::kTosa:
      return loop<T, kPerElement, B::kTosa>(b, b.fixed);
  }
}

template <class T>
static void pick(const RequantizeBlock& b) {
  b.per_element ? pick<T, true>(b) : pick<T, false>(b);
}

void requantize_block(const RequantizeBlock& b) {
  switch (b.dtype) {
    case DType::kS8:
      return pick<int8_t>(b);
    case DType::kU8:
      return pick<uint8_t>(b);
    case DType::kS16:
      return pick<int16_t>(b);
    default:
      return pick<uint16_t>(b);
  }
}

}  // namespace HALFTONE_ISA_NS
}  // namespace halftone
