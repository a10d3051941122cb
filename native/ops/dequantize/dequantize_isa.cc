#include "ops/dequantize/dequantize_isa.h"

#include "ops/quantize/rounding.h"

namespace halftone {
namespace HALFTONE_ISA_NS {

// A float32 has 29 fraction bits less than a float64. Cutting them off and setting the last kept
// bit when any was set is rounding to odd; the conversion after it is exact: d * scale is a
// multiple of 2^-149, so it has bits to cut only where it is a normal float32. The product itself
// has at most 48 bits. Infinities and NaN pass.
static inline float product_to_odd(float d, float scale) {
  const double product = static_cast<double>(d) * static_cast<double>(scale);
  uint64_t bits = 0;
  __builtin_memcpy(&bits, &product, sizeof bits);
  const uint64_t cut = bits & 0x1fffffffull;
  bits = (bits ^ cut) | (cut != 0 ? 0x20000000ull : 0);
  double odd = 0;
  __builtin_memcpy(&odd, &bits, sizeof odd);
  return static_cast<float>(odd);
}

// q - zero_point rounded to float32: exact in int32 for 16-bit codes, and in double for 32-bit
// ones.
template <class T>
static inline float difference(T q, int32_t zero_point) {
  if constexpr (sizeof(T) == 4)
    return static_cast<float>(static_cast<double>(q) - static_cast<double>(zero_point));
  return static_cast<float>(static_cast<int32_t>(q) - zero_point);
}

template <class T, bool kPerElement, bool kToOdd>
static void loop(const DequantizeBlock& b) {
  const T* __restrict q = static_cast<const T*>(b.q);
  const float* __restrict scales = b.scale;
  const int32_t* __restrict zero_points = b.zero_point;
  float* __restrict y = b.y;
  const int64_t count = b.count;
  const float one_scale = kPerElement ? 0 : *scales;
  const int32_t one_zero_point = kPerElement ? 0 : *zero_points;
  for (int64_t i = 0; i < count; ++i) {
    const float scale = kPerElement ? scales[i] : one_scale;
    const float d = difference(q[i], kPerElement ? zero_points[i] : one_zero_point);
    y[i] = kToOdd ? product_to_odd(d, scale) : d * scale;
  }
}

template <class T>
static void pick(const DequantizeBlock& b) {
  if (b.per_element)
    b.to_odd ? loop<T, true, true>(b) : loop<T, true, false>(b);
  else
    b.to_odd ? loop<T, false, true>(b) : loop<T, false, false>(b);
}

void dequantize_block(const DequantizeBlock& b) {
  switch (b.dtype) {
    case DType::kS8:
      return pick<int8_t>(b);
    case DType::kU8:
      return pick<uint8_t>(b);
    case DType::kS16:
      return pick<int16_t>(b);
    case DType::kU16:
      return pick<uint16_t>(b);
    default:
      return pick<int32_t>(b);
  }
}

}  // namespace HALFTONE_ISA_NS
}  // namespace halftone
