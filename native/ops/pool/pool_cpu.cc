#include <limits>

#include "core/kernel.h"
#include "ops/pool/pool.h"

namespace halftone {
namespace {

// Values are compared as integers whose order is that of the values: negative floats have all bits
// but the sign flipped. So one loop serves all dtypes, vectorizes, and treats NaN and -0 the same
// way everywhere.
template <class Bits, int kFractionBits>
struct FloatKey {
  using Storage = Bits;  // signed, to shift the sign down
  static constexpr Bits kMagnitude = std::numeric_limits<Bits>::max();
  static constexpr Bits kInfinity = static_cast<Bits>(kMagnitude >> kFractionBits << kFractionBits);
  static constexpr Bits kLowest = static_cast<Bits>(~kInfinity);
  static constexpr Bits key(Bits b) {
    const Bits ordered = static_cast<Bits>(b ^ (b >> (8 * sizeof(Bits) - 1) & kMagnitude));
    return (b & kMagnitude) > kInfinity ? kMagnitude : ordered;  // NaN: above infinity
  }
  static constexpr Bits value(Bits k) {
    return static_cast<Bits>(k ^ (k >> (8 * sizeof(Bits) - 1) & kMagnitude));
  }
};
template <class T>
struct IntegerKey {
  using Storage = T;
  static constexpr T kLowest = std::numeric_limits<T>::lowest();
  static constexpr T key(T v) { return v; }
  static constexpr T value(T k) { return k; }
};

// One row of windows of one channel.
template <class Key, class S = typename Key::Storage>
void pool_row_nchw(const PoolGeometry& g, const S* plane, int64_t oh, S* y) {
  std::fill_n(y, g.w.out, Key::kLowest);
  const TapRange rows = g.h.taps(oh), used = g.w.used_taps();
  for (int64_t r = rows.first; r < rows.last; ++r) {
    const S* row = plane + (g.h.start(oh) + r * g.h.dilation) * g.x.h;
    for (int64_t s = used.first; s < used.last; ++s) {
      const TapRange columns = g.w.windows_of(s);
      const S* from = row + (s * g.w.dilation - g.w.before);
      for (int64_t ow = columns.first; ow < columns.last; ++ow)
        y[ow] = std::max(y[ow], Key::key(from[ow * g.w.stride]));
    }
  }
  for (int64_t ow = 0; ow < g.w.out; ++ow) y[ow] = Key::value(y[ow]);
}

// One row of windows of all channels.
template <class Key, class S = typename Key::Storage>
void pool_row_nhwc(const PoolGeometry& g, const S* image, int64_t oh, S* y) {
  const TapRange rows = g.h.taps(oh);
  for (int64_t ow = 0; ow < g.w.out; ++ow, y += g.channels) {
    std::fill_n(y, g.channels, Key::kLowest);
    const TapRange columns = g.w.taps(ow);
    for (int64_t r = rows.first; r < rows.last; ++r)
      for (int64_t s = columns.first; s < columns.last; ++s) {
        const S* from = image + (g.h.start(oh) + r * g.h.dilation) * g.x.h +
                        (g.w.start(ow) + s * g.w.dilation) * g.x.w;
        for (int64_t c = 0; c < g.channels; ++c) y[c] = std::max(y[c], Key::key(from[c]));
      }
    for (int64_t c = 0; c < g.channels; ++c) y[c] = Key::value(y[c]);
  }
}

template <class Key, class S = typename Key::Storage>
void pool(const PoolGeometry& g, Layout layout, const KernelContext& context) {
  const S* x = context.in(0).as<S>();
  S* y = context.out().as<S>();
  const bool nchw = layout == Layout::kNCHW;
  const int64_t rows = g.batch * g.h.out * (nchw ? g.channels : 1);
  const int64_t row_size = g.w.out * (nchw ? 1 : g.channels);
  const int64_t work =
      row_size * std::min(g.h.kernel, g.h.in + 1) * std::min(g.w.kernel, g.w.in + 1);
  context.parallel_for(rows, (1 << 16) / std::max<int64_t>(work, 1),
                       [&](int64_t first, int64_t last) {
                         for (int64_t row = first; row < last; ++row) {
                           const S* from = x + row / g.h.out * (nchw ? g.x.c : g.x.n);
                           if (nchw)
                             pool_row_nchw<Key>(g, from, row % g.h.out, y + row * row_size);
                           else
                             pool_row_nhwc<Key>(g, from, row % g.h.out, y + row * row_size);
                         }
                       });
}

Status max_pool2d_cpu(const MaxPool2d::Params& params, const KernelContext& context) {
  PoolGeometry g;
  const TensorView& x = context.in(0);
  HALFTONE_TRY(MaxPool2d::resolve(params, {x.dtype, x.shape}, &g));
  const char* kernel = params.layout == Layout::kNCHW ? "max_pool2d_nchw" : "max_pool2d_nhwc";
  context.made_by(kernel, name(x.dtype), "none", "none");
  if (context.out().elements() == 0) return {};
  switch (x.dtype) {
    case DType::kF32:
      pool<FloatKey<int32_t, 23>>(g, params.layout, context);
      break;
    case DType::kF16:
      pool<FloatKey<int16_t, 10>>(g, params.layout, context);
      break;
    case DType::kBF16:
      pool<FloatKey<int16_t, 7>>(g, params.layout, context);
      break;
    case DType::kS8:
      pool<IntegerKey<int8_t>>(g, params.layout, context);
      break;
    default:
      pool<IntegerKey<uint8_t>>(g, params.layout, context);
      break;
  }
  return {};
}

}  // namespace

std::vector<CpuOp> pool_cpu_ops() { return {cpu_op<MaxPool2d, max_pool2d_cpu>()}; }

}  // namespace halftone
