#include "ops/conv2d/conv_depthwise_isa.h"

#define HALFTONE_INLINE static inline __attribute__((always_inline))

namespace halftone {
namespace HALFTONE_ISA_NS {
namespace {

// 16 floats in as many registers as they need.
typedef float Vector __attribute__((vector_size(64), aligned(4), may_alias));
constexpr int kLanes = 16;

HALFTONE_INLINE int64_t ceil_div(int64_t a, int64_t b) { return a <= 0 ? 0 : (a - 1) / b + 1; }
HALFTONE_INLINE int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }

// Channels [c, c + kN * 16) of one window, whose taps [first, last) of each row lie inside.
template <int kN>
HALFTONE_INLINE void channels(const DepthwiseRow& p, int64_t start, int64_t first, int64_t last,
                              int64_t c, float* sums) {
  Vector acc[kN];
  for (int v = 0; v < kN; ++v) acc[v] = Vector{};
  for (int64_t r = 0; r < p.rows; ++r) {
    const float* x = p.x + r * p.row_step + (start + first * p.dilation) * p.channels + c;
    const float* w = p.w + (r * p.columns + first) * p.channels + c;
    for (int64_t s = first; s < last; ++s, x += p.dilation * p.channels, w += p.channels)
      for (int v = 0; v < kN; ++v)
        acc[v] =
            acc[v] + reinterpret_cast<const Vector*>(x)[v] * reinterpret_cast<const Vector*>(w)[v];
  }
  for (int v = 0; v < kN; ++v) reinterpret_cast<Vector*>(sums + c)[v] = acc[v];
}

}  // namespace

void depthwise_nhwc(const DepthwiseRow& p, float* sums) {
  for (int64_t o = 0; o < p.out; ++o, sums += p.channels) {
    const int64_t start = o * p.stride - p.before;
    const int64_t first = ceil_div(-start, p.dilation);
    const int64_t last = least(p.columns, ceil_div(p.in - start, p.dilation));
    int64_t c = 0;
    for (; c + 4 * kLanes <= p.channels; c += 4 * kLanes)
      channels<4>(p, start, first, last, c, sums);
    for (; c + kLanes <= p.channels; c += kLanes) channels<1>(p, start, first, last, c, sums);
    for (; c < p.channels; ++c) {
      float acc = 0;
      for (int64_t r = 0; r < p.rows; ++r)
        for (int64_t s = first; s < last; ++s)
          acc = acc + p.x[r * p.row_step + (start + s * p.dilation) * p.channels + c] *
                          p.w[(r * p.columns + s) * p.channels + c];
      sums[c] = acc;
    }
  }
}

void depthwise_nchw(const DepthwiseRow& p, float* __restrict sums) {
  for (int64_t o = 0; o < p.out; ++o) sums[o] = 0;
  for (int64_t r = 0; r < p.rows; ++r)
    for (int64_t s = 0; s < p.columns; ++s) {
      const int64_t tap = s * p.dilation - p.before;  // its column in window 0
      const int64_t first = ceil_div(-tap, p.stride),
                    last = least(p.out, ceil_div(p.in - tap, p.stride));
      const float* x = p.x + r * p.row_step + tap;
      const float w = p.w[r * p.columns + s];
      if (p.stride == 1)
        for (int64_t o = first; o < last; ++o) sums[o] = sums[o] + x[o] * w;
      else if (p.stride == 2)
        for (int64_t o = first; o < last; ++o) sums[o] = sums[o] + x[2 * o] * w;
      else
        for (int64_t o = first; o < last; ++o) sums[o] = sums[o] + x[o * p.stride] * w;
    }
}

}  // namespace HALFTONE_ISA_NS
}  // namespace halftone
