// dequantize: (q - zero point) * scale, rounded once to the output's type. Memory-bound: sizeof(In)
// + sizeof(Out) bytes per element.
#pragma once
#include <bit>

#include "device/channels.h"
#include "device/half.h"
#include "ops/dequantize/dequantize_narrow.h"

namespace halftone {

/// d * scale rounded to odd, for a second rounding to 16 bits, without double arithmetic, which
/// most GPUs do at 1/64 of their rate: a fused multiply-add gives the product's error, exactly
/// where that is no subnormal number.
HALFTONE_HD float product_to_odd(float d, float scale) {
  const float product = d * scale;
  if (d == 0) return product;
  const float magnitude = product < 0 ? -product : product;
  // Below, the error may be subnormal; above, the next number may be infinity. NaN comes here too.
  if (!(magnitude >= 0x1p-100f && magnitude < 0x1p127f))
    return round_to_odd(static_cast<double>(d) * static_cast<double>(scale));
  const float error = fmaf(d, scale, -product);
  const uint32_t bits = std::bit_cast<uint32_t>(product);
  if (error == 0 || (bits & 1u) != 0) return product;
  return std::bit_cast<float>((error > 0) == (product > 0) ? bits + 1 : bits - 1);
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
    return device::from_float<Out>(product_to_odd(d, c.scale));
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
    return device::from_float<Out>(product_to_odd(d, c.scale));
  }
};

}  // namespace halftone
