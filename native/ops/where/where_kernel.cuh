// where: moves elements by their size alone, 16 bytes of a and b per thread and step.
#pragma once
#include "device/strided.h"

namespace halftone {

/// y = condition ? a : b. T: an unsigned integer of the elements' size. y: n elements, the first
/// tensor of `axes`; condition, a and b are the others. With `packs`, all four can be taken in
/// packs of 16 / sizeof(T) elements (device::takes_packs).
template <class T>
__global__ void __launch_bounds__(256)
    where_elements(device::Strided<4> axes, const uint8_t* condition, const T* a, const T* b, T* y,
                   uint32_t n, bool packs) {
  constexpr int kPack = device::kPerPack<T>;
  const uint32_t thread = blockIdx.x * blockDim.x + threadIdx.x;
  const uint32_t threads = gridDim.x * blockDim.x;
  const uint32_t whole = packs ? n / kPack : 0;
  int64_t at[4];
  for (uint32_t i = thread; i < whole; i += threads) {
    axes.offsets(i * kPack, at);
    const auto choice = device::load_pack<kPack>(condition + at[1], axes.splats(1));
    const auto from_a = device::load_pack<kPack>(a + at[2], axes.splats(2));
    const auto from_b = device::load_pack<kPack>(b + at[3], axes.splats(3));
    device::Pack<T, kPack> to;
    for (int j = 0; j < kPack; ++j) to.v[j] = choice.v[j] ? from_a.v[j] : from_b.v[j];
    *reinterpret_cast<device::Pack<T, kPack>*>(y + at[0]) = to;
  }
  for (uint32_t i = whole * kPack + thread; i < n; i += threads) {
    axes.offsets(i, at);
    y[at[0]] = condition[at[1]] ? a[at[2]] : b[at[3]];
  }
}

}  // namespace halftone
