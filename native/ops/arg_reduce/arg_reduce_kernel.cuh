// argMax and argMin as folds of device/reduction.h.
#pragma once
#include "device/reduction.h"

namespace halftone {

/// The first greatest (kMax) or smallest element; the first NaN if there is one.
template <bool kMax, class A>
struct ArgFold {
  int64_t* y;

  struct State {
    int64_t index;  // -1: none yet
    A value;
  };
  __device__ State start() const { return {-1, A(0)}; }

  /// Whether x takes the place of `best`, which came before it.
  __device__ static bool beats(A x, A best) {
    if (best != best) return false;
    return x != x || (kMax ? x > best : x < best);
  }
  __device__ void take(State& s, A x, int64_t position) const {
    if (s.index < 0 || beats(x, s.value)) s = {position, x};
  }
  __device__ State merge(const State& a, const State& b) const {
    if (b.index < 0) return a;
    if (a.index < 0) return b;
    const State &first = a.index < b.index ? a : b, &second = a.index < b.index ? b : a;
    return beats(second.value, first.value) ? second : first;
  }
  __device__ void store(int64_t i, const State& s) const { y[i] = s.index; }
};

}  // namespace halftone
