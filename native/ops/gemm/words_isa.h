// What packing is made of: 32-bit words (floats, or pairs of int16) in vectors, loaded from any
// dtype, transposed and stored. Only for *_isa.cc files: everything has internal linkage, so that
// each copy keeps its own.
#pragma once
#include "core/simd.h"
#include "ops/gemm/pack_isa.h"

namespace halftone {
namespace HALFTONE_ISA_NS {
namespace {

typedef uint32_t __attribute__((may_alias)) Word;

constexpr bool is_bytes(PackFrom how) { return how == PackFrom::kS8 || how == PackFrom::kU8; }
constexpr int64_t size_of(PackFrom how) {
  return is_bytes(how) ? 1 : how == PackFrom::kF16 || how == PackFrom::kBF16 ? 2 : 4;
}

// ---- word by word: where there are no vectors, what they are tested against, and scattered
// elements ----

HALFTONE_INLINE uint32_t f16_word(uint32_t h) {
  const uint32_t sign = (h & 0x8000u) << 16, exponent = h >> 10 & 0x1fu, fraction = h & 0x3ffu;
  if (exponent == 0x1f) return sign | 0x7f800000u | (fraction ? 0x400000u : 0) | fraction << 13;
  if (exponent != 0) return sign | (exponent + 112) << 23 | fraction << 13;
  const float magnitude = static_cast<float>(fraction) * 0x1p-24f;
  uint32_t bits;
  __builtin_memcpy(&bits, &magnitude, sizeof bits);
  return sign | bits;
}
HALFTONE_INLINE uint32_t tf32_word(uint32_t u) {
  if ((u & 0x7fffffffu) > 0x7f800000u) return u | 0x400000u;  // NaN
  return (u + 0x1000u) & ~0x1fffu;
}

// The word of a float, or half a word (16 bits) of a byte.
template <PackFrom kHow>
HALFTONE_INLINE uint32_t element(const void* from, int64_t i, int32_t zero) {
  if constexpr (kHow == PackFrom::kS8)
    return static_cast<uint16_t>(static_cast<const int8_t*>(from)[i] - zero);
  if constexpr (kHow == PackFrom::kU8)
    return static_cast<uint16_t>(static_cast<const uint8_t*>(from)[i] - zero);
  if constexpr (kHow == PackFrom::kF16) return f16_word(static_cast<const uint16_t*>(from)[i]);
  if constexpr (kHow == PackFrom::kBF16)
    return static_cast<uint32_t>(static_cast<const uint16_t*>(from)[i]) << 16;
  const uint32_t word = static_cast<const Word*>(from)[i];
  return kHow == PackFrom::kTf32 ? tf32_word(word) : word;
}

#if defined(__AVX512BW__)

// ---- 16 words at a time ----

constexpr int kLanes = 16;
using Words = __m512i;

HALFTONE_INLINE __mmask16 first_lanes(int64_t n) {
  return n >= 16  ? __mmask16{0xffff}
         : n <= 0 ? __mmask16{0}
                  : static_cast<__mmask16>((1u << n) - 1);
}
HALFTONE_INLINE Words tf32_words(Words u) {
  const Words magnitude = _mm512_and_si512(u, _mm512_set1_epi32(0x7fffffff));
  const __mmask16 nan = _mm512_cmpgt_epi32_mask(magnitude, _mm512_set1_epi32(0x7f800000));
  const Words rounded =
      _mm512_and_si512(_mm512_add_epi32(u, _mm512_set1_epi32(0x1000)), _mm512_set1_epi32(~0x1fff));
  return _mm512_mask_or_epi32(rounded, nan, u, _mm512_set1_epi32(0x400000));
}
// The elements at p as 16 words (16 elements, 32 bytes), zeros past the first `elements` >= 1.
template <PackFrom kHow>
HALFTONE_INLINE Words load_words(const char* p, int64_t elements, [[maybe_unused]] Words zero) {
  if constexpr (is_bytes(kHow)) {
    const __mmask32 m = elements >= 32 ? ~__mmask32{0} : (__mmask32{1} << elements) - 1;
    const __m256i bytes = _mm256_maskz_loadu_epi8(m, p);
    const Words wide =
        kHow == PackFrom::kS8 ? _mm512_cvtepi8_epi16(bytes) : _mm512_cvtepu8_epi16(bytes);
    return _mm512_maskz_sub_epi16(m, wide, zero);
  } else if constexpr (kHow == PackFrom::kF16) {
    return _mm512_castps_si512(_mm512_cvtph_ps(_mm256_maskz_loadu_epi16(first_lanes(elements), p)));
  } else if constexpr (kHow == PackFrom::kBF16) {
    return _mm512_slli_epi32(
        _mm512_cvtepu16_epi32(_mm256_maskz_loadu_epi16(first_lanes(elements), p)), 16);
  } else {
    const Words words = _mm512_maskz_loadu_epi32(first_lanes(elements), p);
    return kHow == PackFrom::kTf32 ? tf32_words(words) : words;
  }
}
HALFTONE_INLINE void store_words(Word* to, int64_t n, Words words) {
  _mm512_mask_storeu_epi32(to, first_lanes(n), words);
}
// Pairs of the bytes at p and q, of two steps of k. q is nullptr past the last.
template <PackFrom kHow>
HALFTONE_INLINE Words pair_words(const char* p, const char* q, int64_t n, Words zero) {
  const __mmask16 m = first_lanes(n);
  const __m128i low = _mm_maskz_loadu_epi8(m, p),
                high = q ? _mm_maskz_loadu_epi8(m, q) : _mm_setzero_si128();
  const bool is_signed = kHow == PackFrom::kS8;
  const Words l = is_signed ? _mm512_cvtepi8_epi32(low) : _mm512_cvtepu8_epi32(low);
  const Words h = is_signed ? _mm512_cvtepi8_epi32(high) : _mm512_cvtepu8_epi32(high);
  const Words word = _mm512_mask_blend_epi16(0xaaaaaaaa, l, _mm512_slli_epi32(h, 16));
  return _mm512_and_si512(_mm512_sub_epi16(word, zero),
                          _mm512_maskz_set1_epi32(m, q ? -1 : 0xffff));
}
HALFTONE_INLINE Words zeros_of(int32_t zero) {
  return _mm512_set1_epi16(static_cast<int16_t>(zero));
}

// r[i] word j -> r[j] word i.
HALFTONE_INLINE void transpose(Words r[16]) {
  Words t[16];
  for (int i = 0; i < 16; i += 4) {  // 2 x 2 words, then 2 x 2 pairs, inside the four 128-bit parts
    const Words a = _mm512_unpacklo_epi32(r[i], r[i + 1]),
                b = _mm512_unpackhi_epi32(r[i], r[i + 1]);
    const Words c = _mm512_unpacklo_epi32(r[i + 2], r[i + 3]),
                d = _mm512_unpackhi_epi32(r[i + 2], r[i + 3]);
    t[i] = _mm512_unpacklo_epi64(a, c), t[i + 1] = _mm512_unpackhi_epi64(a, c);
    t[i + 2] = _mm512_unpacklo_epi64(b, d), t[i + 3] = _mm512_unpackhi_epi64(b, d);
  }
  for (int i = 0; i < 4; ++i) {  // then the parts: t[4 q + i] part p becomes r[4 p + i] part q
    const Words a = _mm512_shuffle_i32x4(t[i], t[4 + i], 0x88),
                b = _mm512_shuffle_i32x4(t[i], t[4 + i], 0xdd);
    const Words c = _mm512_shuffle_i32x4(t[8 + i], t[12 + i], 0x88),
                d = _mm512_shuffle_i32x4(t[8 + i], t[12 + i], 0xdd);
    r[i] = _mm512_shuffle_i32x4(a, c, 0x88), r[8 + i] = _mm512_shuffle_i32x4(a, c, 0xdd);
    r[4 + i] = _mm512_shuffle_i32x4(b, d, 0x88), r[12 + i] = _mm512_shuffle_i32x4(b, d, 0xdd);
  }
}
#elif defined(__AVX2__)

// ---- 8 words at a time ----

constexpr int kLanes = 8;
using Words = __m256i;

HALFTONE_INLINE Words lanes_below(int64_t n) {
  const int limit = n > 8 ? 8 : static_cast<int>(n);
  return _mm256_cmpgt_epi32(_mm256_set1_epi32(limit), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}
HALFTONE_INLINE Words tf32_words(Words u) {
  const Words magnitude = _mm256_and_si256(u, _mm256_set1_epi32(0x7fffffff));
  const Words nan = _mm256_cmpgt_epi32(magnitude, _mm256_set1_epi32(0x7f800000));
  const Words rounded =
      _mm256_and_si256(_mm256_add_epi32(u, _mm256_set1_epi32(0x1000)), _mm256_set1_epi32(~0x1fff));
  return _mm256_blendv_epi8(rounded, _mm256_or_si256(u, _mm256_set1_epi32(0x400000)), nan);
}
// AVX2 has no masked loads of bytes and 16-bit words: the tail goes through memory.
template <int kBytes>
HALFTONE_INLINE __m128i load_bytes(const char* p, int64_t bytes) {
  if (bytes >= 16) return _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
  if (kBytes == 8 && bytes >= 8) return _mm_loadl_epi64(reinterpret_cast<const __m128i*>(p));
  alignas(16) char tail[16] = {};
  for (int64_t i = 0; i < bytes; ++i) tail[i] = p[i];
  return _mm_load_si128(reinterpret_cast<const __m128i*>(tail));
}
template <PackFrom kHow>
HALFTONE_INLINE Words load_words(const char* p, int64_t elements, [[maybe_unused]] Words zero) {
  if constexpr (is_bytes(kHow)) {
    const __m128i bytes = load_bytes<16>(p, elements);
    const Words wide =
        kHow == PackFrom::kS8 ? _mm256_cvtepi8_epi16(bytes) : _mm256_cvtepu8_epi16(bytes);
    const int limit = elements > 16 ? 16 : static_cast<int>(elements);
    const Words in =
        _mm256_cmpgt_epi16(_mm256_set1_epi16(static_cast<int16_t>(limit)),
                           _mm256_setr_epi16(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15));
    return _mm256_and_si256(in, _mm256_sub_epi16(wide, zero));
  } else if constexpr (kHow == PackFrom::kF16) {
    return _mm256_castps_si256(_mm256_cvtph_ps(load_bytes<16>(p, 2 * elements)));
  } else if constexpr (kHow == PackFrom::kBF16) {
    return _mm256_slli_epi32(_mm256_cvtepu16_epi32(load_bytes<16>(p, 2 * elements)), 16);
  } else {
    const Words words =
        _mm256_maskload_epi32(reinterpret_cast<const int*>(p), lanes_below(elements));
    return kHow == PackFrom::kTf32 ? tf32_words(words) : words;
  }
}
HALFTONE_INLINE void store_words(Word* to, int64_t n, Words words) {
  if (n >= kLanes)
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), words);
  else
    _mm256_maskstore_epi32(reinterpret_cast<int*>(to), lanes_below(n), words);
}
template <PackFrom kHow>
HALFTONE_INLINE Words pair_words(const char* p, const char* q, int64_t n, Words zero) {
  const __m128i low = load_bytes<8>(p, n), high = q ? load_bytes<8>(q, n) : _mm_setzero_si128();
  const bool is_signed = kHow == PackFrom::kS8;
  const Words l = is_signed ? _mm256_cvtepi8_epi32(low) : _mm256_cvtepu8_epi32(low);
  const Words h = is_signed ? _mm256_cvtepi8_epi32(high) : _mm256_cvtepu8_epi32(high);
  const Words word = _mm256_sub_epi16(_mm256_blend_epi16(l, _mm256_slli_epi32(h, 16), 0xaa), zero);
  const Words in = q ? lanes_below(n) : _mm256_srli_epi32(lanes_below(n), 16);
  return _mm256_and_si256(word, in);
}
HALFTONE_INLINE Words zeros_of(int32_t zero) {
  return _mm256_set1_epi16(static_cast<int16_t>(zero));
}

HALFTONE_INLINE void transpose(Words r[8]) {
  Words t[8];
  for (int i = 0; i < 8; i += 4) {
    const Words a = _mm256_unpacklo_epi32(r[i], r[i + 1]),
                b = _mm256_unpackhi_epi32(r[i], r[i + 1]);
    const Words c = _mm256_unpacklo_epi32(r[i + 2], r[i + 3]),
                d = _mm256_unpackhi_epi32(r[i + 2], r[i + 3]);
    t[i] = _mm256_unpacklo_epi64(a, c), t[i + 1] = _mm256_unpackhi_epi64(a, c);
    t[i + 2] = _mm256_unpacklo_epi64(b, d), t[i + 3] = _mm256_unpackhi_epi64(b, d);
  }
  for (int i = 0; i < 4; ++i) {
    r[i] = _mm256_permute2x128_si256(t[i], t[4 + i], 0x20);
    r[4 + i] = _mm256_permute2x128_si256(t[i], t[4 + i], 0x31);
  }
}
#endif

#if defined(__AVX2__)
// The lines of a block as columns: the first `steps` of them at most, `stride` words apart, `n` of
// each.
HALFTONE_INLINE void store_transposed(Words block[kLanes], int64_t steps, Word* to, int64_t stride,
                                      int64_t n) {
  transpose(block);
  if (steps >= kLanes)
    for (int j = 0; j < kLanes; ++j) store_words(to + j * stride, n, block[j]);
  else
    for (int64_t j = 0; j < steps; ++j) store_words(to + j * stride, n, block[j]);
}
#endif

}  // namespace
}  // namespace HALFTONE_ISA_NS
}  // namespace halftone
