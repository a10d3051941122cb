// Bulk conversions between float32 and the 16-bit floats. Compiled once per instruction set level.
//
// VCVTPS2PH and VCVTPH2PS give what core/half.h says, NaNs included: made quiet, sign and top
// payload bits kept. bfloat16 is done with integers: VCVTNEPS2BF16 takes subnormal inputs for zero.
#include "core/half_isa.h"

#ifndef HALFTONE_ISA_NS
#define HALFTONE_ISA_NS baseline
#endif

#if defined(__AVX2__) && defined(__F16C__)
#include <immintrin.h>
#else
#if defined(__aarch64__)
#include <arm_neon.h>
#endif
#include "core/half.h"
#endif

namespace halftone {
namespace HALFTONE_ISA_NS {

#if defined(__AVX512F__) && defined(__AVX512BW__) && defined(__AVX512VL__)

namespace {

constexpr int64_t kLanes = 16;

__mmask16 first_lanes(int64_t n) { return static_cast<__mmask16>((1u << n) - 1); }

__m512 widen_f16(__m256i bits) { return _mm512_cvtph_ps(bits); }

__m512 widen_bf16(__m256i bits) {
  return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(bits), 16));
}

__m256i narrow_f16(__m512 x) {
  return _mm512_cvtps_ph(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}

__m256i narrow_bf16(__m512 x) {
  const __m512i u = _mm512_castps_si512(x);
  const __m512i top = _mm512_srli_epi32(u, 16);
  const __m512i odd = _mm512_and_si512(top, _mm512_set1_epi32(1));
  const __m512i sum = _mm512_add_epi32(_mm512_add_epi32(u, _mm512_set1_epi32(0x7fff)), odd);
  const __mmask16 nan = _mm512_cmp_ps_mask(x, x, _CMP_UNORD_Q);
  const __m512i rounded = _mm512_mask_or_epi32(_mm512_srli_epi32(sum, 16), nan, top,
                                               _mm512_set1_epi32(0x40));  // the quiet bit
  return _mm512_cvtepi32_epi16(rounded);
}

template <__m512 (*kWiden)(__m256i)>
void widen_all(const uint16_t* in, float* out, int64_t n) {
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes)
    _mm512_storeu_ps(out + i, kWiden(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(in + i))));
  if (i == n) return;
  const __mmask16 rest = first_lanes(n - i);
  _mm512_mask_storeu_ps(out + i, rest, kWiden(_mm256_maskz_loadu_epi16(rest, in + i)));
}

template <__m256i (*kNarrow)(__m512)>
void narrow_all(const float* in, uint16_t* out, int64_t n) {
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes)
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(out + i), kNarrow(_mm512_loadu_ps(in + i)));
  if (i == n) return;
  const __mmask16 rest = first_lanes(n - i);
  _mm256_mask_storeu_epi16(out + i, rest, kNarrow(_mm512_maskz_loadu_ps(rest, in + i)));
}

}  // namespace

#elif defined(__AVX2__) && defined(__F16C__)

namespace {

constexpr int64_t kLanes = 8;

__m256 widen_f16(__m128i bits) { return _mm256_cvtph_ps(bits); }

__m256 widen_bf16(__m128i bits) {
  return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(bits), 16));
}

