#include "core/dispatch_bits.h"
#include "device/context.h"
#include "device/elementwise.h"
#include "ops/where/where.h"
#include "ops/where/where_kernel.cuh"

namespace halftone {
namespace {

template <class T>
Status select(DeviceContext& context) {
  const TensorView &condition = context.in(0), &a = context.in(1), &b = context.in(2);
  const TensorView& y = context.out();
  return device::in_pieces(
      device::broadcast_axes<4>(y.shape, {condition.shape, a.shape, b.shape}),
      [&](const device::Axes<4>& axes, const int64_t (&start)[4]) -> Status {
        constexpr int kPack = device::kPerPack<T>;
        T* to = y.as<T>() + start[0];
        const uint8_t* choice = condition.as<uint8_t>() + start[1];
        const T *from_a = a.as<T>() + start[2], *from_b = b.as<T>() + start[3];
        const bool packs = device::takes_packs(axes, 0, kPack, sizeof(T), to) &&
                           device::takes_packs(axes, 1, kPack, 1, choice) &&
                           device::takes_packs(axes, 2, kPack, sizeof(T), from_a) &&
                           device::takes_packs(axes, 3, kPack, sizeof(T), from_b);
        const int64_t n = axes.elements();
        return device::launch("where", where_elements<T>,
                              device::elementwise_grid(context.properties(), n, packs ? kPack : 1),
                              device::kElementwiseThreads, 0, context.stream(),
                              device::Strided<4>(axes), choice, from_a, from_b, to,
                              static_cast<uint32_t>(n), packs);
      });
}

Status where_cuda(const NoParams&, DeviceContext& context) {
  const TensorView& y = context.out();
  context.made_by(
      {concat("where_", info(y.dtype).short_name).c_str(), name(y.dtype), "none", "none"});
  if (y.elements() == 0) return {};
  return dispatch_bits(size_of(y.dtype),
                       [&](auto bits) { return select<decltype(bits)>(context); });
}

}  // namespace

std::vector<CudaOp> where_cuda_ops() { return {cuda_op<Where, where_cuda>()}; }

}  // namespace halftone
