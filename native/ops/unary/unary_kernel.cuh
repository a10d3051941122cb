// Functions of one tensor, 16 bytes per thread and step. Memory-bound but for exp, erf and the
// like: 2 * sizeof(T) bytes per element.
#pragma once
#include "device/elementwise.h"
#include "ops/unary/unary_math.h"

namespace halftone {

/// A row of the table of unary functions.
template <class Row>
struct UnaryFunction {
  template <class C>
  constexpr C operator()(C x) const {
    return Row::apply(x);
  }
};

template <bool kByTanh>
struct GeluFunction {
  template <class C>
  constexpr C operator()(C x) const {
    if constexpr (kByTanh)
      return math::gelu_tanh(x);
    else
      return math::gelu_erf(x);
  }
};

template <class C>
struct ClipFunction {
  C low, high;
  constexpr C operator()(C x) const { return math::clip(x, low, high); }
};

/// y = f(x), computed in ComputeType<T> and rounded once. x, y: n elements each, y may be x. With
/// `packs`, both are aligned to 16 bytes. 64 registers are allowed: with fewer, exp of float64
/// spills.
template <class T, class F>
__global__ void __launch_bounds__(256, 4)
    unary_elements(F f, const T* x, T* y, int64_t n, bool packs) {
  constexpr int kPack = device::kPerPack<T>;
  using Pack = device::Pack<T, kPack>;
  const int64_t thread = static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  const int64_t threads = static_cast<int64_t>(gridDim.x) * blockDim.x;
  const int64_t whole = packs ? n / kPack : 0;
  for (int64_t i = thread; i < whole; i += threads) {
    const Pack from = reinterpret_cast<const Pack*>(x)[i];
    Pack to;
    for (int j = 0; j < kPack; ++j) to.v[j] = device::narrow<T>(f(device::widen(from.v[j])));
    reinterpret_cast<Pack*>(y)[i] = to;
  }
  for (int64_t i = whole * kPack + thread; i < n; i += threads)
    y[i] = device::narrow<T>(f(device::widen(x[i])));
}

}  // namespace halftone
