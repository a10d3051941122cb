// Reductions as folds of device/reduction.h, and the sums that round to float16 after each term.
#pragma once
#include "device/reduction.h"
#include "ops/reduce/reduce_combine.h"

namespace halftone {

/// Where results go: rounded once from the accumulator's type.
template <class T>
struct FloatResults {
  T* y;
  template <class A>
  __device__ void put(int64_t i, A v) const {
    if constexpr (sizeof(T) == 8)
      y[i] = v;
    else
      y[i] = device::from_float<T>(v);
  }
};
/// The low bits of an int64.
struct IntegerResults {
  void* y;
  DType dtype;
  int64_t flip;  // as the elements
  __device__ void put(int64_t i, int64_t v) const {
    device::Integers::typed(dtype, [&](auto tag) {
      using T = decltype(tag);
      static_cast<T*>(y)[i] = static_cast<T>(v ^ flip);
    });
  }
};

/// A sum (also of squares, also for a mean), a product or an extremum of floats. A is the type of
/// the running result: float or double.
template <ReduceKind kKind, class A, class Results>
struct FloatFold {
  Results results;
  A identity;
  A divisor;  // of a mean
  bool divide, squares;

  struct State {
    A v;
  };
  __device__ State start() const { return {identity}; }
  __device__ void take(State& s, A x, int64_t) const {
    if constexpr (kKind == ReduceKind::kSum) x *= squares ? x : A(1);  // no branch in the loop
    s.v = combine<kKind>(s.v, x);
  }
  __device__ State merge(const State& a, const State& b) const {
    return {combine<kKind>(a.v, b.v)};
  }
  __device__ void store(int64_t i, const State& s) const {
    results.put(i, divide ? math::divide(s.v, divisor) : s.v);
  }
};

/// All of these of integers, in int64: one kernel, because nothing waits for its arithmetic.
struct IntegerFold {
  IntegerResults results;
  ReduceKind kind;
  int64_t identity;  // the limits of the result's own type, not int64's
  int64_t divisor;

  struct State {
    int64_t v;
  };
  __device__ State start() const { return {identity}; }
  __device__ int64_t combined(int64_t a, int64_t b) const {
    switch (kind) {
      case ReduceKind::kProd:
        return combine<ReduceKind::kProd>(a, b);
      case ReduceKind::kMax:
        return combine<ReduceKind::kMax>(a, b);
      case ReduceKind::kMin:
        return combine<ReduceKind::kMin>(a, b);
      default:
        return combine<ReduceKind::kSum>(a, b);
    }
  }
  __device__ int64_t mean(int64_t sum) const {
    if (results.dtype != DType::kU64) return math::divide(sum, divisor);
    return static_cast<int64_t>(
        math::divide(static_cast<uint64_t>(sum), static_cast<uint64_t>(divisor)));
  }
  __device__ void take(State& s, int64_t x, int64_t) const {
    s.v = combined(s.v, kind == ReduceKind::kSumSquare ? term<ReduceKind::kSumSquare>(x) : x);
  }
  __device__ State merge(const State& a, const State& b) const { return {combined(a.v, b.v)}; }
  __device__ void store(int64_t i, const State& s) const {
    results.put(i, kind == ReduceKind::kMean ? mean(s.v) : s.v);
  }
};

/// y[i]: the terms of result i one after the other, each result rounded to float16. One thread for
/// each: the order is the contract, and leaves nothing to share.
template <ReduceKind kKind>
__global__ void __launch_bounds__(device::kReduceThreads)
    reduce_in_order_f16(const f16* x, f16* y, device::Reduction r, f16 start) {
  const int64_t result = static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (result >= r.results) return;
  const int64_t kept = r.columns == 1 ? result : result / r.columns;
  const f16* from = x + device::offset_of(r.kept, kept) + (result - kept * r.columns);
  const bool one_axis = r.reduced.count <= 1;
  f16 sum = start;
  for (int64_t i = 0; i < r.terms; ++i) {
    const f16 v = from[one_axis ? i * r.reduced.strides[0] : device::offset_of(r.reduced, i)];
    if constexpr (kKind == ReduceKind::kSumSquare)
      sum = device::fma(v, v, sum);
    else if constexpr (kKind == ReduceKind::kProd)
      sum = device::mul(sum, v);
    else
      sum = device::add(sum, v);
  }
  if constexpr (kKind == ReduceKind::kMean)
    sum = device::from_float<f16>(device::to_float(sum) / static_cast<float>(r.terms));
  y[result] = sum;
}

}  // namespace halftone
