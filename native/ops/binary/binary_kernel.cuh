// Functions of two tensors with broadcasting, 16 bytes of each operand per thread and step.
// Memory-bound but for pow.
#pragma once
#include "device/elementwise.h"
#include "device/strided.h"

namespace halftone {

/// A row of the table of binary functions.
template <class Row>
struct BinaryFunction {
  template <class C>
  constexpr auto operator()(C a, C b) const {
    return Row::apply(a, b);
  }
};

template <class Y, class F, class T>
HALFTONE_HD Y binary_element(const F& f, T a, T b) {
  if constexpr (is_widened<Y>)
    return device::narrow<Y>(f(device::widen(a), device::widen(b)));
  else
    return static_cast<Y>(f(device::widen(a), device::widen(b)));
}

/// y = f(a, b), computed in ComputeType<T>: a T, rounded once, or 0 or 1. y: n elements, the first
/// tensor of `axes`; a and b are the others. With `packs`, all three can be taken in packs of 16
/// bytes of T (device::takes_packs).
template <class T, class Y, class F>
__global__ void __launch_bounds__(256, 4)
    binary_elements(F f, device::Strided<3> axes, const T* a, const T* b, Y* y, uint32_t n,
                    bool packs) {
  constexpr int kPack = device::kPerPack<T>;
  const uint32_t thread = blockIdx.x * blockDim.x + threadIdx.x;
  const uint32_t threads = gridDim.x * blockDim.x;
  const uint32_t whole = packs ? n / kPack : 0;
  const bool splat_a = axes.splats(1), splat_b = axes.splats(2);
  int64_t at[3];
  for (uint32_t i = thread; i < whole; i += threads) {
    axes.offsets(i * kPack, at);
    const auto from_a = device::load_pack<kPack>(a + at[1], splat_a);
    const auto from_b = device::load_pack<kPack>(b + at[2], splat_b);
    device::Pack<Y, kPack> to;
    for (int j = 0; j < kPack; ++j) to.v[j] = binary_element<Y>(f, from_a.v[j], from_b.v[j]);
    *reinterpret_cast<device::Pack<Y, kPack>*>(y + at[0]) = to;
  }
  for (uint32_t i = whole * kPack + thread; i < n; i += threads) {
    axes.offsets(i, at);
    y[at[0]] = binary_element<Y>(f, a[at[1]], b[at[2]]);
  }
}

}  // namespace halftone
