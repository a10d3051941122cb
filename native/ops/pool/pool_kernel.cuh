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

/// PoolGeometry with its divisions and steps prepared.
struct PoolWindows {
  PoolGeometry g;
  device::Divisor out_h, out_w, dilation_h, dilation_w, channel_packs;
  int64_t step_h = 0, step_w = 0;  // from tap to tap, in elements
  int64_t items = 0;               // results, or packs of them
};

/// The taps of a window that lie in the image: `count` of them from position `first` on, `dilation`
/// apart.
struct PoolTaps {
  int64_t first;
  int32_t count;  // below 2^31: they lie in the image
};
__device__ inline PoolTaps pool_taps(const WindowAxis& a, const device::Divisor& dilation,
                                     int64_t window) {
  const int64_t begin = a.start(window);
  const int64_t first = begin >= 0 ? 0 : device::quotient(dilation, -begin - 1) + 1;
  const int64_t fit = begin >= a.in ? 0 : device::quotient(dilation, a.in - begin - 1) + 1;
  const int64_t last = fit < a.kernel ? fit : a.kernel;
  return {begin + first * a.dilation, static_cast<int32_t>(last > first ? last - first : 0)};
}

/// One thread for each result, neighbours in a row of the output.
template <class Key>
__global__ void __launch_bounds__(256)
    max_pool2d_nchw(const typename Key::Storage* x, typename Key::Storage* y, PoolWindows p) {
  using S = typename Key::Storage;
  const int64_t threads = static_cast<int64_t>(gridDim.x) * blockDim.x;
  for (int64_t i = static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x; i < p.items;
       i += threads) {
    const int64_t row = device::quotient(p.out_w, i), ow = i - row * p.g.w.out;
    const int64_t plane = device::quotient(p.out_h, row), oh = row - plane * p.g.h.out;
    const PoolTaps rows = pool_taps(p.g.h, p.dilation_h, oh);
    const PoolTaps columns = pool_taps(p.g.w, p.dilation_w, ow);
    const S* line = x + plane * p.g.x.c + rows.first * p.g.x.h + columns.first;
    S best = Key::kLowest;
    for (int32_t r = 0; r < rows.count; ++r) {
      const S* at = line;
      for (int32_t s = 0; s < columns.count; ++s) {
        const S k = Key::key(*at);
        best = k > best ? k : best;
        at += p.step_w;
      }
      line += p.step_h;
    }
    y[i] = Key::value(best);
  }
}

/// One thread for kWide neighbouring channels of a result: 16 bytes, aligned, or 1.
template <class Key, int kWide>
__global__ void __launch_bounds__(256)
    max_pool2d_nhwc(const typename Key::Storage* x, typename Key::Storage* y, PoolWindows p) {
  using S = typename Key::Storage;
  using Wide = device::Pack<S, kWide>;
  const int64_t threads = static_cast<int64_t>(gridDim.x) * blockDim.x;
  for (int64_t i = static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x; i < p.items;
       i += threads) {
    const int64_t pixel = device::quotient(p.channel_packs, i);
    const int64_t c = (i - pixel * p.channel_packs.divisor) * kWide;
    const int64_t row = device::quotient(p.out_w, pixel), ow = pixel - row * p.g.w.out;
    const int64_t image = device::quotient(p.out_h, row), oh = row - image * p.g.h.out;
    const PoolTaps rows = pool_taps(p.g.h, p.dilation_h, oh);
    const PoolTaps columns = pool_taps(p.g.w, p.dilation_w, ow);
    const S* line = x + image * p.g.x.n + rows.first * p.g.x.h + columns.first * p.g.x.w + c;
    Wide best;
    for (int j = 0; j < kWide; ++j) best.v[j] = Key::kLowest;
    for (int32_t r = 0; r < rows.count; ++r) {
      const S* at = line;
      for (int32_t s = 0; s < columns.count; ++s) {
        const Wide v = *reinterpret_cast<const Wide*>(at);
        for (int j = 0; j < kWide; ++j) {
          const S k = Key::key(v.v[j]);
          best.v[j] = k > best.v[j] ? k : best.v[j];
        }
        at += p.step_w;
      }
      line += p.step_h;
    }
    for (int j = 0; j < kWide; ++j) best.v[j] = Key::value(best.v[j]);
    reinterpret_cast<Wide*>(y)[i] = best;
  }
}

}  // namespace halftone
