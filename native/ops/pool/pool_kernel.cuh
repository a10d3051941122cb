// Max pooling. Values are compared as integers, keys, whose order is that of the values (see
// pool_isa.h); so NaN, infinities and signed zeros come out with the CPU's bits.
#pragma once
#include "device/device.h"
#include "device/divide.h"
#include "ops/pool/pool.h"

namespace halftone {

/// Negative floats have all bits but the sign flipped; NaN is the largest key.
template <class Bits, int kFractionBits>
struct PoolFloatKey {
  using Storage = Bits;
  static constexpr int kSignBit = 8 * sizeof(Bits) - 1;
  static constexpr Bits kMagnitude = static_cast<Bits>((uint64_t{1} << kSignBit) - 1);
  static constexpr Bits kInfinity = static_cast<Bits>(kMagnitude >> kFractionBits << kFractionBits);
  static constexpr Bits kLowest = static_cast<Bits>(~kInfinity);  // of -Infinity
  __device__ static Bits key(Bits b) {
    return (b & kMagnitude) > kInfinity ? kMagnitude : value(b);
  }
  __device__ static Bits value(Bits k) {
    return static_cast<Bits>(k ^ (k >> kSignBit & kMagnitude));
  }
};
template <class T, T kLeast>
struct PoolIntegerKey {
  using Storage = T;
  static constexpr T kLowest = kLeast;
  __device__ static T key(T v) { return v; }
  __device__ static T value(T k) { return k; }
};

// ---- maxima of four bytes at a time ----

/// The greater of each half.
HALFTONE_HD uint32_t greater_halves(uint32_t a, uint32_t b, bool is_signed) {
#if defined(__CUDA_ARCH__)
  return is_signed ? __vmaxs2(a, b) : __vmaxu2(a, b);
#else
  const uint32_t flip = is_signed ? 0x8000u : 0u;
  const auto greater = [&](uint32_t x, uint32_t y) { return (x ^ flip) > (y ^ flip) ? x : y; };
  return greater(a & 0xffffu, b & 0xffffu) | greater(a >> 16, b >> 16) << 16;
#endif
}

template <class Key>
struct PoolWord;

/// Bytes 1 and 3 are the upper ones of the halves as they are, bytes 0 and 2 after a shift. What
/// lies below decides only between equal ones.
template <class T, T kLeast>
struct PoolWord<PoolIntegerKey<T, kLeast>> {
  static constexpr uint32_t kStart = 0x01010101u * static_cast<uint8_t>(kLeast);
  uint32_t odd = kStart, even = kStart;
  __device__ void take(uint32_t w) {
    odd = greater_halves(odd, w, std::is_signed_v<T>);
    even = greater_halves(even, w << 8, std::is_signed_v<T>);
  }
  __device__ uint32_t result() const { return (odd & 0xff00ff00u) | (even >> 8 & 0x00ff00ffu); }
};

/// Two 16-bit floats. sm_80 has the maximum that IEEE 754-2019 calls so: NaN (0x7fff) if either is,
/// and +0 above -0.
template <int kFractionBits>
struct PoolWord<PoolFloatKey<int16_t, kFractionBits>> {
  using Key = PoolFloatKey<int16_t, kFractionBits>;
  static constexpr uint32_t kStart = 0x10001u * (0x8000u | static_cast<uint16_t>(Key::kInfinity));
  uint32_t best = kStart;
  __device__ void take(uint32_t w) {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 800
    if constexpr (kFractionBits == 10)
      asm("max.NaN.f16x2 %0, %0, %1;" : "+r"(best) : "r"(w));
    else
      asm("max.NaN.bf16x2 %0, %0, %1;" : "+r"(best) : "r"(w));
#else
    const auto greater = [](uint32_t a, uint32_t b) {
      const int16_t x = Key::key(static_cast<int16_t>(a)), y = Key::key(static_cast<int16_t>(b));
      return static_cast<uint32_t>(static_cast<uint16_t>(Key::value(x > y ? x : y)));
    };
    best = greater(best, w) | greater(best >> 16, w >> 16) << 16;
#endif
  }
  __device__ uint32_t result() const { return best; }
};

/// The running maxima of kWide values.
template <class Key, int kWide>
struct PoolPack {
  using S = typename Key::Storage;
  device::Pack<S, kWide> best;
  __device__ PoolPack() {
    for (int j = 0; j < kWide; ++j) best.v[j] = Key::kLowest;
  }
  __device__ void take(const S* at) {
    const auto v = *reinterpret_cast<const device::Pack<S, kWide>*>(at);
    for (int j = 0; j < kWide; ++j) {
      const S k = Key::key(v.v[j]);
      best.v[j] = k > best.v[j] ? k : best.v[j];
    }
  }
  __device__ void put(S* to) {
    for (int j = 0; j < kWide; ++j) best.v[j] = Key::value(best.v[j]);
    *reinterpret_cast<device::Pack<S, kWide>*>(to) = best;
  }
};
template <class Key, int kWide>
  requires(kWide > 1 && sizeof(typename Key::Storage) <= 2)
struct PoolPack<Key, kWide> {
  using S = typename Key::Storage;
  using Words = device::Pack<uint32_t, kWide * sizeof(S) / 4>;
  PoolWord<Key> best[kWide * sizeof(S) / 4];
  __device__ void take(const S* at) {
    const Words w = *reinterpret_cast<const Words*>(at);
    for (size_t j = 0; j < std::size(w.v); ++j) best[j].take(w.v[j]);
  }
  __device__ void put(S* to) {
    Words w;
    for (size_t j = 0; j < std::size(w.v); ++j) w.v[j] = best[j].result();
    *reinterpret_cast<Words*>(to) = w;
  }
};

// ---- windows ----

/// Division in positions of type I: 32 bits, where all fit, take a third of the instructions.
template <class I>
using PoolDivisor = std::conditional_t<sizeof(I) == 4, device::Divider, device::Divisor>;
HALFTONE_HD int32_t pool_quotient(const device::Divider& by, int32_t n) {
  return static_cast<int32_t>(by.quotient(static_cast<uint32_t>(n)));
}
HALFTONE_HD int64_t pool_quotient(const device::Divisor& by, int64_t n) {
  return device::quotient(by, n);
}

/// One spatial axis, as WindowAxis.
template <class I>
struct PoolAxis {
  I in = 0, kernel = 0, stride = 0, dilation = 0, before = 0, out = 0;
  PoolDivisor<I> by_dilation, by_out;
  int64_t step = 0;  // from tap to tap, in elements
};

/// PoolGeometry with its divisions and steps prepared.
template <class I>
struct PoolWindows {
  PoolAxis<I> h, w;
  int64_t image = 0, row = 0, column = 0;  // in x, in elements: of planes or images, rows, columns
  PoolDivisor<I> channel_packs;
  I packs = 0;  // of channels: what channel_packs divides by
  I items = 0;  // results, or packs of them
};

/// The taps of a window that lie in the image: `count` of them from position `first` on, `dilation`
/// apart.
template <class I>
struct PoolTaps {
  I first;
  int32_t count;  // below 2^31: they lie in the image
};
template <class I>
__device__ PoolTaps<I> pool_taps(const PoolAxis<I>& a, I window) {
  const I begin = window * a.stride - a.before;
  const I first = begin >= 0 ? 0 : pool_quotient(a.by_dilation, -begin - 1) + 1;
  const I fit = begin >= a.in ? 0 : pool_quotient(a.by_dilation, a.in - begin - 1) + 1;
  const I last = fit < a.kernel ? fit : a.kernel;
  return {begin + first * a.dilation, static_cast<int32_t>(last > first ? last - first : 0)};
}

/// One thread for each result, neighbours in a row of the output.
template <class Key, class I>
__global__ void __launch_bounds__(256)
    max_pool2d_nchw(const typename Key::Storage* x, typename Key::Storage* y, PoolWindows<I> p) {
  using S = typename Key::Storage;
  const int64_t threads = static_cast<int64_t>(gridDim.x) * blockDim.x;
  for (int64_t n = static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x; n < p.items;
       n += threads) {
    const I i = static_cast<I>(n);
    const I row = pool_quotient(p.w.by_out, i), ow = i - row * p.w.out;
    const I plane = pool_quotient(p.h.by_out, row), oh = row - plane * p.h.out;
    const PoolTaps<I> rows = pool_taps(p.h, oh), columns = pool_taps(p.w, ow);
    const S* line = x + plane * p.image + rows.first * p.row + columns.first;
    S best = Key::kLowest;
    for (int32_t r = 0; r < rows.count; ++r) {
      const S* at = line;
      for (int32_t s = 0; s < columns.count; ++s) {
        const S k = Key::key(*at);
        best = k > best ? k : best;
        at += p.w.step;
      }
      line += p.h.step;
    }
    y[n] = Key::value(best);
  }
}

/// One thread for kWide neighbouring channels of a result: 16 bytes, aligned, or 1.
template <class Key, int kWide, class I>
__global__ void __launch_bounds__(256)
    max_pool2d_nhwc(const typename Key::Storage* x, typename Key::Storage* y, PoolWindows<I> p) {
  using S = typename Key::Storage;
  const int64_t threads = static_cast<int64_t>(gridDim.x) * blockDim.x;
  for (int64_t n = static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x; n < p.items;
       n += threads) {
    const I i = static_cast<I>(n);
    const I pixel = pool_quotient(p.channel_packs, i);
    const I c = (i - pixel * p.packs) * kWide;
    const I row = pool_quotient(p.w.by_out, pixel), ow = pixel - row * p.w.out;
    const I image = pool_quotient(p.h.by_out, row), oh = row - image * p.h.out;
    const PoolTaps<I> rows = pool_taps(p.h, oh), columns = pool_taps(p.w, ow);
    const S* line = x + image * p.image + rows.first * p.row + columns.first * p.column + c;
    PoolPack<Key, kWide> best;
    for (int32_t r = 0; r < rows.count; ++r) {
      const S* at = line;
      for (int32_t s = 0; s < columns.count; ++s) {
        best.take(at);
        at += p.w.step;
      }
      line += p.h.step;
    }
    best.put(y + n * kWide);
  }
}

}  // namespace halftone
