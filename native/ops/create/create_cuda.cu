#include <cstring>

#include "device/context.h"
#include "device/elementwise.h"
#include "ops/create/create.h"
#include "ops/create/create_kernel.cuh"

namespace halftone {
namespace {

// Outputs are allocations of their own, aligned to 256 bytes.

Status full_cuda(const Full::Params& p, DeviceContext& context) {
  const TensorView& y = context.out();
  context.made_by(
      {concat("full_", info(y.dtype).short_name).c_str(), name(y.dtype), "none", "none"});
  const int64_t bytes = y.elements() * size_of(y.dtype);
  if (bytes == 0) return {};
  FillPattern pattern;
  dispatch(y.dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    const T value = cast_value<T>(p.value, false);
    for (size_t i = 0; i < sizeof pattern; i += sizeof value)
      std::memcpy(pattern.v + i, &value, sizeof value);
  });
  return device::launch(
      "full", fill_bytes, device::elementwise_grid(context.properties(), bytes, 16),
      device::kElementwiseThreads, 0, context.stream(), pattern, y.as<uint8_t>(), bytes);
}

Status arange_cuda(const Arange::Params& p, DeviceContext& context) {
  const TensorView& y = context.out();
  const char* type = is_float(y.dtype) ? "float64" : "int64";
  context.made_by({concat("arange_", info(y.dtype).short_name).c_str(), name(y.dtype), type, type});
  const int64_t n = y.elements();
  if (n == 0) return {};
  return dispatch(y.dtype, [&](auto tag) -> Status {
    using T = typename decltype(tag)::type;
    if constexpr (std::is_same_v<T, Bool>)
      return {};
    else
      return device::launch("arange", arange_elements<T>,
                            device::elementwise_grid(context.properties(), n, 1),
                            device::kElementwiseThreads, 0, context.stream(),
                            ArangeValue<T>(p.start, p.step, n), y.as<T>(), n);
  });
}

template <class T, class Make>
Status launch_random(const Make& make, int64_t seed, DeviceContext& context) {
  const int64_t n = context.out().elements();
  return device::launch("random", random_elements<T, Make>,
                        device::elementwise_grid(context.properties(), n, Make::kPerBlock),
                        device::kElementwiseThreads, 0, context.stream(),
                        Philox{static_cast<uint64_t>(seed)}, make, context.out().as<T>(), n);
}

Status random_cuda(const Random::Params& p, DeviceContext& context) {
  const TensorView& y = context.out();
  const bool normal = p.distribution == Distribution::kNormal;
  // The seed is part of the name: with it the numbers can be made again.
  const std::string kernel = concat("random_", info(y.dtype).short_name,
                                    normal ? "_normal" : "_uniform", "_philox seed=", p.seed);
  const char* type = is_float(y.dtype) ? "float64" : "int64";
  context.made_by({kernel.c_str(), name(y.dtype), type, type});
  if (y.elements() == 0) return {};
  return dispatch(y.dtype, [&](auto tag) -> Status {
    using T = typename decltype(tag)::type;
    if constexpr (is_real<T>)
      return normal ? launch_random<T>(NormalFloats<T>{p.mean, p.std}, p.seed, context)
                    : launch_random<T>(UniformFloats<T>(p.low, p.high), p.seed, context);
    else if constexpr (std::is_integral_v<T>)
      return launch_random<T>(UniformIntegers<T>(p.low, p.high), p.seed, context);
    else
      return {};
  });
}

}  // namespace

std::vector<CudaOp> create_cuda_ops() {
  return {cuda_op<Full, full_cuda>(), cuda_op<Arange, arange_cuda>(),
          cuda_op<Random, random_cuda>()};
}

}  // namespace halftone
