// One element in the type that it is computed in, and back: for CPU kernels that take elements one
// by one. Blocks of them are converted by core/elementwise.h.
#pragma once
#include "core/compute_type.h"

namespace halftone {

/// Exact.
template <class T>
constexpr ComputeType<T> widen_one(T x) {
  if constexpr (is_widened<T>)
    return to_float(x);
  else
    return x;
}

/// x as T, rounded once to nearest even.
template <class T, class X>
constexpr T narrow_one(X x) {
  if constexpr (std::is_same_v<T, f16>)
    return to_f16(x);
  else if constexpr (std::is_same_v<T, bf16>)
    return to_bf16(x);
  else
    return static_cast<T>(x);
}

}  // namespace halftone
