// cast: one element after the other through cast_value(), several per thread and step.
// Memory-bound: sizeof(From) + sizeof(To) bytes per element.
#pragma once
#include "device/half.h"
#include "ops/cast/cast_value.h"

namespace halftone {

/// cast_value() in the device's instructions where it has them. NaN to a 16-bit float: 0x7fff.
template <class To, class From>
HALFTONE_HD To cast_one(From x, bool saturate) {
  if constexpr (std::is_same_v<From, Bool>) {
    return cast_one<To>(static_cast<uint8_t>(x.value != 0), saturate);
  } else if constexpr (is_16_bit_float<From>) {
    return cast_one<To>(device::to_float(x), saturate);
  } else if constexpr (is_16_bit_float<To>) {
    if constexpr (std::is_same_v<From, float>)
      return device::from_float<To>(x);
    else if constexpr (std::is_same_v<From, double>)
      return device::from_float<To>(round_to_odd(x));
    else if constexpr (sizeof(From) <= 2)
      return device::from_float<To>(static_cast<float>(x));  // 16 bits: exact in float32
    else
      return device::from_float<To>(round_to_odd(odd_double(static_cast<Widest<From>>(x))));
  } else {
    return cast_value<To>(x, saturate);
  }
}

/// Elements per step of a thread: 16 bytes of the wider type.
template <class From, class To>
inline constexpr int kCastPack =
    16 / static_cast<int>(sizeof(From) > sizeof(To) ? sizeof(From) : sizeof(To));

/// x, y: n elements each, not overlapping. With `packs`, both are aligned to 16 bytes.
template <class From, class To>
__global__ void __launch_bounds__(256)
    cast_elements(const From* x, To* y, int64_t n, bool saturate, bool packs) {
  constexpr int kPack = kCastPack<From, To>;
  const int64_t thread = static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  const int64_t threads = static_cast<int64_t>(gridDim.x) * blockDim.x;
  const int64_t whole = packs ? n / kPack : 0;
  for (int64_t i = thread; i < whole; i += threads) {
    const device::Pack<From, kPack> from = reinterpret_cast<const device::Pack<From, kPack>*>(x)[i];
    device::Pack<To, kPack> to;
    for (int j = 0; j < kPack; ++j) to.v[j] = cast_one<To>(from.v[j], saturate);
    reinterpret_cast<device::Pack<To, kPack>*>(y)[i] = to;
  }
  for (int64_t i = whole * kPack + thread; i < n; i += threads) y[i] = cast_one<To>(x[i], saturate);
}

}  // namespace halftone
