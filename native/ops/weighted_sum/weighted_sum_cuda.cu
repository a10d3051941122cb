#include "device/context.h"
#include "device/elementwise.h"
#include "ops/weighted_sum/weighted_sum.h"
#include "ops/weighted_sum/weighted_sum_kernel.cuh"

namespace halftone {
namespace {

template <class T>
Status sum_up(DeviceContext& context) {
  using C = ComputeType<T>;
  const TensorView& y = context.out();
  const int64_t n = y.elements();
  const float* weights = context.in(0).as<float>();
  const int count = context.inputs() - 1;
  C* sum = nullptr;
  if (count > kWeightedSumTerms) {
    void* memory = nullptr;
    HALFTONE_TRY(context.scratch(static_cast<size_t>(n) * sizeof(C), &memory));
    sum = static_cast<C*>(memory);
  }
  for (int first = 0; first < count; first += kWeightedSumTerms) {
    WeightedSumTerms terms{};
    terms.count = std::min(count - first, kWeightedSumTerms);
    const bool last = first + terms.count == count;
    bool packs = device::aligned16(y.data);
    for (int k = 0; k < terms.count; ++k) {
      terms.x[k] = context.in(1 + first + k).data;
      packs = packs && device::aligned16(terms.x[k]);
    }
    HALFTONE_TRY(device::launch(
        "weightedSum", weighted_sum<T>,
        device::elementwise_grid(context.properties(), n, packs ? device::kPerPack<T> : 1),
        device::kElementwiseThreads, 0, context.stream(), terms, weights + first,
        first > 0 ? sum : nullptr, sum, last ? y.as<T>() : nullptr, n, packs));
  }
  return {};
}

Status weighted_sum_cuda(const NoParams&, DeviceContext& context) {
  const TensorView& y = context.out();
  const char* arithmetic = name(compute_dtype(y.dtype));
  context.made_by({concat("weightedSum_", info(y.dtype).short_name).c_str(), name(y.dtype),
                   arithmetic, arithmetic});
  if (y.elements() == 0) return {};
  return dispatch(y.dtype, [&](auto tag) -> Status {
    using T = typename decltype(tag)::type;
    if constexpr (std::is_floating_point_v<ComputeType<T>>)
      return sum_up<T>(context);
    else
      return {};
  });
}

}  // namespace

std::vector<CudaOp> weighted_sum_cuda_ops() { return {cuda_op<WeightedSum, weighted_sum_cuda>()}; }

}  // namespace halftone
