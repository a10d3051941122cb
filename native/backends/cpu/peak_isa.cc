#include "backends/cpu/peak_isa.h"

#include "core/simd.h"

namespace halftone {
namespace HALFTONE_ISA_NS {
namespace {

#if defined(__AVX512F__)
using Vector = __m512;
inline Vector broadcast(float x) { return _mm512_set1_ps(x); }
inline Vector fma(Vector a, Vector b, Vector c) { return _mm512_fmadd_ps(a, b, c); }
#elif defined(__AVX2__)
using Vector = __m256;
inline Vector broadcast(float x) { return _mm256_set1_ps(x); }
inline Vector fma(Vector a, Vector b, Vector c) { return _mm256_fmadd_ps(a, b, c); }
#else
typedef float Vector __attribute__((vector_size(16)));
inline Vector broadcast(float x) { return Vector{x, x, x, x}; }
inline Vector fma(Vector a, Vector b, Vector c) {
#if defined(__FP_FAST_FMAF)
  for (int i = 0; i < 4; ++i) c[i] = __builtin_fmaf(a[i], b[i], c[i]);
  return c;
#else
  return a * b + c;
#endif
}
#endif

// 12 chains: two FMAs a cycle with a latency of 4 or 5 cycles need 8 to 10; with the two constants
// they fit 16 registers.
constexpr int kChains = 12;

}  // namespace

double run_fma_chains(int64_t rounds) {
  Vector chain[kChains];
  for (int i = 0; i < kChains; ++i) chain[i] = broadcast(static_cast<float>(i));
  const Vector factor = broadcast(0.5f), addend = broadcast(1.0f);  // stays finite and normal
  for (int64_t r = 0; r < rounds; ++r)
    for (int i = 0; i < kChains; ++i) chain[i] = fma(chain[i], factor, addend);
  for (int i = 0; i < kChains; ++i) __asm__ volatile("" : : "m"(chain[i]));  // the results are used
  return 2.0 * kChains * (sizeof(Vector) / sizeof(float)) * static_cast<double>(rounds);
}

}  // namespace HALFTONE_ISA_NS
}  // namespace halftone
