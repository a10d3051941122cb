#include "ops/conv2d/conv_planes_isa.h"

#include "core/vectors.h"

namespace halftone {
namespace HALFTONE_ISA_NS {
namespace {

// Elements are moved as bits, of whatever type.

#if defined(__AVX512BW__)
HALFTONE_INLINE void copy_rest(const uint32_t* from, int64_t n, uint32_t* to) {
  const auto lanes = static_cast<__mmask16>((1u << n) - 1);
  _mm512_mask_storeu_epi32(to, lanes, _mm512_maskz_loadu_epi32(lanes, from));
}
HALFTONE_INLINE void copy_rest(const uint16_t* from, int64_t n, uint16_t* to) {
  const auto lanes = static_cast<__mmask32>((uint64_t{1} << n) - 1);
  _mm512_mask_storeu_epi16(to, lanes, _mm512_maskz_loadu_epi16(lanes, from));
}
#else
template <class T>
HALFTONE_INLINE void copy_rest(const T* from, int64_t n, T* to) {
  for (int64_t i = 0; i < n; ++i) to[i] = from[i];
}
#endif

template <class T>
HALFTONE_INLINE void copy(const T* from, int64_t n, T* to) {
  using Lanes = Vectors<T>;
  constexpr int kLanes = Lanes::kLanes;
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) Lanes::store(to + i, Lanes::load(from + i));
  if (i < n) copy_rest(from + i, n - i, to + i);
}

// A vector of results comes from two vectors of the row, which end with the last element of it that
// is taken: there may be nothing behind.
template <class T>
HALFTONE_INLINE int64_t copy_every_other(const T* from, int64_t n, T* to) {
  using Lanes = Vectors<T>;
  using Vector = typename Lanes::Vector;
  constexpr int kLanes = Lanes::kLanes;
  Vector even;
  for (int i = 0; i < kLanes; ++i) even[i] = static_cast<T>(i < kLanes / 2 ? 2 * i : 2 * i + 1);
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) {
    const Vector low = Lanes::load(from + 2 * i);
    const Vector high = Lanes::load(from + 2 * i + kLanes - 1);
    Lanes::store(to + i, __builtin_shuffle(low, high, even));
  }
  return i;
}

template <class T>
void take(const TakeRows<T>& p) {
  const T* from = p.from;
  T* to = p.to;
  for (int64_t r = 0; r < p.rows; ++r, from += p.from_step, to += p.to_step) {
    if (p.stride == 1) {
      copy(from, p.n, to);
      continue;
    }
    for (int64_t i = p.stride == 2 ? copy_every_other(from, p.n, to) : 0; i < p.n; ++i)
      to[i] = from[i * p.stride];
  }
}

}  // namespace

void take_rows_32(const TakeRows<uint32_t>& p) { take(p); }
void take_rows_16(const TakeRows<uint16_t>& p) { take(p); }

}  // namespace HALFTONE_ISA_NS
}  // namespace halftone
