#include "ops/conv2d/conv_depthwise_isa.h"

#include "core/vectors.h"

namespace halftone {
namespace HALFTONE_ISA_NS {
namespace {

// Vectors by reference, because wide ones are no argument of the calling convention everywhere.
struct F32 : Vectors<float> {
  using Stored = float;
  HALFTONE_INLINE Vector weights(const float* w) { return load(w); }
  HALFTONE_INLINE Vector weight(const float* w) {
    return *w - Vector{};
  }  // not Vector{} + *w: -0 stays -0
  HALFTONE_INLINE void add(const Vector& x, const Vector& w, Vector& acc) { acc = acc + x * w; }
  HALFTONE_INLINE void add(float x, float w, float& acc) { acc = acc + x * w; }
};

// A product of 16-bit numbers is one instruction, VPMADDWD, which multiplies and adds pairs: the
// upper halves of the weights are 0. One of 32-bit numbers takes three times as long.
struct S32 : Vectors<uint32_t> {
  using Stored = int32_t;
#if defined(__SSE2__)
  static constexpr uint32_t kWeight = 0xffff;
#else
  static constexpr uint32_t kWeight = 0xffffffff;
#endif
  HALFTONE_INLINE Vector weights(const int32_t* w) { return load(w) & kWeight; }
  HALFTONE_INLINE Vector weight(const int32_t* w) {
    return Vector{} + (static_cast<uint32_t>(*w) & kWeight);
  }
  HALFTONE_INLINE void add(const Vector& x, const Vector& w, Vector& acc) {
#if defined(__AVX512BW__)
    acc += (Vector)_mm512_madd_epi16((__m512i)x, (__m512i)w);
#elif defined(__AVX2__)
    acc += (Vector)_mm256_madd_epi16((__m256i)x, (__m256i)w);
#elif defined(__SSE2__)
    acc += (Vector)_mm_madd_epi16((__m128i)x, (__m128i)w);
#else
    acc += x * w;
#endif
  }
  HALFTONE_INLINE void add(uint32_t x, uint32_t w, uint32_t& acc) { acc += x * w; }
};

#if defined(__AVX512FP16__)
struct F16 : Vectors<_Float16> {
  using Stored = uint16_t;
  HALFTONE_INLINE Vector weights(const uint16_t* w) { return load(w); }
  HALFTONE_INLINE Vector weight(const uint16_t* w) {
    return (Vector)_mm512_set1_epi16(static_cast<int16_t>(*w));
  }
  HALFTONE_INLINE void add(const Vector& x, const Vector& w, Vector& acc) {
    acc = _mm512_fmadd_ph(x, w, acc);
  }
  HALFTONE_INLINE void add(_Float16 x, _Float16 w, _Float16& acc) {
    acc = __builtin_fmaf16(x, w, acc);
  }
};
#endif

// ---- NHWC: vectors of channels ----

HALFTONE_INLINE int64_t ceil_div(int64_t a, int64_t b) { return a <= 0 ? 0 : (a - 1) / b + 1; }
HALFTONE_INLINE int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }

// kN vectors of channels from c on, of one window whose taps [first, last) of each row lie inside.
template <class Ops, int kN, class Row>
HALFTONE_INLINE void channels(const Row& p, int64_t start, int64_t first, int64_t last, int64_t c,
                              typename Ops::Stored* sums) {
  using Vector = typename Ops::Vector;
  Vector acc[kN];
  HALFTONE_UNROLL for (int v = 0; v < kN; ++v) acc[v] = Vector{};
  for (int64_t r = 0; r < p.rows; ++r) {
    const auto* x = p.x + r * p.row_step + (start + first * p.dilation) * p.channels + c;
    const auto* w = p.w + (r * p.columns + first) * p.channels + c;
    for (int64_t s = first; s < last; ++s, x += p.dilation * p.channels, w += p.channels)
      HALFTONE_UNROLL for (int v = 0; v < kN; ++v)
          Ops::add(Ops::load(x + v * Ops::kLanes), Ops::weights(w + v * Ops::kLanes), acc[v]);
  }
  HALFTONE_UNROLL for (int v = 0; v < kN; ++v) Ops::store(sums + c + v * Ops::kLanes, acc[v]);
}

template <class Ops>
void nhwc(const DepthwiseRow<typename Ops::Stored>& p, typename Ops::Stored* sums) {
  typedef typename Ops::Scalar Scalar __attribute__((may_alias));
  constexpr int64_t kLanes = Ops::kLanes;
  const auto* x = reinterpret_cast<const Scalar*>(p.x);
  const auto* w = reinterpret_cast<const Scalar*>(p.w);
  for (int64_t o = 0; o < p.out; ++o, sums += p.channels) {
    const int64_t start = o * p.stride - p.before;
    const int64_t first = start >= 0 ? 0 : ceil_div(-start, p.dilation);
    const int64_t last = start + (p.columns - 1) * p.dilation < p.in
                             ? p.columns
                             : least(p.columns, ceil_div(p.in - start, p.dilation));
    int64_t c = 0;
    for (; c + 4 * kLanes <= p.channels; c += 4 * kLanes)
      channels<Ops, 4>(p, start, first, last, c, sums);
    for (; c + kLanes <= p.channels; c += kLanes) channels<Ops, 1>(p, start, first, last, c, sums);
    if (c == p.channels) continue;
    if (p.channels >= kLanes) {  // the last vector once more, ending with the channels
      channels<Ops, 1>(p, start, first, last, p.channels - kLanes, sums);
      continue;
    }
    for (; c < p.channels; ++c) {
      Scalar acc = 0;
      for (int64_t r = 0; r < p.rows; ++r)
        for (int64_t s = first; s < last; ++s)
          Ops::add(x[r * p.row_step + (start + s * p.dilation) * p.channels + c],
                   w[(r * p.columns + s) * p.channels + c], acc);
      reinterpret_cast<Scalar*>(sums)[c] = acc;
    }
  }
}

// ---- NCHW: vectors of windows ----

// kN vectors of windows from `first` on.
template <class Ops, int kN>
HALFTONE_INLINE void windows(const DepthwiseWindows<typename Ops::Stored>& p, int64_t first,
                             typename Ops::Stored* sums) {
  using Vector = typename Ops::Vector;
  Vector acc[kN];
  HALFTONE_UNROLL for (int v = 0; v < kN; ++v) acc[v] = Vector{};
  for (int64_t t = 0; t < p.taps; ++t) {
    const auto* x = p.x + p.offset[t] + first;
    const Vector weight = Ops::weight(p.w + t);
    HALFTONE_UNROLL for (int v = 0; v < kN; ++v)
        Ops::add(Ops::load(x + v * Ops::kLanes), weight, acc[v]);
  }
  HALFTONE_UNROLL for (int v = 0; v < kN; ++v) Ops::store(sums + first + v * Ops::kLanes, acc[v]);
}

// Eight vectors at a time: that many additions hide the latency of one.
template <class Ops>
void nchw(const DepthwiseWindows<typename Ops::Stored>& p, typename Ops::Stored* sums) {
  constexpr int64_t kLanes = Ops::kLanes;
  static_assert(kLanes <= kDepthwiseWidth);
  int64_t first = 0, left = (p.windows + kLanes - 1) / kLanes;
  for (; left >= 8; left -= 8, first += 8 * kLanes) windows<Ops, 8>(p, first, sums);
  if (left & 4) windows<Ops, 4>(p, first, sums), first += 4 * kLanes;
  if (left & 2) windows<Ops, 2>(p, first, sums), first += 2 * kLanes;
  if (left & 1) windows<Ops, 1>(p, first, sums);
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
