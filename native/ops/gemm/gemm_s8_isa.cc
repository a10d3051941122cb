// int8 kernels: operands widened to int16, two products at a time summed into int32.
//
// pmaddwd computes a0 * b0 + a1 * b1 of int16 pairs in int32. Operands lie in [-255, 255] (an int8
// or uint8 less its zero point), so the pair is at most 2 * 255^2 = 130050 in magnitude: exact.
// (int16 could only overflow for four times -32768.) Adding it to the sum wraps modulo 2^32, as
// int32 accumulation does, so the order of k does not matter. pmaddubsw, which takes bytes, is not
// used: it saturates its int16 sums (255 * 127 * 2 > 32767).
#include "core/simd.h"
#include "ops/gemm/gemm_isa.h"

namespace halftone {
namespace HALFTONE_ISA_NS {
namespace {

#if defined(__AVX512BW__)
constexpr const char* kName = "s8_avx512_12x32";
constexpr int kLanes = 16, kRows = 12, kVectors = 2;
using Vector = __m512i;
HALFTONE_INLINE Vector zero() { return _mm512_setzero_si512(); }
HALFTONE_INLINE Vector loadu(const void* p) { return _mm512_loadu_si512(p); }
HALFTONE_INLINE void storeu(void* p, Vector v) { _mm512_storeu_si512(p, v); }
HALFTONE_INLINE Vector broadcast(int32_t pair) { return _mm512_set1_epi32(pair); }
HALFTONE_INLINE Vector add(Vector a, Vector b) { return _mm512_add_epi32(a, b); }
HALFTONE_INLINE Vector dot2(Vector a, Vector b, Vector c) {
  return add(_mm512_madd_epi16(a, b), c);
}
#elif defined(__AVX2__)
constexpr const char* kName = "s8_avx2_6x16";
constexpr int kLanes = 8, kRows = 6, kVectors = 2;
using Vector = __m256i;
HALFTONE_INLINE Vector zero() { return _mm256_setzero_si256(); }
HALFTONE_INLINE Vector loadu(const void* p) {
  return _mm256_loadu_si256(static_cast<const __m256i*>(p));
}
HALFTONE_INLINE void storeu(void* p, Vector v) { _mm256_storeu_si256(static_cast<__m256i*>(p), v); }
HALFTONE_INLINE Vector broadcast(int32_t pair) { return _mm256_set1_epi32(pair); }
HALFTONE_INLINE Vector add(Vector a, Vector b) { return _mm256_add_epi32(a, b); }
HALFTONE_INLINE Vector dot2(Vector a, Vector b, Vector c) {
  return add(_mm256_madd_epi16(a, b), c);
}
#elif defined(__SSE2__)
constexpr const char* kName = "s8_baseline_4x8";
constexpr int kLanes = 4, kRows = 4, kVectors = 2;
using Vector = __m128i;
HALFTONE_INLINE Vector zero() { return _mm_setzero_si128(); }
HALFTONE_INLINE Vector loadu(const void* p) {
  return _mm_loadu_si128(static_cast<const __m128i*>(p));
}
HALFTONE_INLINE void storeu(void* p, Vector v) { _mm_storeu_si128(static_cast<__m128i*>(p), v); }
HALFTONE_INLINE Vector broadcast(int32_t pair) { return _mm_set1_epi32(pair); }
HALFTONE_INLINE Vector add(Vector a, Vector b) { return _mm_add_epi32(a, b); }
HALFTONE_INLINE Vector dot2(Vector a, Vector b, Vector c) { return add(_mm_madd_epi16(a, b), c); }
#else
constexpr const char* kName = "s8_baseline_4x8";
constexpr int kLanes = 4, kRows = 4, kVectors = 2;
typedef uint32_t Vector __attribute__((vector_size(16)));  // unsigned: wrapping is defined
HALFTONE_INLINE Vector zero() { return Vector{}; }
HALFTONE_INLINE Vector loadu(const void* p) {
  Vector v;
  __builtin_memcpy(&v, p, sizeof v);
  return v;
}
HALFTONE_INLINE void storeu(void* p, Vector v) { __builtin_memcpy(p, &v, sizeof v); }
HALFTONE_INLINE Vector broadcast(int32_t pair) { return Vector{} + static_cast<uint32_t>(pair); }
HALFTONE_INLINE Vector add(Vector a, Vector b) { return a + b; }
HALFTONE_INLINE Vector dot2(Vector a, Vector b, Vector c) {
  typedef int32_t Signed __attribute__((vector_size(16)));
  const Signed as = reinterpret_cast<Signed>(a), bs = reinterpret_cast<Signed>(b);
  // Each int32 holds two int16: the shifts take them out with their signs.
  const Signed low =
      (reinterpret_cast<Signed>(a << 16) >> 16) * (reinterpret_cast<Signed>(b << 16) >> 16);
  return c + reinterpret_cast<Vector>(low) + reinterpret_cast<Vector>((as >> 16) * (bs >> 16));
}
#endif

constexpr int kWidth = kLanes * kVectors;

#define HALFTONE_S8_TILE(DOT2)                                                              \
  Vector sum[kR][kV];                                                                       \
  HALFTONE_UNROLL for (int r = 0; r < kR; ++r) HALFTONE_UNROLL for (int v = 0; v < kV; ++v) \
      sum[r][v] = first ? zero() : loadu(c + r * ld + v * kLanes);                          \
  for (int64_t k = 0; k < kc; k += 2) {                                                     \
    Vector bk[kV];                                                                          \
    HALFTONE_UNROLL for (int v = 0; v < kV; ++v) bk[v] = loadu(b + v * 2 * kLanes);         \
    HALFTONE_UNROLL for (int r = 0; r < kR; ++r) {                                          \
      int32_t pair;                                                                         \
      __builtin_memcpy(&pair, a + 2 * r, sizeof pair);                                      \
      const Vector ar = broadcast(pair);                                                    \
      HALFTONE_UNROLL for (int v = 0; v < kV; ++v) sum[r][v] = DOT2(ar, bk[v], sum[r][v]);  \
    }                                                                                       \
    a += 2 * kRows;                                                                         \
    b += 2 * kWidth;                                                                        \
  }                                                                                         \
  HALFTONE_UNROLL for (int r = 0; r < kR; ++r) HALFTONE_UNROLL for (int v = 0; v < kV; ++v) \
      storeu(c + r * ld + v * kLanes, sum[r][v]);

struct Plain {
  template <int kR, int kV>
  static void tile(const int16_t* __restrict a, const int16_t* __restrict b, int64_t kc, bool first,
                   int32_t* __restrict c, int64_t ld) {
    HALFTONE_S8_TILE(dot2)
  }
};

#if defined(__AVX512BW__)
// vpdpwssd: pmaddwd and the addition in one instruction. Not part of any level, so asked for by
// itself.
struct Vnni {
  template <int kR, int kV>
  __attribute__((target("avx512vnni"))) static void tile(const int16_t* __restrict a,
                                                         const int16_t* __restrict b, int64_t kc,
                                                         bool first, int32_t* __restrict c,
                                                         int64_t ld) {
#define HALFTONE_VNNI_DOT2(x, y, z) _mm512_dpwssd_epi32(z, x, y)
    HALFTONE_S8_TILE(HALFTONE_VNNI_DOT2)
#undef HALFTONE_VNNI_DOT2
  }
};
#endif

using Tile = void (*)(const int16_t*, const int16_t*, int64_t, bool, int32_t*, int64_t);

template <class Kind, int... kR>
struct Rows {
  static constexpr Tile kNarrow[] = {&Kind::template tile<kR, 1>...};
  static constexpr Tile kWide[] = {&Kind::template tile<kR, kVectors>...};
};
#if defined(__AVX512BW__)
template <class Kind>
using AllRows = Rows<Kind, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12>;
#elif defined(__AVX2__)
template <class Kind>
using AllRows = Rows<Kind, 1, 2, 3, 4, 5, 6>;
#else
template <class Kind>
using AllRows = Rows<Kind, 1, 2, 3, 4>;
#endif

template <class Kind>
void run_tile(const int16_t* a, const int16_t* b, int64_t kc, bool first, int64_t rows,
              int64_t cols, int32_t* c, int64_t ld) {
  (cols <= kLanes ? AllRows<Kind>::kNarrow : AllRows<Kind>::kWide)[rows - 1](a, b, kc, first, c,
                                                                             ld);
}

constexpr gemm_detail::S8Kernels kPlain = {kName,   kRows,   kWidth,
                                           nullptr, nullptr, &run_tile<Plain>};
#if defined(__AVX512BW__)
constexpr gemm_detail::S8Kernels kVnni = {"s8_avx512vnni_12x32", kRows, kWidth, nullptr, nullptr,
                                          &run_tile<Vnni>};
#endif

}  // namespace

const gemm_detail::S8Kernels* gemm_s8_kernels([[maybe_unused]] bool vnni) {
#if defined(__AVX512BW__)
  if (vnni) return &kVnni;
#endif
  return &kPlain;
}

}  // namespace HALFTONE_ISA_NS
}  // namespace halftone
