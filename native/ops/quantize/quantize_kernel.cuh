// quantize: one element through quantize_code() or small_code(). Memory-bound: sizeof(In) +
// sizeof(Out) bytes per element.
#pragma once
#include "device/channels.h"
#include "device/half.h"
#include "ops/quantize/quantize_narrow.h"
#include "ops/quantize/small_code.h"

namespace halftone {

/// saturate(round(x / scale) + zero point) of a float to a code; for device::map_channels.
template <class In, class Out>
struct QuantizeElement {
  const float* scale;
  const Out* zero_point;  // nullptr: 0
  int32_t low, high;
  bool half_away, multiply;

  // float holds all 16-bit codes less a zero point exactly, double all 32-bit ones.
  static constexpr bool kSmall = sizeof(Out) <= 2;
  // Six blocks' reads of float32 keep an H200 busy, five only just.
  static constexpr int kResident = kSmall ? 6 : 1;

  struct Channel {
    QuickDivisor scale;
    int32_t zero_point;
  };
  __device__ Channel channel(int64_t c) const {
    return {{scale[c], 0}, zero_point ? static_cast<int32_t>(zero_point[c]) : 0};
  }
  /// Of several elements: their divisions are made by one reciprocal.
  __device__ Channel run(int64_t c) const {
    Channel one = channel(c);
    if (kSmall && !multiply) one.scale = quick_divisor(one.scale.divisor);
    return one;
  }
  __device__ Out operator()(const Channel& c, In x) const {
    const float v = device::to_float(x);
    if constexpr (kSmall) {
      const float t = multiply ? v * c.scale.divisor : quotient(v, c.scale);
      return static_cast<Out>(half_away ? small_code<true>(t, c.zero_point, low, high)
                                        : small_code<false>(t, c.zero_point, low, high));
    } else {
      const double t = multiply ? v * c.scale.divisor : v / c.scale.divisor;
      return static_cast<Out>(half_away ? quantize_code<true>(t, c.zero_point, low, high)
                                        : quantize_code<false>(t, c.zero_point, low, high));
    }
  }
  /// All of a pack: what is to be done is asked once.
  template <int kPack>
    requires(kSmall)
  __device__ void pack(const Channel& c, const device::Pack<In, kPack>& from,
                       device::Pack<Out, kPack>* to) const {
    float t[kPack];
    for (int j = 0; j < kPack; ++j) t[j] = device::to_float(from.v[j]);
    if (multiply)
      for (int j = 0; j < kPack; ++j) t[j] *= c.scale.divisor;
    else if (c.scale.inverse != 0)
      for (int j = 0; j < kPack; ++j) t[j] = quick_quotient(t[j], c.scale);
    else
      for (int j = 0; j < kPack; ++j) t[j] /= c.scale.divisor;
    if (half_away)
      for (int j = 0; j < kPack; ++j)
        to->v[j] = static_cast<Out>(small_code<true>(t[j], c.zero_point, low, high));
    else
      for (int j = 0; j < kPack; ++j)
        to->v[j] = static_cast<Out>(small_code<false>(t[j], c.zero_point, low, high));
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
