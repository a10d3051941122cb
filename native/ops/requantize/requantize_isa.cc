#include "ops/requantize/requantize_isa.h"

namespace halftone {
namespace HALFTONE_ISA_NS {

template <class T, bool kPerElement, RequantizeBlock::Arithmetic kArithmetic>
static void loop(const RequantizeBlock& b) {
  const int32_t* const x = b.x;
  const int32_t* const zero_point = b.zero_point;
  const int32_t low = b.low, high = b.high;
  T* const y = static_cast<T*>(b.y);
  for (int64_t i = 0; i < b.count; ++i) {
    const int64_t at = kPerElement ? i : 0;
    const int32_t zero = zero_point[at];
    int32_t code = 0;
    if constexpr (kArithmetic == RequantizeBlock::kEven32 ||
                  kArithmetic == RequantizeBlock::kAway32)
      code = quantize_code<kArithmetic == RequantizeBlock::kAway32>(
          static_cast<float>(x[i]) * b.scale32[at], zero, low, high);
    else if constexpr (kArithmetic == RequantizeBlock::kEven64 ||
                       kArithmetic == RequantizeBlock::kAway64)
      code = quantize_code<kArithmetic == RequantizeBlock::kAway64>(
          static_cast<double>(x[i]) * b.scale64[at], zero, low, high);
    else if constexpr (kArithmetic == RequantizeBlock::kTfliteDouble)
      code = saturate_code(multiply_tflite_double(x[i], b.fixed[at]), zero, low, high);
    else
      code = saturate_code(multiply_tosa(x[i], b.fixed[at]), zero, low, high);
    y[i] = static_cast<T>(code);
  }
}

template <class T, bool kPerElement>
static void pick(const RequantizeBlock& b) {
  using B = RequantizeBlock;
  switch (b.arithmetic) {
    case B::kEven32:
      return loop<T, kPerElement, B::kEven32>(b);
    case B::kAway32:
      return loop<T, kPerElement, B::kAway32>(b);
    case B::kEven64:
      return loop<T, kPerElement, B::kEven64>(b);
    case B::kAway64:
      return loop<T, kPerElement, B::kAway64>(b);
    case B::kTfliteDouble:
      return loop<T, kPerElement, B::kTfliteDouble>(b);
    case B::kTosa:
      return loop<T, kPerElement, B::kTosa>(b);
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
