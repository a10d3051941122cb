#include "ops/conv2d/conv_pack_isa.h"

#include "ops/gemm/words_isa.h"

namespace halftone {
namespace HALFTONE_ISA_NS {
namespace {

// ---- pixels side by side ----

#if defined(__AVX512BW__)
using Lanes = __mmask16;

// Elements of the lanes in `m`, one per word: floats, or integers extended to 32 bits. Lanes not in
// `m` are neither read nor do they fault.
template <PackFrom kHow>
HALFTONE_INLINE Words load_dense(uintptr_t at, Lanes m) {
  const void* p = reinterpret_cast<const void*>(at);
  if constexpr (kHow == PackFrom::kS8) return _mm512_cvtepi8_epi32(_mm_maskz_loadu_epi8(m, p));
  if constexpr (kHow == PackFrom::kU8) return _mm512_cvtepu8_epi32(_mm_maskz_loadu_epi8(m, p));
  if constexpr (kHow == PackFrom::kF16)
    return _mm512_castps_si512(_mm512_cvtph_ps(_mm256_maskz_loadu_epi16(m, p)));
  if constexpr (kHow == PackFrom::kBF16)
    return _mm512_slli_epi32(_mm512_cvtepu16_epi32(_mm256_maskz_loadu_epi16(m, p)), 16);
  const Words words = _mm512_maskz_loadu_epi32(m, p);
  return kHow == PackFrom::kTf32 ? tf32_words(words) : words;
}
// The even ones of 32 words. pdep: lane i of the result is word 2 * i.
HALFTONE_INLINE Words load_every_other(uintptr_t at, Lanes m) {
  const uint32_t words = _pdep_u32(m, 0x55555555);
  const void* p = reinterpret_cast<const void*>(at);
  const void* q = reinterpret_cast<const void*>(at + sizeof(Words));
  const Words low = _mm512_maskz_loadu_epi32(static_cast<Lanes>(words), p);
  const Words high = _mm512_maskz_loadu_epi32(static_cast<Lanes>(words >> 16), q);
  const Words even = _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
  return _mm512_permutex2var_epi32(low, even, high);
}
HALFTONE_INLINE Words gather(uintptr_t at, Lanes m, const int32_t* index) {
  return _mm512_mask_i32gather_epi32(Words{}, m, _mm512_loadu_si512(index),
                                     reinterpret_cast<const void*>(at), 4);
}
HALFTONE_INLINE Words from_memory(const Word* w) { return _mm512_loadu_si512(w); }
HALFTONE_INLINE Words pair(Words low, Words high) {
  return _mm512_mask_blend_epi16(0xaaaaaaaa, low, _mm512_slli_epi32(high, 16));
}
template <PackFrom>
constexpr bool can_load(Lanes) {
  return true;
}
#elif defined(__AVX2__)
using Lanes = uint32_t;

HALFTONE_INLINE Words expand(Lanes m) {
  const Words bits = _mm256_setr_epi32(1, 2, 4, 8, 16, 32, 64, 128);
  return _mm256_cmpeq_epi32(_mm256_and_si256(_mm256_set1_epi32(static_cast<int>(m)), bits), bits);
}
template <PackFrom kHow>
HALFTONE_INLINE Words load_dense(uintptr_t at, Lanes m) {
  if constexpr (is_bytes(kHow)) {
    const __m128i bytes = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(at));
    return kHow == PackFrom::kS8 ? _mm256_cvtepi8_epi32(bytes) : _mm256_cvtepu8_epi32(bytes);
  } else if constexpr (kHow == PackFrom::kF16) {
    return _mm256_castps_si256(
        _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(at))));
  } else if constexpr (kHow == PackFrom::kBF16) {
    return _mm256_slli_epi32(
        _mm256_cvtepu16_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(at))), 16);
  } else {
    const Words words = _mm256_maskload_epi32(reinterpret_cast<const int*>(at), expand(m));
    return kHow == PackFrom::kTf32 ? tf32_words(words) : words;
  }
}
HALFTONE_INLINE Words load_every_other(uintptr_t at, Lanes m) {
  const Words even = _mm256_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14);
  return _mm256_mask_i32gather_epi32(Words{}, reinterpret_cast<const int*>(at), even, expand(m), 4);
}
HALFTONE_INLINE Words gather(uintptr_t at, Lanes m, const int32_t* index) {
  const Words at_lane = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(index));
  return _mm256_mask_i32gather_epi32(Words{}, reinterpret_cast<const int*>(at), at_lane, expand(m),
                                     4);
}
HALFTONE_INLINE Words from_memory(const Word* w) {
  return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(w));
}
HALFTONE_INLINE Words pair(Words low, Words high) {
  return _mm256_blend_epi16(low, _mm256_slli_epi32(high, 16), 0xaa);
}
// AVX2 has masked loads for words only.
template <PackFrom kHow>
constexpr bool can_load(Lanes m) {
  return kHow == PackFrom::kF32 || kHow == PackFrom::kTf32 || m == 0xff;
}
#endif

