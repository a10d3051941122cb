#include "device/context.h"
#include "device/elementwise.h"
#include "ops/dot4/dot4.h"
#include "ops/dot4/dot4_kernel.cuh"

namespace halftone {
namespace {

Status dot4_cuda(const NoParams&, DeviceContext& context) {
  const TensorView &a = context.in(0), &b = context.in(1), &y = context.out();
  context.made_by(
      {"dot4_dp4a", a.dtype == b.dtype ? name(a.dtype) : "int8, uint8", "int32", "int32"});
  const int64_t n = y.elements();
  if (n == 0) return {};
  const Shape a_groups = Dot4::groups(a.shape), b_groups = Dot4::groups(b.shape);
  const bool has_c = context.has(2);
  Dot4Walk walk;
  walk.rank = y.shape.rank;
  for (int i = 0; i < y.shape.rank; ++i) walk.sizes[i] = y.shape[i];
  broadcast_strides(a_groups, y.shape, walk.a);
  broadcast_strides(b_groups, y.shape, walk.b);
  if (has_c) broadcast_strides(context.in(2).shape, y.shape, walk.c);
  const bool same =
      a_groups == y.shape && b_groups == y.shape && (!has_c || context.in(2).shape == y.shape);
  return dispatch_bytes(a.dtype, b.dtype, [&](auto a_tag, auto b_tag) {
    constexpr bool kA = std::is_unsigned_v<typename decltype(a_tag)::type>;
    constexpr bool kB = std::is_unsigned_v<typename decltype(b_tag)::type>;
    return device::launch("dot4", same ? dot4_elements<kA, kB, true> : dot4_elements<kA, kB, false>,
                          device::elementwise_grid(context.properties(), n, 1), 256, 0,
                          context.stream(), walk, a.as<const int32_t>(), b.as<const int32_t>(),
                          has_c ? context.in(2).as<const int32_t>() : nullptr, y.as<int32_t>(), n);
  });
}

}  // namespace

std::vector<CudaOp> dot4_cuda_ops() { return {cuda_op<Dot4, dot4_cuda>()}; }

}  // namespace halftone
