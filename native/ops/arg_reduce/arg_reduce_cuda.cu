#include "device/reduction_launch.h"
#include "ops/arg_reduce/arg_reduce.h"
#include "ops/arg_reduce/arg_reduce_kernel.cuh"

namespace halftone {
namespace {

template <bool kMax>
Status arg_reduce_cuda(const ArgReduceParams& p, DeviceContext& context) {
  const TensorView& x = context.in(0);
  const std::string kernel = concat(ArgReduce<kMax>::kName, "_", info(x.dtype).short_name);
  const char* arithmetic = is_integer(x.dtype)      ? "int64"
                           : x.dtype == DType::kF64 ? "float64"
                                                    : "float32";
  context.made_by({kernel.c_str(), name(x.dtype), arithmetic, "int64"});
  if (context.out().elements() == 0) return {};
  int32_t axis;
  HALFTONE_TRY(normalize_axis(p.axis, x.shape.rank, "axis", &axis));
  bool reduced[kMaxRank] = {};
  reduced[axis] = true;
  const device::Reduction r = device::reduction_of(x.shape, reduced);
  int64_t* y = context.out().as<int64_t>();
  if (is_integer(x.dtype))
    return device::launch_reduction(
        "arg_reduce", context, r,
        device::Integers{x.data, x.dtype, device::Integers::ordering(x.dtype)},
        ArgFold<kMax, int64_t>{y});
  return dispatch(x.dtype, [&](auto tag) -> Status {
    using T = typename decltype(tag)::type;
    if constexpr (std::is_integral_v<T> || std::is_same_v<T, Bool>) {
      return {};
    } else {
      using Source = device::Elements<T>;
      return device::launch_reduction("arg_reduce", context, r, Source{x.as<T>()},
                                      ArgFold<kMax, typename Source::Value>{y});
    }
  });
}

}  // namespace

std::vector<CudaOp> arg_reduce_cuda_ops() {
  return {cuda_op<ArgMax, arg_reduce_cuda<true>>(), cuda_op<ArgMin, arg_reduce_cuda<false>>()};
}

}  // namespace halftone