#if defined(__AVX2__)

// How the kLanes pixels of a block lie: side by side, or with one between any two (stride 2), or at
// 32-bit distances, or none of these.
struct Block {
  bool dense = true, every_other = true, near = true;
  int32_t index[kLanes];
};

template <PackFrom kHow>
HALFTONE_INLINE Words load(const PixelSteps& p, const Block& block, int64_t i, int64_t k) {
  const Lanes m = static_cast<Lanes>(p.inside[k] >> i & ((uint64_t{1} << kLanes) - 1));
  if (m == 0) return Words{};
  // Not a pointer: the first pixel of a block may lie outside of the tensor, masked out.
  const uintptr_t at = reinterpret_cast<uintptr_t>(p.from) +
                       static_cast<uintptr_t>((p.position[i] + p.offset[k]) * size_of(kHow));
  if (block.dense && can_load<kHow>(m)) return load_dense<kHow>(at, m);
  if constexpr (kHow == PackFrom::kF32 || kHow == PackFrom::kTf32)
    if (block.near) {
      const Words words = block.every_other ? load_every_other(at, m) : gather(at, m, block.index);
      return kHow == PackFrom::kTf32 ? tf32_words(words) : words;
    }
  alignas(64) Word words[kLanes];
  for (int j = 0; j < kLanes; ++j)
    words[j] = m >> j & 1 ? element<kHow>(p.from, p.position[i + j] + p.offset[k], 0) : 0;
  return from_memory(words);
}

template <PackFrom kHow>
void pixel_steps(const PixelSteps& p, Word* to) {
  Block blocks[64 / kLanes];
  for (int64_t i = 0; i < p.width; i += kLanes) {
    Block& block = blocks[i / kLanes];
    for (int j = 0; j < kLanes; ++j) {
      const int64_t distance = p.position[i + j] - p.position[i];
      block.dense &= distance == j;
      block.every_other &= distance == 2 * j;
      block.index[j] = static_cast<int32_t>(distance);
      block.near &= block.index[j] == distance;
    }
  }
  for (int64_t k = 0; k < p.kc; k += is_bytes(kHow) ? 2 : 1, to += p.width)
    for (int64_t i = 0; i < p.width; i += kLanes) {
      const Block& block = blocks[i / kLanes];
      Words words = load<kHow>(p, block, i, k);
      if constexpr (is_bytes(kHow))
        words = pair(words, k + 1 < p.kc ? load<kHow>(p, block, i, k + 1) : Words{});
      store_words(to + i, p.width - i, words);
    }
}

// ---- channels side by side ----

template <PackFrom kHow>
void pixel_lines(const PixelLines& p, Word* to) {
  constexpr int64_t kPer = is_bytes(kHow) ? 2 : 1, kSize = size_of(kHow);
  const char* from = static_cast<const char*>(p.from);
  const int64_t words = (p.kc + kPer - 1) / kPer;
  for (int64_t i = 0; i < p.width; i += kLanes)
    for (int64_t k = 0; k < words; k += kLanes) {
      Words block[kLanes];
      for (int j = 0; j < kLanes; ++j) {
        block[j] = Words{};
        if (i + j < p.count && p.start[i + j] >= 0)
          block[j] = load_words<kHow>(from + (p.start[i + j] + k * kPer) * kSize, p.kc - k * kPer,
                                      Words{});
      }
      store_transposed(block, words - k, to + k * p.width + i, p.width, p.width - i);
    }
}

#else

template <PackFrom kHow>
void pixel_steps(const PixelSteps& p, Word* to) {
  constexpr int64_t kPer = is_bytes(kHow) ? 2 : 1;
  for (int64_t k = 0; k < p.kc; k += kPer, to += p.width)
    for (int64_t i = 0; i < p.width; ++i) {
      uint32_t word =
          p.inside[k] >> i & 1 ? element<kHow>(p.from, p.position[i] + p.offset[k], 0) : 0;
      if (kPer == 2 && k + 1 < p.kc && (p.inside[k + 1] >> i & 1))
        word |= element<kHow>(p.from, p.position[i] + p.offset[k + 1], 0) << 16;
      to[i] = word;
    }
}

