#include "core/elementwise.h"
#include "ops/weighted_sum/weighted_sum.h"

namespace halftone {
namespace {

template <class C>
void add_product(C weight, const C* __restrict x, C* __restrict sum, int64_t n) {
  for (int64_t i = 0; i < n; ++i) sum[i] += weight * x[i];
}

Status weighted_sum_cpu(const NoParams&, const KernelContext& context) {
  const TensorView& y = context.out();
  const float* weights = context.in(0).as<float>();
  dispatch(y.dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    using C = ComputeType<T>;
    if constexpr (std::is_floating_point_v<C>)
      context.parallel_for(y.elements(), kElementwiseGrain, [&](int64_t first, int64_t last) {
        alignas(64) C sum[kBlock], scratch[kBlock];
        for (int64_t i = first; i < last; i += kBlock) {
          const int64_t n = std::min(kBlock, last - i);
          // Not from 0 + the first product: that would lose the sign of a zero.
          for (int k = 1; k < context.inputs(); ++k) {
            const C weight = weights[k - 1];
            const T* stored = context.in(k).as<T>() + i;
            const C* x;
            if constexpr (is_widened<T>) {
              convert(stored, scratch, n);
              x = scratch;
            } else {
              x = stored;
            }
            if (k == 1)
              for (int64_t j = 0; j < n; ++j) sum[j] = weight * x[j];
            else
              add_product(weight, x, sum, n);
          }
          if constexpr (is_widened<T>)
            convert(sum, y.as<T>() + i, n);
          else
            std::copy(sum, sum + n, y.as<T>() + i);
        }
      });
  });
  const std::string kernel = concat("weightedSum_", info(y.dtype).short_name);
  const char* arithmetic = name(compute_dtype(y.dtype));
  context.made_by(kernel.c_str(), name(y.dtype), arithmetic, arithmetic);
  return {};
}

}  // namespace

std::vector<CpuOp> weighted_sum_cpu_ops() { return {cpu_op<WeightedSum, weighted_sum_cpu>()}; }

}  // namespace halftone
