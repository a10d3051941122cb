#include "ops/conv2d/conv_depthwise_isa.h"

#if defined(__AVX512FP16__)
#include <immintrin.h>
#endif

#define HALFTONE_INLINE static inline __attribute__((always_inline))

namespace halftone {
namespace HALFTONE_ISA_NS {
namespace {

// Vectors of 64 bytes, in as many registers as they need; by reference, because without AVX-512
// they are no argument of the calling convention.
struct F32 {
  using Stored = float;
  typedef float __attribute__((may_alias)) Scalar;
  typedef float Vector __attribute__((vector_size(64), aligned(4), may_alias));
  HALFTONE_INLINE void add(const Vector& x, const Vector& w, Vector& acc) { acc = acc + x * w; }
  HALFTONE_INLINE void add(const Scalar& x, const Scalar& w, Scalar& acc) { acc = acc + x * w; }
};
struct S32 {
  using Stored = int32_t;
  typedef uint32_t __attribute__((may_alias)) Scalar;
  typedef uint32_t Vector __attribute__((vector_size(64), aligned(4), may_alias));
  HALFTONE_INLINE void add(const Vector& x, const Vector& w, Vector& acc) { acc = acc + x * w; }
  HALFTONE_INLINE void add(const Scalar& x, const Scalar& w, Scalar& acc) { acc = acc + x * w; }
};
#if defined(__AVX512FP16__)
struct F16 {
  using Stored = uint16_t;
  typedef _Float16 __attribute__((may_alias)) Scalar;
  typedef _Float16 Vector __attribute__((vector_size(64), aligned(2), may_alias));
  HALFTONE_INLINE void add(const Vector& x, const Vector& w, Vector& acc) {
    acc = _mm512_fmadd_ph(x, w, acc);
  }
  HALFTONE_INLINE void add(const Scalar& x, const Scalar& w, Scalar& acc) {
    acc = __builtin_fmaf16(x, w, acc);
  }
};
#endif

HALFTONE_INLINE int64_t ceil_div(int64_t a, int64_t b) { return a <= 0 ? 0 : (a - 1) / b + 1; }
HALFTONE_INLINE int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }

// kN vectors of channels from c on, of one window whose taps [first, last) of each row lie inside.
template <class Ops, int kN, class Row>
HALFTONE_INLINE void channels(const Row& p, int64_t start, int64_t first, int64_t last, int64_t c,
                              typename Ops::Stored* sums) {
  using Vector = typename Ops::Vector;
  Vector acc[kN];
  for (int v = 0; v < kN; ++v) acc[v] = Vector{};
  for (int64_t r = 0; r < p.rows; ++r) {
    const auto* x = p.x + r * p.row_step + (start + first * p.dilation) * p.channels + c;
    const auto* w = p.w + (r * p.columns + first) * p.channels + c;
    for (int64_t s = first; s < last; ++s, x += p.dilation * p.channels, w += p.channels)
      for (int v = 0; v < kN; ++v)
        Ops::add(reinterpret_cast<const Vector*>(x)[v], reinterpret_cast<const Vector*>(w)[v],
                 acc[v]);
  }
  for (int v = 0; v < kN; ++v) reinterpret_cast<Vector*>(sums + c)[v] = acc[v];
}

template <class Ops>
void nhwc(const DepthwiseRow<typename Ops::Stored>& p, typename Ops::Stored* sums) {
  constexpr int64_t kLanes = sizeof(typename Ops::Vector) / sizeof(typename Ops::Scalar);
  const auto* x = reinterpret_cast<const typename Ops::Scalar*>(p.x);
  const auto* w = reinterpret_cast<const typename Ops::Scalar*>(p.w);
  for (int64_t o = 0; o < p.out; ++o, sums += p.channels) {
    const int64_t start = o * p.stride - p.before;
    const int64_t first = ceil_div(-start, p.dilation);
    const int64_t last = least(p.columns, ceil_div(p.in - start, p.dilation));
    int64_t c = 0;
    for (; c + 4 * kLanes <= p.channels; c += 4 * kLanes)
      channels<Ops, 4>(p, start, first, last, c, sums);
    for (; c + kLanes <= p.channels; c += kLanes) channels<Ops, 1>(p, start, first, last, c, sums);
    for (; c < p.channels; ++c) {
      typename Ops::Scalar acc = 0;
      for (int64_t r = 0; r < p.rows; ++r)
        for (int64_t s = first; s < last; ++s)
          Ops::add(x[r * p.row_step + (start + s * p.dilation) * p.channels + c],
                   w[(r * p.columns + s) * p.channels + c], acc);
      reinterpret_cast<typename Ops::Scalar*>(sums)[c] = acc;
    }
  }
}

template <class Ops>
void nchw(const DepthwiseRow<typename Ops::Stored>& p, typename Ops::Stored* stored) {
  using Vector = typename Ops::Vector;
  using Scalar = typename Ops::Scalar;
  constexpr int64_t kLanes = sizeof(Vector) / sizeof(Scalar);
  auto* __restrict sums = reinterpret_cast<typename Ops::Scalar*>(stored);
  for (int64_t o = 0; o < p.out; ++o) sums[o] = 0;
  for (int64_t r = 0; r < p.rows; ++r)
    for (int64_t s = 0; s < p.columns; ++s) {
      const int64_t tap = s * p.dilation - p.before;  // its column in window 0
      const int64_t last = least(p.out, ceil_div(p.in - tap, p.stride));
      const auto* __restrict x =
          reinterpret_cast<const typename Ops::Scalar*>(p.x) + (r * p.row_step + tap);
      const Scalar w = reinterpret_cast<const typename Ops::Scalar*>(p.w)[r * p.columns + s];
      Vector all;
      for (int i = 0; i < kLanes; ++i) all[i] = w;
      int64_t o = ceil_div(-tap, p.stride);
      if (p.stride == 1)
        for (; o + kLanes <= last; o += kLanes) {
          Vector& sum = *reinterpret_cast<Vector*>(stored + o);
          Ops::add(*reinterpret_cast<const Vector*>(x + o), all, sum);
        }
      for (; o < last; ++o) Ops::add(x[o * p.stride], w, sums[o]);
    }
}

}  // namespace

DepthwiseKernels<float> depthwise_f32() { return {nhwc<F32>, nchw<F32>}; }
DepthwiseKernels<int32_t> depthwise_s32() { return {nhwc<S32>, nchw<S32>}; }
DepthwiseKernels<uint16_t> depthwise_f16() {
#if defined(__AVX512FP16__)
  return {nhwc<F16>, nchw<F16>};
#else
  return {};
#endif
}

}  // namespace HALFTONE_ISA_NS
}  // namespace halftone
