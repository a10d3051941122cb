// What reductions do with two values. Plain C++ without the schema, for reduce_isa.cc.
#pragma once
#include <cstdint>
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
HALFTONE_HD A combine(A a, A b) {
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
HALFTONE_HD A term(A x) {
  return kKind == ReduceKind::kSumSquare ? math::multiply(x, x) : x;
}

// Both static: each instruction set keeps copies of its own.

/// n terms, one after the other in memory: term i goes to lane i % 16, the lanes are folded by
/// halves.
template <ReduceKind kKind, class A>
static A combine_row(const A* x, int64_t n) {
  constexpr int kLanes = 16;
  A lanes[kLanes];
  for (A& lane : lanes) lane = identity<kKind, A>();
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes)
    for (int k = 0; k < kLanes; ++k) lanes[k] = combine<kKind>(lanes[k], term<kKind>(x[i + k]));
  for (int k = 0; i + k < n; ++k) lanes[k] = combine<kKind>(lanes[k], term<kKind>(x[i + k]));
  for (int half = kLanes / 2; half > 0; half /= 2)
    for (int k = 0; k < half; ++k) lanes[k] = combine<kKind>(lanes[k], lanes[k + half]);
  return lanes[0];
}

/// Row r of `x` [rows, width] goes to lane (first + r) % 16 of `to` [16, width].
template <ReduceKind kKind, class A>
static void combine_columns(A* to, int64_t width, const A* x, int64_t first, int64_t rows) {
  for (int64_t r = 0; r < rows; ++r) {
    A* __restrict lane = to + (first + r) % 16 * width;
    const A* __restrict row = x + r * width;
    for (int64_t i = 0; i < width; ++i) lane[i] = combine<kKind>(lane[i], term<kKind>(row[i]));
  }
}

}  // namespace halftone
