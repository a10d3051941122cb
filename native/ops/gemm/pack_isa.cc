// Panels are made of 32-bit words: floats, or pairs of int16. Both kinds go through the same code:
// a block of lines is loaded as vectors of words, and transposed in registers where the lines do
// not lie side by side already.
#include "ops/gemm/words_isa.h"

namespace halftone {
namespace HALFTONE_ISA_NS {
namespace {

#if !defined(__AVX2__)

template <PackFrom kHow>
void pack_any(const PackPanel& p, int64_t line_stride, int64_t k_stride, Word* to) {
  constexpr int64_t kPer = is_bytes(kHow) ? 2 : 1;  // elements of a word
  for (int64_t k = 0; k < p.kc; k += kPer, to += p.width) {
    for (int64_t i = 0; i < p.count; ++i) {
      const int64_t at = i * line_stride + k * k_stride;
      uint32_t word = element<kHow>(p.from, at, p.zero);
      if (kPer == 2 && k + 1 < p.kc) word |= element<kHow>(p.from, at + k_stride, p.zero) << 16;
      to[i] = word;
    }
    for (int64_t i = p.count; i < p.width; ++i) to[i] = 0;
  }
}

#else

template <PackFrom kHow>
void lines(const PackPanel& p, Word* to) {
  constexpr int64_t kPer = is_bytes(kHow) ? 2 : 1, kSize = size_of(kHow);
  const char* from = static_cast<const char*>(p.from);
  const Words zero = zeros_of(p.zero);
  const int64_t words = (p.kc + kPer - 1) / kPer;
  for (int64_t i = 0; i < p.width; i += kLanes)
    for (int64_t k = 0; k < words; k += kLanes) {
      Words block[kLanes];
      const int64_t left = p.kc - k * kPer;
      for (int j = 0; j < kLanes; ++j) {
        block[j] = Words{};
        if (i + j < p.count)
          block[j] = load_words<kHow>(from + ((i + j) * p.stride + k * kPer) * kSize, left, zero);
      }
      store_transposed(block, words - k, to + k * p.width + i, p.width, p.width - i);
    }
}

template <PackFrom kHow>
void steps(const PackPanel& p, Word* to) {
  constexpr int64_t kSize = size_of(kHow);
  const char* from = static_cast<const char*>(p.from);
  const Words zero = zeros_of(p.zero);
  if constexpr (is_bytes(kHow)) {
    for (int64_t k = 0; k < p.kc; k += 2, to += p.width)
      for (int64_t i = 0; i < p.width; i += kLanes) {
        const char* at = from + k * p.stride + i;
        Words words{};
        if (i < p.count)
          words = pair_words<kHow>(at, k + 1 < p.kc ? at + p.stride : nullptr, p.count - i, zero);
        store_words(to + i, p.width - i, words);
      }
  } else {
    for (int64_t k = 0; k < p.kc; ++k, to += p.width)
      for (int64_t i = 0; i < p.width; i += kLanes) {
        Words words{};
        if (i < p.count)
          words = load_words<kHow>(from + (k * p.stride + i) * kSize, p.count - i, zero);
        store_words(to + i, p.width - i, words);
      }
  }
}

#endif

template <PackFrom kHow>
void pack(const PackPanel& p, bool by_lines, Word* to) {
#if defined(__AVX2__)
  if (by_lines)
    lines<kHow>(p, to);
  else
    steps<kHow>(p, to);
#else
  pack_any<kHow>(p, by_lines ? p.stride : 1, by_lines ? 1 : p.stride, to);
#endif
}

void pack(const PackPanel& p, bool by_lines, void* to) {
  Word* words = static_cast<Word*>(to);
  switch (p.how) {
    case PackFrom::kF32:
      return pack<PackFrom::kF32>(p, by_lines, words);
    case PackFrom::kTf32:
      return pack<PackFrom::kTf32>(p, by_lines, words);
    case PackFrom::kF16:
      return pack<PackFrom::kF16>(p, by_lines, words);
    case PackFrom::kBF16:
      return pack<PackFrom::kBF16>(p, by_lines, words);
    case PackFrom::kS8:
      return pack<PackFrom::kS8>(p, by_lines, words);
    case PackFrom::kU8:
      return pack<PackFrom::kU8>(p, by_lines, words);
  }
}

}  // namespace

void pack_lines(const PackPanel& panel, void* to) { pack(panel, true, to); }
void pack_steps(const PackPanel& panel, void* to) { pack(panel, false, to); }

}  // namespace HALFTONE_ISA_NS
}  // namespace halftone
