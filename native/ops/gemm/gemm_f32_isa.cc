// float32 kernels: each element of the tile is a chain acc = fma(a, b, acc) with k ascending.
#include "core/simd.h"
#include "ops/gemm/gemm_isa.h"

namespace halftone {
namespace HALFTONE_ISA_NS {
namespace {

// Registers: kRows * kVectors sums, kVectors of B and one of A must fit, and 8 sums or more hide
// the latency of the FMA (4 cycles, 2 a cycle). A is read as broadcasts: kVectors FMAs per load.
#if defined(__AVX512F__)
constexpr const char* kName = "f32_avx512_12x32";
constexpr int kLanes = 16, kRows = 12, kVectors = 2;  // 24 + 2 + 1 of 32 registers
using Vector = __m512;
HALFTONE_INLINE Vector load(const float* p) { return _mm512_load_ps(p); }
HALFTONE_INLINE Vector loadu(const float* p) { return _mm512_loadu_ps(p); }
HALFTONE_INLINE void storeu(float* p, Vector v) { _mm512_storeu_ps(p, v); }
HALFTONE_INLINE Vector broadcast(float x) { return _mm512_set1_ps(x); }
HALFTONE_INLINE Vector add(Vector a, Vector b) { return _mm512_add_ps(a, b); }
HALFTONE_INLINE Vector fma(Vector a, Vector b, Vector c) { return _mm512_fmadd_ps(a, b, c); }
#elif defined(__AVX2__)
constexpr const char* kName = "f32_avx2_6x16";
constexpr int kLanes = 8, kRows = 6, kVectors = 2;  // 12 + 2 + 1 of 16 registers
using Vector = __m256;
HALFTONE_INLINE Vector load(const float* p) { return _mm256_load_ps(p); }
HALFTONE_INLINE Vector loadu(const float* p) { return _mm256_loadu_ps(p); }
HALFTONE_INLINE void storeu(float* p, Vector v) { _mm256_storeu_ps(p, v); }
HALFTONE_INLINE Vector broadcast(float x) { return _mm256_set1_ps(x); }
HALFTONE_INLINE Vector add(Vector a, Vector b) { return _mm256_add_ps(a, b); }
HALFTONE_INLINE Vector fma(Vector a, Vector b, Vector c) { return _mm256_fmadd_ps(a, b, c); }
#else
constexpr const char* kName = "f32_baseline_4x8";
constexpr int kLanes = 4, kRows = 4, kVectors = 2;  // 8 + 2 + 1 of 16 registers
typedef float Vector __attribute__((vector_size(16)));
HALFTONE_INLINE Vector loadu(const float* p) {
  Vector v;
  __builtin_memcpy(&v, p, sizeof v);
  return v;
}
HALFTONE_INLINE Vector load(const float* p) { return loadu(p); }
HALFTONE_INLINE void storeu(float* p, Vector v) { __builtin_memcpy(p, &v, sizeof v); }
HALFTONE_INLINE Vector broadcast(float x) { return Vector{x, x, x, x}; }
HALFTONE_INLINE Vector add(Vector a, Vector b) { return a + b; }
HALFTONE_INLINE Vector fma(Vector a, Vector b, Vector c) {
#if defined(__FP_FAST_FMAF)
  for (int i = 0; i < kLanes; ++i) c[i] = __builtin_fmaf(a[i], b[i], c[i]);
  return c;
#else
  return a * b + c;  // no such instruction: the product is rounded as well
#endif
}
#endif

constexpr int kWidth = kLanes * kVectors;

// Rows of B: one after the other in a packed panel, or anywhere.
struct Packed {
  const float* b;
  const float* row(int64_t k) const { return b + k * kWidth; }
  Vector at(const float* p) const { return load(p); }
};
struct InPlace {
  const float* b;
  const int64_t* step;
  const float* row(int64_t k) const { return b + step[k]; }
  Vector at(const float* p) const { return loadu(p); }
};

// A tile with fewer rows or only one vector of columns costs only what it computes.
template <int kR, int kV, class B>
void tile(const float* __restrict a, B b, int64_t kc, bool first, float* __restrict c, int64_t ld) {
  Vector sum[kR][kV];
  HALFTONE_UNROLL for (int r = 0; r < kR; ++r) HALFTONE_UNROLL for (int v = 0; v < kV; ++v)
      sum[r][v] = broadcast(0.0f);
  for (int64_t k = 0; k < kc; ++k) {
    const float* const row = b.row(k);
    Vector bk[kV];
    HALFTONE_UNROLL for (int v = 0; v < kV; ++v) bk[v] = b.at(row + v * kLanes);
    HALFTONE_UNROLL for (int r = 0; r < kR; ++r) {
      const Vector ar = broadcast(a[r]);
      HALFTONE_UNROLL for (int v = 0; v < kV; ++v) sum[r][v] = fma(ar, bk[v], sum[r][v]);
    }
    a += kRows;
  }
  HALFTONE_UNROLL for (int r = 0; r < kR; ++r) HALFTONE_UNROLL for (int v = 0; v < kV; ++v) {
    float* to = c + r * ld + v * kLanes;
    storeu(to, first ? sum[r][v] : add(loadu(to), sum[r][v]));
  }
}

template <class B, int... kR>
struct Rows {
  using Tile = void (*)(const float*, B, int64_t, bool, float*, int64_t);
  static constexpr Tile kNarrow[] = {&tile<kR, 1, B>...};
  static constexpr Tile kWide[] = {&tile<kR, kVectors, B>...};
};
#if defined(__AVX512F__)
template <class B>
using AllRows = Rows<B, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12>;
#elif defined(__AVX2__)
template <class B>
using AllRows = Rows<B, 1, 2, 3, 4, 5, 6>;
#else
template <class B>
using AllRows = Rows<B, 1, 2, 3, 4>;
#endif

template <class B>
void run(const float* a, B b, int64_t kc, bool first, int64_t rows, int64_t cols, float* c,
         int64_t ld) {
  (cols <= kLanes ? AllRows<B>::kNarrow : AllRows<B>::kWide)[rows - 1](a, b, kc, first, c, ld);
}

void run_tile(const float* a, const float* b, int64_t kc, bool first, int64_t rows, int64_t cols,
              float* c, int64_t ld) {
  run(a, Packed{b}, kc, first, rows, cols, c, ld);
}
void run_in_place(const float* a, const float* b, const int64_t* step, int64_t kc, bool first,
                  int64_t rows, int64_t cols, float* c, int64_t ld) {
  run(a, InPlace{b, step}, kc, first, rows, cols, c, ld);
}

constexpr gemm_detail::F32Kernels kKernels = {kName,   kRows,     kWidth,       nullptr,
                                              nullptr, &run_tile, &run_in_place};

}  // namespace

const gemm_detail::F32Kernels* gemm_f32_kernels() { return &kKernels; }

}  // namespace HALFTONE_ISA_NS
}  // namespace halftone
