// float16 kernels: each element of the tile is one chain acc = fma_f16(a, b, acc) with k ascending,
// every step rounded once to float16. Operands and sums are float16 values held in float32 (in
// float16 where the CPU computes with it).
#include "core/simd.h"
#include "ops/gemm/gemm_isa.h"

namespace halftone {
namespace HALFTONE_ISA_NS {
namespace {

using Tile = void (*)(const float*, const float*, int64_t, bool, float*, int64_t);

#if defined(__AVX512FP16__)

// The CPU's own float16 FMA: one rounding, subnormals kept whatever MXCSR says of flushing
// (AVX512-FP16 ignores FTZ and DAZ). The panels are narrowed: B to float16, A to pairs of equal
// halves, so that one 32-bit broadcast fills a register.
constexpr const char* kName = "f16_avx512fp16_12x64";
constexpr int kLanes = 32, kRows = 12, kVectors = 2;
constexpr int kWidth = kLanes * kVectors;

HALFTONE_INLINE __m256i narrow(const float* p) {
  return _mm512_cvtps_ph(_mm512_loadu_ps(p), _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}
void prepare_a(float* panel, int64_t kc) {
  // kc * 12 floats; kc need not be even, the panel has room for an even number: see gemm.cc.
  const int64_t n = kc * kRows;
  for (int64_t i = 0; i < n; i += 4) {
    const __m128i h =
        _mm_cvtps_ph(_mm_loadu_ps(panel + i), _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
    _mm_storeu_si128(reinterpret_cast<__m128i*>(panel + i), _mm_unpacklo_epi16(h, h));
  }
}
void prepare_b(float* panel, int64_t kc) {
  uint16_t* to = reinterpret_cast<uint16_t*>(panel);
  for (int64_t i = 0; i < kc * kWidth; i += 16)  // what is written was read before
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(to + i), narrow(panel + i));
}

template <int kR, int kV>
void tile(const float* __restrict af, const float* __restrict bf, int64_t kc, bool first,
          float* __restrict c, int64_t ld) {
  const char* a = reinterpret_cast<const char*>(af);
  const char* b = reinterpret_cast<const char*>(bf);
  __m512h sum[kR][kV];
  HALFTONE_UNROLL for (int r = 0; r < kR; ++r) HALFTONE_UNROLL for (int v = 0; v < kV; ++v) {
    sum[r][v] = _mm512_setzero_ph();
    if (first) continue;
    const float* from = c + r * ld + v * kLanes;
    sum[r][v] = _mm512_castsi512_ph(
        _mm512_inserti64x4(_mm512_castsi256_si512(narrow(from)), narrow(from + 16), 1));
  }
  for (int64_t k = 0; k < kc; ++k) {
    __m512h bk[kV];
    HALFTONE_UNROLL for (int v = 0; v < kV; ++v) bk[v] =
        _mm512_castsi512_ph(_mm512_load_si512(b + v * kLanes * 2));
    HALFTONE_UNROLL for (int r = 0; r < kR; ++r) {
      int32_t pair;
      __builtin_memcpy(&pair, a + r * 4, sizeof pair);
      const __m512h ar = _mm512_castsi512_ph(_mm512_set1_epi32(pair));
      HALFTONE_UNROLL for (int v = 0; v < kV; ++v) sum[r][v] =
          _mm512_fmadd_ph(ar, bk[v], sum[r][v]);
    }
    a += kRows * 4;
    b += kWidth * 2;
  }
  HALFTONE_UNROLL for (int r = 0; r < kR; ++r) HALFTONE_UNROLL for (int v = 0; v < kV; ++v) {
    float* to = c + r * ld + v * kLanes;
    const __m512i bits = _mm512_castph_si512(sum[r][v]);
    _mm512_storeu_ps(to, _mm512_cvtph_ps(_mm512_castsi512_si256(bits)));
    _mm512_storeu_ps(to + 16, _mm512_cvtph_ps(_mm512_extracti64x4_epi64(bits, 1)));
  }
}

#elif defined(__AVX2__)

// Without float16 arithmetic: the sum in float32 rounded to odd, then to float16 (see round_to_odd
// in core/half.h). a * b + c is computed twice with one rounding each, down and up. Unless it is
// exact, the two are neighbours and one of them has an odd last bit: that is the sum rounded to
// odd. Where it is exact they are equal, but for a zero out of x - x, which is -0 rounded down and
// +0 rounded up: the even case takes `up`, which is what rounding to nearest gives. float32 neither
// overflows (65504^2 < 2^128) nor underflows (2^-48 > 2^-126) here, so flushing modes do not
// matter.
#if defined(__AVX512F__)
constexpr const char* kName = "f16_avx512_12x32";
constexpr int kLanes = 16, kRows = 12, kVectors = 2;
using Vector = __m512;
HALFTONE_INLINE Vector load(const float* p) { return _mm512_loadu_ps(p); }
HALFTONE_INLINE void storeu(float* p, Vector v) { _mm512_storeu_ps(p, v); }
HALFTONE_INLINE Vector broadcast(float x) { return _mm512_set1_ps(x); }
HALFTONE_INLINE Vector fma_f16(Vector a, Vector b, Vector c) {
  const Vector down = _mm512_fmadd_round_ps(a, b, c, _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC);
  const Vector up = _mm512_fmadd_round_ps(a, b, c, _MM_FROUND_TO_POS_INF | _MM_FROUND_NO_EXC);
  const __mmask16 odd = _mm512_test_epi32_mask(_mm512_castps_si512(down), _mm512_set1_epi32(1));
  const Vector sum = _mm512_mask_blend_ps(odd, up, down);
  return _mm512_cvtph_ps(_mm512_cvtps_ph(sum, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
}
#else
constexpr const char* kName = "f16_avx2_6x16";
constexpr int kLanes = 8, kRows = 6, kVectors = 2;
using Vector = __m256;
HALFTONE_INLINE Vector load(const float* p) { return _mm256_loadu_ps(p); }
HALFTONE_INLINE void storeu(float* p, Vector v) { _mm256_storeu_ps(p, v); }
HALFTONE_INLINE Vector broadcast(float x) { return _mm256_set1_ps(x); }
// To be called with MXCSR rounding down: rounding up is rounding the negated sum down.
HALFTONE_INLINE Vector fma_f16(Vector a, Vector b, Vector c) {
  const Vector down = _mm256_fmadd_ps(a, b, c);
  const Vector up = _mm256_xor_ps(_mm256_fnmsub_ps(a, b, c), _mm256_set1_ps(-0.0f));
  const __m256i odd = _mm256_slli_epi32(_mm256_castps_si256(down), 31);
  const Vector sum = _mm256_blendv_ps(up, down, _mm256_castsi256_ps(odd));
  return _mm256_cvtph_ps(_mm256_cvtps_ph(sum, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
}
#endif
constexpr int kWidth = kLanes * kVectors;
constexpr void (*prepare_a)(float*, int64_t) = nullptr;
constexpr void (*prepare_b)(float*, int64_t) = nullptr;

template <int kR, int kV>
void tile(const float* __restrict a, const float* __restrict b, int64_t kc, bool first,
          float* __restrict c, int64_t ld) {
  Vector sum[kR][kV];
  HALFTONE_UNROLL for (int r = 0; r < kR; ++r) HALFTONE_UNROLL for (int v = 0; v < kV; ++v)
      sum[r][v] = first ? broadcast(0.0f) : load(c + r * ld + v * kLanes);
  for (int64_t k = 0; k < kc; ++k) {
    Vector bk[kV];
    HALFTONE_UNROLL for (int v = 0; v < kV; ++v) bk[v] = load(b + v * kLanes);
    HALFTONE_UNROLL for (int r = 0; r < kR; ++r) {
      const Vector ar = broadcast(a[r]);
      HALFTONE_UNROLL for (int v = 0; v < kV; ++v) sum[r][v] = fma_f16(ar, bk[v], sum[r][v]);
    }
    a += kRows;
    b += kWidth;
  }
  HALFTONE_UNROLL for (int r = 0; r < kR; ++r) HALFTONE_UNROLL for (int v = 0; v < kV; ++v)
      storeu(c + r * ld + v * kLanes, sum[r][v]);
}

#else

// Plain C++: the sum in float64, rounded to float16 inside it. Adding 1.5 * 2^(e + 42) to a number
// in [2^e, 2^(e+1)) leaves 10 bits below 2^e, rounded to nearest even; taking it away again is
// exact. e is kept at -14 or more, where float16 has steps of 2^-24, and at 15 or less, so that
// infinities pass. That the float64 sum itself may be rounded does no harm: see fma_f16 in
// core/half.h.
constexpr const char* kName = "f16_baseline_4x8";
constexpr int kLanes = 8, kRows = 4, kVectors = 1;
constexpr int kWidth = kLanes * kVectors;
constexpr void (*prepare_a)(float*, int64_t) = nullptr;
constexpr void (*prepare_b)(float*, int64_t) = nullptr;

HALFTONE_INLINE uint64_t bits_of(double x) {
  uint64_t u;
  __builtin_memcpy(&u, &x, sizeof u);
  return u;
}
HALFTONE_INLINE double from_bits(uint64_t u) {
  double x;
  __builtin_memcpy(&x, &u, sizeof x);
  return x;
}
HALFTONE_INLINE double round_f16(double x) {
  double power = from_bits(bits_of(x) & 0x7ff0000000000000u);  // 2^e
  power = power < 0x1p-14 ? 0x1p-14 : power;
  power = power > 0x1p15 ? 0x1p15 : power;
  const double magic = power * 0x1.8p42;
  const uint64_t sign = bits_of(x) & 0x8000000000000000u;
  const double rounded = (x + magic) - magic;  // loses the sign of a zero
  const double whole = from_bits(bits_of(rounded) | sign);
  const double infinity = from_bits(0x7ff0000000000000u | sign);
  return __builtin_fabs(rounded) > 65504.0 ? infinity : whole;
}

template <int kR, int kV>
void tile(const float* __restrict a, const float* __restrict b, int64_t kc, bool first,
          float* __restrict c, int64_t ld) {
  HALFTONE_UNROLL for (int r = 0; r < kR; ++r) {
    double sum[kWidth];
    for (int j = 0; j < kWidth; ++j) sum[j] = first ? 0.0 : static_cast<double>(c[r * ld + j]);
    for (int64_t k = 0; k < kc; ++k) {
      const double ar = static_cast<double>(a[k * kRows + r]);
      for (int j = 0; j < kWidth; ++j)
        sum[j] = round_f16(ar * static_cast<double>(b[k * kWidth + j]) + sum[j]);
    }
    for (int j = 0; j < kWidth; ++j) c[r * ld + j] = static_cast<float>(sum[j]);
  }
}

#endif

template <int... kR>
struct Rows {
  static constexpr Tile kNarrow[] = {&tile<kR, 1>...};
  static constexpr Tile kWide[] = {&tile<kR, kVectors>...};
};
#if defined(__AVX512F__)
using AllRows = Rows<1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12>;
#elif defined(__AVX2__)
using AllRows = Rows<1, 2, 3, 4, 5, 6>;
#else
using AllRows = Rows<1, 2, 3, 4>;
#endif

void run_tile(const float* a, const float* b, int64_t kc, bool first, int64_t rows, int64_t cols,
              float* c, int64_t ld) {
  const Tile kernel = (cols <= kLanes ? AllRows::kNarrow : AllRows::kWide)[rows - 1];
#if defined(__AVX2__) && !defined(__AVX512F__)
  // All exceptions masked, rounding down, no flushing. The kernel is called through a table, so the
  // compiler moves none of its arithmetic across these.
  const unsigned saved = _mm_getcsr();
  _mm_setcsr(0x1f80u | 0x2000u);
  kernel(a, b, kc, first, c, ld);
  _mm_setcsr(saved);
#else
  kernel(a, b, kc, first, c, ld);
#endif
}

constexpr gemm_detail::F16Kernels kKernels = {kName,     kRows,     kWidth,
                                              prepare_a, prepare_b, &run_tile};

}  // namespace

const gemm_detail::F16Kernels* gemm_f16_kernels() { return &kKernels; }

}  // namespace HALFTONE_ISA_NS
}  // namespace halftone
