#include "ops/quantize/quantize_isa.h"

#include "ops/quantize/rounding.h"

namespace halftone {
namespace HALFTONE_ISA_NS {

// W: float holds all 16-bit codes less a zero point exactly, double all 32-bit ones.
// __restrict: y may be int8_t, which could alias anything and keep the compiler from using vectors.
template <class T, class W, bool kPerElement, bool kHalfAway, bool kMultiply>
static void loop(const QuantizeBlock& b) {
  const float* __restrict x = b.x;
  const float* __restrict scales = b.scale;
  const int32_t* __restrict zero_points = b.zero_point;
  T* __restrict y = static_cast<T*>(b.y);
  const int64_t count = b.count;
  const int32_t low = b.low, high = b.high;
  const float one_scale = kPerElement ? 0 : *scales;
  const int32_t one_zero_point = kPerElement ? 0 : *zero_points;
  for (int64_t i = 0; i < count; ++i) {
    const float scale = kPerElement ? scales[i] : one_scale;
    const int32_t zero_point = kPerElement ? zero_points[i] : one_zero_point;
    const float t = kMultiply ? x[i] * scale : x[i] / scale;
    y[i] = static_cast<T>(quantize_code<kHalfAway>(static_cast<W>(t), zero_point, low, high));
  }
}

template <class T, class W, bool kPerElement>
static void pick(const QuantizeBlock& b) {
  if (b.half_away)
    b.multiply ? loop<T, W, kPerElement, true, true>(b) : loop<T, W, kPerElement, true, false>(b);
  else
    b.multiply ? loop<T, W, kPerElement, false, true>(b) : loop<T, W, kPerElement, false, false>(b);
}

template <class T, class W>
static void pick(const QuantizeBlock& b) {
  b.per_element ? pick<T, W, true>(b) : pick<T, W, false>(b);
}

void quantize_block(const QuantizeBlock& b) {
  switch (b.dtype) {
    case DType::kS8:
      return pick<int8_t, float>(b);
    case DType::kU8:
      return pick<uint8_t, float>(b);
    case DType::kS16:
      return pick<int16_t, float>(b);
    case DType::kU16:
      return pick<uint16_t, float>(b);
    default:
      return pick<int32_t, double>(b);
  }
}

}  // namespace HALFTONE_ISA_NS
}  // namespace halftone
