// dequantize: (q - zero point) * scale, rounded once to the output's type. Memory-bound: sizeof(In)
// + sizeof(Out) bytes per element.
#pragma once
#include <bit>
#include <cmath>

#include "device/channels.h"
#include "device/half.h"
#include "ops/dequantize/dequantize_narrow.h"

namespace halftone {

/// a * b rounded toward zero, where the product of float64 is exact.
HALFTONE_HD float multiply_toward_zero(float a, float b) {
#if defined(__CUDA_ARCH__)
  return __fmul_rz(a, b);
#else
  const double product = static_cast<double>(a) * static_cast<double>(b);
  const float nearest = static_cast<float>(product);
  const bool beyond = std::abs(static_cast<double>(nearest)) > std::abs(product);
  return beyond ? std::bit_cast<float>(std::bit_cast<uint32_t>(nearest) - 1) : nearest;
#endif
}

/// d * scale rounded to odd, for a second rounding to Out, without double arithmetic, which most
/// GPUs do at 1/64 of their rate: a fused multiply-add gives the error of the product that is
/// rounded toward zero, exactly where that is no subnormal number.
template <class Out>
HALFTONE_HD float product_to_odd(float d, float scale) {
  const float product = multiply_toward_zero(d, scale);
  // As float16, all of these are zeros.
  if constexpr (!std::is_same_v<Out, f16>)
    if (d != 0 && std::abs(product) < 0x1p-100f)
      return round_to_odd(static_cast<double>(d) * static_cast<double>(scale));
  const float error = fmaf(d, scale, -product);
  // Of an infinite product the error is NaN.
  return std::abs(error) > 0 ? std::bit_cast<float>(std::bit_cast<uint32_t>(product) | 1) : product;
}

template <class In, class Out>
struct DequantizeElement {
  const float* scale;
  const In* zero_point;  // nullptr: 0

  struct Channel {
    float scale;
    int32_t zero_point;
  };
  __device__ Channel channel(int64_t c) const {
    return {scale[c], zero_point ? static_cast<int32_t>(zero_point[c]) : 0};
  }
  __device__ Out operator()(const Channel& c, In q) const {
    // Exact for 16-bit codes; 32-bit ones are rounded to float32.
    using Difference = std::conditional_t<sizeof(In) == 4, int64_t, int32_t>;
    const float d = static_cast<float>(static_cast<Difference>(q) - c.zero_point);
    if constexpr (sizeof(Out) == sizeof(float)) return d * c.scale;
    return device::from_float<Out>(product_to_odd<Out>(d, c.scale));
  }
};

/// The same of a float8 or float4.
template <class Out>
struct DequantizeNarrow {
  const float* scale;
  const uint8_t* zero_point;  // nullptr: 0
  NarrowFormat format;

  struct Channel {
    float scale, zero;
  };
  __device__ Channel channel(int64_t c) const {
    return {scale[c], zero_point ? narrow::decode(format, zero_point[c]) : 0};
  }
  __device__ Out operator()(const Channel& c, uint8_t q) const {
    const float d = narrow_difference(format, q, c.zero);
    if constexpr (sizeof(Out) == sizeof(float)) return d * c.scale;
    return device::from_float<Out>(product_to_odd<Out>(d, c.scale));
  }
};

}  // namespace halftone
