// quantize: one element through quantize_code(). Memory-bound: sizeof(In) + sizeof(Out) bytes per
// element.
#pragma once
#include "device/channels.h"
#include "device/half.h"
#include "ops/quantize/quantize_narrow.h"
#include "ops/quantize/rounding.h"

namespace halftone {

/// saturate(round(x / scale) + zero point) of a float to a code; for device::map_channels.
template <class In, class Out>
struct QuantizeElement {
  const float* scale;
  const Out* zero_point;  // nullptr: 0
  int32_t low, high;
  bool half_away, multiply;

  struct Channel {
    float scale;
    int32_t zero_point;
  };
  __device__ Channel channel(int64_t c) const {
    return {scale[c], zero_point ? static_cast<int32_t>(zero_point[c]) : 0};
  }
  __device__ Out operator()(const Channel& c, In x) const {
    // float holds all 16-bit codes less a zero point exactly, double all 32-bit ones.
    using W = std::conditional_t<sizeof(Out) == 4, double, float>;
    const float v = device::to_float(x);
    const W t = static_cast<W>(multiply ? v * c.scale : v / c.scale);
    return static_cast<Out>(half_away ? quantize_code<true>(t, c.zero_point, low, high)
                                      : quantize_code<false>(t, c.zero_point, low, high));
  }
};

/// The same to a float8 or float4.
template <class In>
struct QuantizeNarrow {
  const float* scale;
  const uint8_t* zero_point;  // nullptr: 0
  NarrowFormat format;
  bool multiply, saturate;

  struct Channel {
    float scale, zero;
  };
  __device__ Channel channel(int64_t c) const {
    return {scale[c], zero_point ? narrow::decode(format, zero_point[c]) : 0};
  }
  __device__ uint8_t operator()(const Channel& c, In x) const {
    return quantize_narrow(format, device::to_float(x), c.scale, c.zero, multiply, saturate);
  }
};

}  // namespace halftone
