// Copies of haxpy for each instruction set. AVX-512 FP16 has the instruction; the others compute it
// in float32.
//
// The product of two halves has 22 significant bits and lies in [2^-48, 2^32]: exact in float32.
// Its sum with a third half is not, so the float32 sum is rounded to odd: the error of the sum
// (Knuth's TwoSum, exact) says whether it was inexact and to which side. Rounding a value rounded
// to odd once more, to at least two bits less, is one rounding of the exact sum (Boldo and
// Melquiond, 2008).
#include "ops/haxpy/haxpy_isa.h"

#if HALFTONE_ISA_AVX512FP16 || HALFTONE_ISA_AVX512 || HALFTONE_ISA_AVX2
#include <immintrin.h>
#endif

namespace halftone {
namespace HALFTONE_ISA_NS {

#if HALFTONE_ISA_AVX512FP16

void haxpy(uint16_t a, const uint16_t* x, const uint16_t* y, uint16_t* z, int64_t n) {
  const __m512h factor = _mm512_castsi512_ph(_mm512_set1_epi16(static_cast<short>(a)));
  for (int64_t i = 0; i < n; i += 32) {
    const __mmask32 lanes = n - i >= 32 ? ~0u : (1u << (n - i)) - 1;
    const __m512h vx = _mm512_castsi512_ph(_mm512_maskz_loadu_epi16(lanes, x + i));
    const __m512h vy = _mm512_castsi512_ph(_mm512_maskz_loadu_epi16(lanes, y + i));
    _mm512_mask_storeu_epi16(z + i, lanes, _mm512_castph_si512(_mm512_fmadd_ph(factor, vx, vy)));
  }
}

#elif HALFTONE_ISA_AVX512

void haxpy(uint16_t a, const uint16_t* x, const uint16_t* y, uint16_t* z, int64_t n) {
  const __m512 factor = _mm512_cvtph_ps(_mm256_set1_epi16(static_cast<short>(a)));
  for (int64_t i = 0; i < n; i += 16) {
    const __mmask16 lanes = static_cast<__mmask16>(n - i >= 16 ? 0xffff : (1u << (n - i)) - 1);
    const __m512 vx = _mm512_cvtph_ps(_mm256_maskz_loadu_epi16(lanes, x + i));
    const __m512 vy = _mm512_cvtph_ps(_mm256_maskz_loadu_epi16(lanes, y + i));
    const __m512 product = _mm512_mul_ps(factor, vx);
    const __m512 sum = _mm512_add_ps(product, vy);
    const __m512 part = _mm512_sub_ps(sum, product);
    const __m512 error =
        _mm512_add_ps(_mm512_sub_ps(product, _mm512_sub_ps(sum, part)), _mm512_sub_ps(vy, part));
    // Ordered: false for the NaN errors of infinite sums.
    const __mmask16 inexact = _mm512_cmp_ps_mask(error, _mm512_setzero_ps(), _CMP_NEQ_OQ);
    const __m512i bits = _mm512_castps_si512(sum);
    // An even last bit moves to the odd neighbour on the side of the error: away from zero if the
    // signs agree.
    const __mmask16 even = _mm512_testn_epi32_mask(bits, _mm512_set1_epi32(1));
    const __m512i differ =
        _mm512_srai_epi32(_mm512_xor_si512(bits, _mm512_castps_si512(error)), 31);
    const __m512i step = _mm512_or_si512(differ, _mm512_set1_epi32(1));  // +1 or -1
    const __m512i odd =
        _mm512_mask_add_epi32(bits, static_cast<__mmask16>(inexact & even), bits, step);
    _mm256_mask_storeu_epi16(
        z + i, lanes,
        _mm512_cvtps_ph(_mm512_castsi512_ps(odd), _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
  }
}

#elif HALFTONE_ISA_AVX2

static __m128i haxpy8(__m256 factor, __m128i x, __m128i y) {
  const __m256 vy = _mm256_cvtph_ps(y);
  const __m256 product = _mm256_mul_ps(factor, _mm256_cvtph_ps(x));
  const __m256 sum = _mm256_add_ps(product, vy);
  const __m256 part = _mm256_sub_ps(sum, product);
  const __m256 error =
      _mm256_add_ps(_mm256_sub_ps(product, _mm256_sub_ps(sum, part)), _mm256_sub_ps(vy, part));
  // Ordered: false for the NaN errors of infinite sums.
  const __m256i inexact =
      _mm256_castps_si256(_mm256_cmp_ps(error, _mm256_setzero_ps(), _CMP_NEQ_OQ));
  const __m256i bits = _mm256_castps_si256(sum);
  // An even last bit moves to the odd neighbour on the side of the error: away from zero if the
  // signs agree.
  const __m256i even =
      _mm256_cmpeq_epi32(_mm256_and_si256(bits, _mm256_set1_epi32(1)), _mm256_setzero_si256());
  const __m256i differ = _mm256_srai_epi32(_mm256_xor_si256(bits, _mm256_castps_si256(error)), 31);
  const __m256i step = _mm256_or_si256(differ, _mm256_set1_epi32(1));  // +1 or -1
  const __m256i odd =
      _mm256_add_epi32(bits, _mm256_and_si256(_mm256_and_si256(inexact, even), step));
  return _mm256_cvtps_ph(_mm256_castsi256_ps(odd), _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}

void haxpy(uint16_t a, const uint16_t* x, const uint16_t* y, uint16_t* z, int64_t n) {
  const __m256 factor = _mm256_cvtph_ps(_mm_set1_epi16(static_cast<short>(a)));
  int64_t i = 0;
  for (; i + 8 <= n; i += 8)
    _mm_storeu_si128(reinterpret_cast<__m128i*>(z + i),
                     haxpy8(factor, _mm_loadu_si128(reinterpret_cast<const __m128i*>(x + i)),
                            _mm_loadu_si128(reinterpret_cast<const __m128i*>(y + i))));
  if (i == n) return;
  uint16_t tail_x[8] = {}, tail_y[8] = {}, tail_z[8];
  for (int64_t k = 0; k < n - i; ++k) {
    tail_x[k] = x[i + k];
    tail_y[k] = y[i + k];
  }
  _mm_storeu_si128(reinterpret_cast<__m128i*>(tail_z),
                   haxpy8(factor, _mm_loadu_si128(reinterpret_cast<const __m128i*>(tail_x)),
                          _mm_loadu_si128(reinterpret_cast<const __m128i*>(tail_y))));
  for (int64_t k = 0; k < n - i; ++k) z[i + k] = tail_z[k];
}

#else

void haxpy(uint16_t a, const uint16_t* x, const uint16_t* y, uint16_t* z, int64_t n) {
  haxpy_blocks(a, x, y, z, n);
}

#endif

}  // namespace HALFTONE_ISA_NS
}  // namespace halftone
