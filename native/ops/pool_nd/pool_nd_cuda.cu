#include "device/context.h"
#include "ops/pool_nd/pool_nd_kernel.cuh"

namespace halftone {
namespace {

Status prepare(const PoolNdOptions& options, DeviceContext& context, const char* kernel,
               const char* storage, const char* sums, PoolNdGeometry* g) {
  Shape y;
  HALFTONE_TRY(pool_nd_geometry(options, context.in(0).shape, g, &y));
  context.made_by(
      {concat(kernel, "_", info(context.in(0).dtype).short_name).c_str(), storage, sums, sums});
  return {};
}

template <class T, class Y, class Option>
Status launch(const char* what, void (*kernel)(const T*, Y*, PoolNdGeometry, Option, int64_t),
              const PoolNdGeometry& g, Option option, DeviceContext& context) {
  const int64_t n = context.out().elements();
  return device::launch(what, kernel, device::elementwise_grid(context.properties(), n, 1),
                        device::kElementwiseThreads, 0, context.stream(), context.in(0).as<T>(),
                        context.out().as<Y>(), g, option, n);
}

// Calls run(TypeTag<T>{}) for a float dtype.
template <class Run>
Status in_float_type(DType t, Run&& run) {
  switch (t) {
    case DType::kF16:
      return run(TypeTag<f16>{});
    case DType::kBF16:
      return run(TypeTag<bf16>{});
    case DType::kF64:
      return run(TypeTag<double>{});
    default:
      return run(TypeTag<float>{});
  }
}

Status average_pool_cuda(const AveragePool::Params& p, DeviceContext& context) {
  PoolNdGeometry g;
  const DType t = context.in(0).dtype;
  HALFTONE_TRY(prepare(p, context, "average_pool", name(t), name(compute_dtype(t)), &g));
  if (context.out().elements() == 0) return {};
  return in_float_type(t, [&](auto tag) {
    using T = typename decltype(tag)::type;
    return launch("averagePool", average_pool<T>, g, p.countIncludePad, context);
  });
}

Status lp_pool_cuda(const LpPool::Params& p, DeviceContext& context) {
  PoolNdGeometry g;
  const DType t = context.in(0).dtype;
  HALFTONE_TRY(prepare(p, context, "lp_pool", name(t), name(compute_dtype(t)), &g));
  if (context.out().elements() == 0) return {};
  return in_float_type(t, [&](auto tag) {
    using T = typename decltype(tag)::type;
    return launch("lpPool", lp_pool<T>, g, p.p, context);
  });
}

Status max_pool_indices_cuda(const MaxPoolIndices::Params& p, DeviceContext& context) {
  PoolNdGeometry g;
  HALFTONE_TRY(prepare(p, context, "max_pool_indices", "int64", "none", &g));
  if (context.out().elements() == 0) return {};
  const auto run = [&](auto tag) {
    using T = typename decltype(tag)::type;
    return launch("maxPoolIndices", max_pool_indices<T>, g, p.columnMajor, context);
  };
  switch (context.in(0).dtype) {
    case DType::kS8:
      return run(TypeTag<int8_t>{});
    case DType::kU8:
      return run(TypeTag<uint8_t>{});
    default:
      return in_float_type(context.in(0).dtype, run);
  }
}

}  // namespace

std::vector<CudaOp> pool_nd_cuda_ops() {
  return {cuda_op<AveragePool, average_pool_cuda>(), cuda_op<LpPool, lp_pool_cuda>(),
          cuda_op<MaxPoolIndices, max_pool_indices_cuda>()};
}

}  // namespace halftone
