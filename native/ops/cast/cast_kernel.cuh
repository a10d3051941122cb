// cast: one element after the other through cast_value(), several per thread and step.
// Memory-bound: sizeof(From) + sizeof(To) bytes per element.
#pragma once
#include "core/narrow.h"
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
    else if constexpr (sizeof(From) <= 2 || std::is_same_v<To, f16>)
      // Exact in float32 to 2^24. What lies beyond is infinite as float16, rounded or not.
      return device::from_float<To>(static_cast<float>(x));
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

/// A float32 that rounds to a narrow float as x itself does.
template <class From>
HALFTONE_HD float nearly_float(From x) {
  if constexpr (std::is_same_v<From, Bool>)
    return x.value != 0 ? 1.0f : 0.0f;
  else if constexpr (is_16_bit_float<From>)
    return device::to_float(x);
  else if constexpr (std::is_same_v<From, float>)
    return x;
  else if constexpr (std::is_same_v<From, double>)
    return round_to_odd(x);
  else if constexpr (sizeof(From) <= 2)
    return static_cast<float>(x);
  else
    return round_to_odd(odd_double(static_cast<Widest<From>>(x)));
}

/// One number to a code.
template <class From>
HALFTONE_HD uint8_t narrow_code(const NarrowFormat& f, From x, bool saturate,
                                PowerRounding rounding) {
  if (f.kind == NarrowKind::kSigned)
    return narrow::encode_integer(f, cast_one<int8_t>(x, saturate), saturate);
  if (f.kind == NarrowKind::kUnsigned)
    return narrow::encode_integer(f, cast_one<uint8_t>(x, saturate), saturate);
  return narrow::encode(f, nearly_float(x), saturate, rounding);
}

/// x: n numbers, y: n codes. As the next ones: memory-bound, and rare enough for one element at a
/// time.
template <class From>
__global__ void __launch_bounds__(256)
    cast_to_narrow(const From* x, uint8_t* y, NarrowFormat to, bool saturate,
                   PowerRounding rounding, int64_t n) {
  const int64_t threads = static_cast<int64_t>(gridDim.x) * blockDim.x;
  for (int64_t i = static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x; i < n; i += threads)
    y[i] = narrow_code(to, x[i], saturate, rounding);
}

template <class To>
__global__ void __launch_bounds__(256)
    cast_from_narrow(const uint8_t* x, To* y, NarrowFormat from, bool saturate, int64_t n) {
  const int64_t threads = static_cast<int64_t>(gridDim.x) * blockDim.x;
  for (int64_t i = static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x; i < n; i += threads)
    y[i] = cast_one<To>(narrow::decode(from, x[i]), saturate);
}

/// From one narrow type to another.
static __global__ void __launch_bounds__(256)
    recode_narrow(const uint8_t* x, uint8_t* y, NarrowFormat from, NarrowFormat to, bool saturate,
                  PowerRounding rounding, int64_t n) {
  const int64_t threads = static_cast<int64_t>(gridDim.x) * blockDim.x;
  for (int64_t i = static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x; i < n; i += threads)
    y[i] = narrow_code(to, narrow::decode(from, x[i]), saturate, rounding);
}

/// The low bits as elements of another type of as many bits.
static __global__ void __launch_bounds__(256)
    rewrap_narrow(const uint8_t* x, uint8_t* y, NarrowFormat to, int64_t n) {
  const int64_t threads = static_cast<int64_t>(gridDim.x) * blockDim.x;
  for (int64_t i = static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x; i < n; i += threads)
    y[i] = narrow::wrapped(to, x[i]);
}

}  // namespace halftone
