// Softmax of one row. Plain C++ without other headers of the project, for softmax_isa.cc.
#pragma once
#include <cstdint>

#include "core/arithmetic.h"
#include "core/exponential.h"

namespace halftone {

/// x[i] = exp(x[i] - max) / sum. Maximum and sum have 16 partial values each: term i goes to lane i
/// % 16, the lanes are folded by halves. Static: each instruction set keeps a copy of its own.
template <class C>
static void softmax_in_place(C* x, int64_t n) {
  constexpr int kLanes = 16;
  const int64_t whole = n - n % kLanes;
  C greatest[kLanes], sum[kLanes];
  for (int k = 0; k < kLanes; ++k) greatest[k] = x[0];
  for (int64_t i = 0; i < whole; i += kLanes)
    for (int k = 0; k < kLanes; ++k) greatest[k] = math::maximum(greatest[k], x[i + k]);
  for (int64_t i = whole; i < n; ++i)
    greatest[i - whole] = math::maximum(greatest[i - whole], x[i]);
  for (int half = kLanes / 2; half > 0; half /= 2)
    for (int k = 0; k < half; ++k) greatest[k] = math::maximum(greatest[k], greatest[k + half]);

  const C m = greatest[0];
  for (int64_t i = 0; i < n; ++i) x[i] = math::exp(x[i] - m);

  for (int k = 0; k < kLanes; ++k) sum[k] = 0;
  for (int64_t i = 0; i < whole; i += kLanes)
    for (int k = 0; k < kLanes; ++k) sum[k] += x[i + k];
  for (int64_t i = whole; i < n; ++i) sum[i - whole] += x[i];
  for (int half = kLanes / 2; half > 0; half /= 2)
    for (int k = 0; k < half; ++k) sum[k] += sum[k + half];

  const C total = sum[0];
  for (int64_t i = 0; i < n; ++i) x[i] /= total;
}

}  // namespace halftone
