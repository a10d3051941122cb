// weightedSum: each element's terms are added in their order, as on the CPU.
#pragma once
#include "device/elementwise.h"

namespace halftone {

/// Terms that one launch adds.
inline constexpr int kWeightedSumTerms = 16;

struct WeightedSumTerms {
  const void* x[kWeightedSumTerms];
  int count;
};

/// sum = weights[0] x_0 + weights[1] x_1 + ... of the `count` terms, each product and each sum
/// rounded to C = ComputeType<T>, in this order. Terms beyond one launch: `before` has the sum of
/// all earlier ones, and `sum` is where it goes for the next launch; y is written by the last. All
/// hold n elements. With `packs`, x and y are aligned to 16 bytes.
template <class T>
__global__ void __launch_bounds__(256)
    weighted_sum(WeightedSumTerms terms, const float* weights, const ComputeType<T>* before,
                 ComputeType<T>* sum, T* y, int64_t n, bool packs) {
  using C = ComputeType<T>;
  constexpr int kPack = device::kPerPack<T>;
  using Pack = device::Pack<T, kPack>;
  const int64_t thread = static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  const int64_t threads = static_cast<int64_t>(gridDim.x) * blockDim.x;
  const int64_t whole = packs ? n / kPack : 0;
  for (int64_t i = thread; i < whole; i += threads) {
    C total[kPack];
    for (int j = 0; j < kPack; ++j) total[j] = before ? before[i * kPack + j] : C{0};
    for (int k = 0; k < terms.count; ++k) {
      const C weight = weights[k];
      const Pack x = static_cast<const Pack*>(terms.x[k])[i];
      // The first product is not added to 0: that would lose the sign of a zero.
      const bool first = !before && k == 0;
      for (int j = 0; j < kPack; ++j) {
        const C product = weight * device::widen(x.v[j]);
        total[j] = first ? product : total[j] + product;
      }
    }
    if (y) {
      Pack to;
      for (int j = 0; j < kPack; ++j) to.v[j] = device::narrow<T>(total[j]);
      reinterpret_cast<Pack*>(y)[i] = to;
    } else {
      for (int j = 0; j < kPack; ++j) sum[i * kPack + j] = total[j];
    }
  }
  for (int64_t i = whole * kPack + thread; i < n; i += threads) {
    C total = before ? before[i] : C{0};
    for (int k = 0; k < terms.count; ++k) {
      const C product = C{weights[k]} * device::widen(static_cast<const T*>(terms.x[k])[i]);
      total = !before && k == 0 ? product : total + product;
    }
    if (y)
      y[i] = device::narrow<T>(total);
    else
      sum[i] = total;
  }
}

}  // namespace halftone
