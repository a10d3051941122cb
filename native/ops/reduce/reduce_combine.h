// What reductions do with two values. Plain C++ without the schema, for reduce_isa.cc.
#pragma once
#include <limits>

#include "core/arithmetic.h"

namespace halftone {

enum class ReduceKind { kSum, kMean, kSumSquare, kProd, kMax, kMin };

template <ReduceKind kKind, class A>
constexpr A identity() {
  using Limits = std::numeric_limits<A>;
  if constexpr (kKind == ReduceKind::kProd)
    return 1;
  else if constexpr (kKind == ReduceKind::kMax)
    return Limits::has_infinity ? -Limits::infinity() : Limits::min();
  else if constexpr (kKind == ReduceKind::kMin)
    return Limits::has_infinity ? Limits::infinity() : Limits::max();
  else
    return 0;
}

template <ReduceKind kKind, class A>
A combine(A a, A b) {
  if constexpr (kKind == ReduceKind::kProd)
    return math::multiply(a, b);
  else if constexpr (kKind == ReduceKind::kMax)
    return math::maximum(a, b);
  else if constexpr (kKind == ReduceKind::kMin)
    return math::minimum(a, b);
  else
    return math::add(a, b);
}

/// The values that a round combines: elements in the first, squared where asked, results of chunks
/// after.
template <ReduceKind kKind, class A>
A term(A x) {
  return kKind == ReduceKind::kSumSquare ? math::multiply(x, x) : x;
}

}  // namespace halftone