template <PackFrom kHow>
void pixel_lines(const PixelLines& p, Word* to) {
  constexpr int64_t kPer = is_bytes(kHow) ? 2 : 1;
  for (int64_t k = 0; k < p.kc; k += kPer, to += p.width)
    for (int64_t i = 0; i < p.width; ++i) {
      to[i] = 0;
      if (i >= p.count || p.start[i] < 0) continue;
      to[i] = element<kHow>(p.from, p.start[i] + k, 0);
      if (kPer == 2 && k + 1 < p.kc) to[i] |= element<kHow>(p.from, p.start[i] + k + 1, 0) << 16;
    }
}

#endif

// ---- after the sums ----

template <bool kBias, bool kRelu>
HALFTONE_INLINE void finish(const float* sums, int64_t n, const float* bias, int64_t step,
                            float* out) {
  for (int64_t i = 0; i < n; ++i) {
    float v = sums[i];
    if (kBias) v += bias[i * step];
    out[i] = kRelu && v <= 0 ? 0 : v;
  }
}
// Modulo 2^32, hence unsigned.
template <bool kBias, bool kRelu>
HALFTONE_INLINE void finish(const int32_t* sums, int64_t n, const int32_t* bias, int64_t step,
                            int32_t* out) {
  for (int64_t i = 0; i < n; ++i) {
    uint32_t v = static_cast<uint32_t>(sums[i]);
    if (kBias) v += static_cast<uint32_t>(bias[i * step]);
    const int32_t sum = static_cast<int32_t>(v);
    out[i] = kRelu && sum < 0 ? 0 : sum;
  }
}
template <class T>
HALFTONE_INLINE void finish_any(const T* sums, int64_t n, const T* bias, int64_t step, bool relu,
                                T* out) {
  if (!bias)
    return relu ? finish<false, true>(sums, n, bias, 0, out)
                : finish<false, false>(sums, n, bias, 0, out);
  if (step == 0) {
    const T one = *bias;
    return relu ? finish<true, true>(sums, n, &one, 0, out)
                : finish<true, false>(sums, n, &one, 0, out);
  }
  return relu ? finish<true, true>(sums, n, bias, 1, out)
              : finish<true, false>(sums, n, bias, 1, out);
}

}  // namespace

void pack_pixel_steps(const PixelSteps& panel, void* to) {
  Word* words = static_cast<Word*>(to);
  switch (panel.how) {
    case PackFrom::kF32:
      return pixel_steps<PackFrom::kF32>(panel, words);
    case PackFrom::kTf32:
      return pixel_steps<PackFrom::kTf32>(panel, words);
    case PackFrom::kF16:
      return pixel_steps<PackFrom::kF16>(panel, words);
    case PackFrom::kBF16:
      return pixel_steps<PackFrom::kBF16>(panel, words);
    case PackFrom::kS8:
      return pixel_steps<PackFrom::kS8>(panel, words);
    case PackFrom::kU8:
      return pixel_steps<PackFrom::kU8>(panel, words);
  }
}

void pack_pixel_lines(const PixelLines& panel, void* to) {
  Word* words = static_cast<Word*>(to);
  switch (panel.how) {
    case PackFrom::kF32:
      return pixel_lines<PackFrom::kF32>(panel, words);
    case PackFrom::kTf32:
      return pixel_lines<PackFrom::kTf32>(panel, words);
    case PackFrom::kF16:
      return pixel_lines<PackFrom::kF16>(panel, words);
    case PackFrom::kBF16:
      return pixel_lines<PackFrom::kBF16>(panel, words);
    case PackFrom::kS8:
      return pixel_lines<PackFrom::kS8>(panel, words);
    case PackFrom::kU8:
      return pixel_lines<PackFrom::kU8>(panel, words);
  }
}

// Bits are compared, not numbers: sums of floats would have to be added one after the other.
bool conv_any_special(const float* sums, int64_t n, bool zeros) {
  constexpr uint32_t kMagnitude = 0x7fffffff, kInfinity = 0x7f800000;
  const uint32_t least = zeros ? 1 : 0;
  uint32_t special = 0;
  for (int64_t i = 0; i < n; ++i) {
    uint32_t bits;
    __builtin_memcpy(&bits, sums + i, sizeof bits);
    bits &= kMagnitude;
    special |= static_cast<uint32_t>(bits < least) | static_cast<uint32_t>(bits >= kInfinity);
  }
  return special != 0;
}
void conv_finish_f32(const float* sums, int64_t n, const float* bias, int64_t bias_step, bool relu,
                     float* out) {
  finish_any(sums, n, bias, bias_step, relu, out);
}
void conv_finish_s32(const int32_t* sums, int64_t n, const int32_t* bias, int64_t bias_step,
                     bool relu, int32_t* out) {
  finish_any(sums, n, bias, bias_step, relu, out);
}

}  // namespace HALFTONE_ISA_NS
}  // namespace halftone
