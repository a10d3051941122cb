// Rows of elements, copied or thinned.
#pragma once
#include <cstdint>
#include <type_traits>

#include "core/cpu_features.h"

namespace halftone {

/// to[r * to_step + i * channels + c] = from[r * from_step + i * stride * channels + c] for r <
/// rows, i < n and c < channels. `to` may lie below `from` in one array, for stride 1.
template <class T>
struct TakeRows {
  const T* from;
  T* to;
  int64_t rows, n;
  int64_t from_step, to_step;
  int64_t stride;
};

HALFTONE_ISA_DECLARE(void take_rows_32(const TakeRows<uint32_t>& p);)
HALFTONE_ISA_DECLARE(void take_rows_16(const TakeRows<uint16_t>& p);)

template <class T>
void take_rows(const TakeRows<T>& p) {
  using Bits = std::conditional_t<sizeof(T) == 4, uint32_t, uint16_t>;
  static_assert(sizeof(T) == sizeof(Bits));
  const TakeRows<Bits> bits{reinterpret_cast<const Bits*>(p.from),
                            reinterpret_cast<Bits*>(p.to),
                            p.rows,
                            p.n,
                            p.from_step,
                            p.to_step,
                            p.stride};
  if constexpr (sizeof(T) == 4)
    HALFTONE_ISA_PICK(take_rows_32)(bits);
  else
    HALFTONE_ISA_PICK(take_rows_16)(bits);
}

}  // namespace halftone