__m128i narrow_f16(__m256 x) {
  return _mm256_cvtps_ph(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}

__m128i narrow_bf16(__m256 x) {
  const __m256i u = _mm256_castps_si256(x);
  const __m256i top = _mm256_srli_epi32(u, 16);
  const __m256i odd = _mm256_and_si256(top, _mm256_set1_epi32(1));
  const __m256i sum = _mm256_add_epi32(_mm256_add_epi32(u, _mm256_set1_epi32(0x7fff)), odd);
  const __m256i nan = _mm256_castps_si256(_mm256_cmp_ps(x, x, _CMP_UNORD_Q));
  const __m256i quiet = _mm256_or_si256(top, _mm256_set1_epi32(0x40));
  const __m256i rounded = _mm256_blendv_epi8(_mm256_srli_epi32(sum, 16), quiet, nan);
  return _mm_packus_epi32(_mm256_castsi256_si128(rounded), _mm256_extracti128_si256(rounded, 1));
}

template <__m256 (*kWiden)(__m128i)>
void widen_all(const uint16_t* in, float* out, int64_t n) {
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes)
    _mm256_storeu_ps(out + i, kWiden(_mm_loadu_si128(reinterpret_cast<const __m128i*>(in + i))));
  if (i == n) return;
  uint16_t rest_in[kLanes] = {};
  float rest_out[kLanes];
  for (int64_t j = 0; i + j < n; ++j) rest_in[j] = in[i + j];
  _mm256_storeu_ps(rest_out, kWiden(_mm_loadu_si128(reinterpret_cast<const __m128i*>(rest_in))));
  for (int64_t j = 0; i + j < n; ++j) out[i + j] = rest_out[j];
}

template <__m128i (*kNarrow)(__m256)>
void narrow_all(const float* in, uint16_t* out, int64_t n) {
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes)
    _mm_storeu_si128(reinterpret_cast<__m128i*>(out + i), kNarrow(_mm256_loadu_ps(in + i)));
  if (i == n) return;
  float rest_in[kLanes] = {};
  uint16_t rest_out[kLanes];
  for (int64_t j = 0; i + j < n; ++j) rest_in[j] = in[i + j];
  _mm_storeu_si128(reinterpret_cast<__m128i*>(rest_out), kNarrow(_mm256_loadu_ps(rest_in)));
  for (int64_t j = 0; i + j < n; ++j) out[i + j] = rest_out[j];
}

}  // namespace

#endif

#if defined(__AVX2__) && defined(__F16C__)

void f16_to_f32(const uint16_t* in, float* out, int64_t n) { widen_all<widen_f16>(in, out, n); }
void bf16_to_f32(const uint16_t* in, float* out, int64_t n) { widen_all<widen_bf16>(in, out, n); }
void f32_to_f16(const float* in, uint16_t* out, int64_t n) { narrow_all<narrow_f16>(in, out, n); }
void f32_to_bf16(const float* in, uint16_t* out, int64_t n) { narrow_all<narrow_bf16>(in, out, n); }

#else

#if defined(__aarch64__)

// FCVTL and FCVTN belong to every AArch64 CPU and treat NaNs as said above.
void f16_to_f32(const uint16_t* in, float* out, int64_t n) {
  int64_t i = 0;
  for (; i + 4 <= n; i += 4)
    vst1q_f32(out + i, vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16(in + i))));
  for (; i < n; ++i) out[i] = to_float(f16{in[i]});
}
void f32_to_f16(const float* in, uint16_t* out, int64_t n) {
  int64_t i = 0;
  for (; i + 4 <= n; i += 4)
    vst1_u16(out + i, vreinterpret_u16_f16(vcvt_f16_f32(vld1q_f32(in + i))));
  for (; i < n; ++i) out[i] = to_f16(in[i]).bits;
}

#else

void f16_to_f32(const uint16_t* in, float* out, int64_t n) {
  for (int64_t i = 0; i < n; ++i) out[i] = to_float(f16{in[i]});
}
void f32_to_f16(const float* in, uint16_t* out, int64_t n) {
  for (int64_t i = 0; i < n; ++i) out[i] = to_f16(in[i]).bits;
}

#endif

void bf16_to_f32(const uint16_t* in, float* out, int64_t n) {
  for (int64_t i = 0; i < n; ++i) out[i] = to_float(bf16{in[i]});
}
void f32_to_bf16(const float* in, uint16_t* out, int64_t n) {
  for (int64_t i = 0; i < n; ++i) out[i] = to_bf16(in[i]).bits;
}

#endif

}  // namespace HALFTONE_ISA_NS
}  // namespace halftone
