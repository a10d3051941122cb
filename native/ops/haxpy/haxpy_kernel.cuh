// z = fma_f16(alpha, x, y), eight halves per thread and step. Memory-bound: 6 bytes per element.
#pragma once
#include "device/half.h"

namespace halftone {

/// x, y, z: n float16 each, z may be x or y. With `packs`, all three are aligned to 16 bytes.
__global__ void __launch_bounds__(256)
    haxpy_f16(f16 alpha, const f16* x, const f16* y, f16* z, int64_t n, bool packs) {
  using device::f16x2;
  using Halves = device::Pack<f16x2, 4>;
  const int64_t thread = static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  const int64_t threads = static_cast<int64_t>(gridDim.x) * blockDim.x;
  const int64_t whole = packs ? n / 8 : 0;
  const f16x2 a = device::pair(alpha);
  for (int64_t i = thread; i < whole; i += threads) {
    const Halves vx = reinterpret_cast<const Halves*>(x)[i],
                 vy = reinterpret_cast<const Halves*>(y)[i];
    Halves vz;
    for (int j = 0; j < 4; ++j) vz.v[j] = device::fma(a, vx.v[j], vy.v[j]);
    reinterpret_cast<Halves*>(z)[i] = vz;
  }
  for (int64_t i = whole * 8 + thread; i < n; i += threads) z[i] = device::fma(alpha, x[i], y[i]);
}

}  // namespace halftone
