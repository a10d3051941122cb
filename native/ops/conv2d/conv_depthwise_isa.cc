#include "ops/conv2d/conv_depthwise_isa.h"

#include "core/simd.h"

namespace halftone {
namespace HALFTONE_ISA_NS {
namespace {

// Vectors of 64, 32 and 16 bytes, in as many registers as they need; by reference, because without
// AVX-512 they are no argument of the calling convention.
#define HALFTONE_VECTORS(type, bits, size)                                               \
  typedef type __attribute__((may_alias)) Scalar;                                        \
  typedef type Vector __attribute__((vector_size(64), aligned(size), may_alias));        \
  typedef type HalfVector __attribute__((vector_size(32), aligned(size), may_alias));    \
  typedef type QuarterVector __attribute__((vector_size(16), aligned(size), may_alias)); \
  /* A template argument would lose the alignment, so that templates take these. */      \
  struct Whole {                                                                         \
    typedef Vector V;                                                                    \
    typedef bits Index __attribute__((vector_size(64)));                                 \
  };                                                                                     \
  struct Half {                                                                          \
    typedef HalfVector V;                                                                \
    typedef bits Index __attribute__((vector_size(32)));                                 \
  };                                                                                     \
  struct Quarter {                                                                       \
    typedef QuarterVector V;                                                             \
    typedef bits Index __attribute__((vector_size(16)));                                 \
  }
#define HALFTONE_ADD(V) \
  HALFTONE_INLINE void add(const V& x, const V& w, V& acc) { acc = acc + x * w; }

struct F32 {
  using Stored = float;
  HALFTONE_VECTORS(float, int32_t, 4);
  HALFTONE_ADD(Vector)
  HALFTONE_ADD(HalfVector)
  HALFTONE_ADD(QuarterVector)
  HALFTONE_ADD(Scalar)
};
struct S32 {
  using Stored = int32_t;
  HALFTONE_VECTORS(uint32_t, int32_t, 4);
  HALFTONE_ADD(Vector)
  HALFTONE_ADD(HalfVector)
  HALFTONE_ADD(QuarterVector)
  HALFTONE_ADD(Scalar)
};
#if defined(__AVX512FP16__)
struct F16 {
  using Stored = uint16_t;
  HALFTONE_VECTORS(_Float16, int16_t, 2);
  HALFTONE_INLINE void add(const Vector& x, const Vector& w, Vector& acc) {
    acc = _mm512_fmadd_ph(x, w, acc);
  }
  HALFTONE_INLINE void add(const HalfVector& x, const HalfVector& w, HalfVector& acc) {
    acc = _mm256_fmadd_ph(x, w, acc);
  }
  HALFTONE_INLINE void add(const QuarterVector& x, const QuarterVector& w, QuarterVector& acc) {
    acc = _mm_fmadd_ph(x, w, acc);
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

// One output, at the edges. Divisions would cost more than the taps that they save.
template <class Ops, class Row>
HALFTONE_INLINE void one(const Row& p, int64_t o, typename Ops::Scalar* sums) {
  const auto* x = reinterpret_cast<const typename Ops::Scalar*>(p.x);
  const auto* w = reinterpret_cast<const typename Ops::Scalar*>(p.w);
  typename Ops::Scalar acc = 0;
  for (int64_t r = 0; r < p.rows; ++r, x += p.row_step, w += p.columns) {
    int64_t at = o * p.stride - p.before;
    for (int64_t s = 0; s < p.columns; ++s, at += p.dilation)
      if (at >= 0 && at < p.in) Ops::add(x[at], w[s], acc);
  }
  sums[o] = acc;
}

// Outputs from o on in vectors, as long as they end before `end`, and all their taps lie inside;
// returns the next one.
template <class Ops, class Width, class Row>
HALFTONE_INLINE int64_t vectors(const Row& p, int64_t o, int64_t end, typename Ops::Scalar* sums) {
  typedef typename Width::V V;
  typedef typename Ops::Scalar Scalar;
  constexpr int64_t kLanes = sizeof(V) / sizeof(Scalar);
  typename Width::Index even;
  for (int i = 0; i < kLanes; ++i) even[i] = i < kLanes / 2 ? 2 * i : 2 * i + 1;
  for (; o + kLanes <= end; o += kLanes) {
    V acc{};
    for (int64_t r = 0; r < p.rows; ++r) {
      const auto* x =
          reinterpret_cast<const Scalar*>(p.x) + (r * p.row_step + o * p.stride - p.before);
      const auto* w = reinterpret_cast<const Scalar*>(p.w) + r * p.columns;
      for (int64_t s = 0; s < p.columns; ++s, x += p.dilation) {
        const V all = w[s] - V{};  // not V{} + w[s]: -0 stays -0
        V at;
        if (p.stride == 1) {
          at = *reinterpret_cast<const V*>(x);
        } else if (p.stride == 2) {  // every other of 2 * kLanes - 1 elements
          const V low = *reinterpret_cast<const V*>(x),
                  high = *reinterpret_cast<const V*>(x + kLanes - 1);
          at = __builtin_shuffle(low, high, even);
        } else {
          for (int i = 0; i < kLanes; ++i) at[i] = x[i * p.stride];
        }
        Ops::add(at, all, acc);
      }
    }
    *reinterpret_cast<V*>(sums + o) = acc;
  }
  return o;
}

template <class Ops>
void nchw(const DepthwiseRow<typename Ops::Stored>& p, typename Ops::Stored* stored) {
  auto* sums = reinterpret_cast<typename Ops::Scalar*>(stored);
  const int64_t first = least(p.out, ceil_div(p.before, p.stride));
  const int64_t end =
      least(p.out, ceil_div(p.in + p.before - (p.columns - 1) * p.dilation, p.stride));
  int64_t o = 0;
  for (; o < first; ++o) one<Ops>(p, o, sums);
  o = vectors<Ops, typename Ops::Whole>(p, o, end, sums);
  o = vectors<Ops, typename Ops::Half>(p, o, end, sums);
  o = vectors<Ops, typename Ops::Quarter>(p, o, end, sums);
  for (; o < p.out; ++o) one<Ops>(p, o, sums);
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
