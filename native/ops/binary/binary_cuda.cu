#include "device/context.h"
#include "device/elementwise.h"
#include "ops/binary/binary.h"
#include "ops/binary/binary_kernel.cuh"
#include "ops/cast/cast_cuda.h"

namespace halftone {
namespace {

// x in dtype `as`: as it is, or converted into memory of this call.
Status promoted_view(const TensorView& x, DType as, DeviceContext& context, TensorView* out) {
  *out = x;
  if (x.dtype == as) return {};
  out->dtype = as;
  HALFTONE_TRY(context.scratch(static_cast<size_t>(x.elements() * size_of(as)), &out->data));
  return cast_on_device(x, *out, false, context);
}

template <class T, class Y, class F>
Status map(const char* op, DeviceContext& context, const TensorView& a, const TensorView& b) {
  const TensorView& y = context.out();
  return device::in_pieces(
      device::broadcast_axes<3>(y.shape, {a.shape, b.shape}),
      [&](const device::Axes<3>& axes, const int64_t (&start)[3]) -> Status {
        constexpr int kPack = device::kPerPack<T>;
        const T *from_a = a.as<T>() + start[1], *from_b = b.as<T>() + start[2];
        Y* to = y.as<Y>() + start[0];
        const bool packs = device::takes_packs(axes, 0, kPack, sizeof(Y), to) &&
                           device::takes_packs(axes, 1, kPack, sizeof(T), from_a) &&
                           device::takes_packs(axes, 2, kPack, sizeof(T), from_b);
        const int64_t n = axes.elements();
        return device::launch(op, binary_elements<T, Y, F>,
                              device::elementwise_grid(context.properties(), n, packs ? kPack : 1),
                              device::kElementwiseThreads, 0, context.stream(), F{},
                              device::Strided<3>(axes), from_a, from_b, to,
                              static_cast<uint32_t>(n), packs);
      });
}

template <class Row>
Status binary_cuda(const NoParams&, DeviceContext& context) {
  const DType promoted = promote(context.in(0).dtype, context.in(1).dtype);
  const char* arithmetic = name(compute_dtype(promoted));
  context.made_by({concat(Row::kName, "_", info(promoted).short_name).c_str(), name(promoted),
                   arithmetic, arithmetic});
  if (context.out().elements() == 0) return {};
  TensorView a, b;
  HALFTONE_TRY(promoted_view(context.in(0), promoted, context, &a));
  HALFTONE_TRY(promoted_view(context.in(1), promoted, context, &b));
  return dispatch(promoted, [&](auto tag) -> Status {
    using T = typename decltype(tag)::type;
    // bool is computed as its byte.
    using Stored = std::conditional_t<std::is_same_v<T, Bool>, uint8_t, T>;
    if constexpr (takes(Row::kKind, dtype_of<T>)) {
      using Y = std::conditional_t<keeps_dtype(Row::kKind), Stored, uint8_t>;
      return map<Stored, Y, BinaryFunction<Row>>(Row::kName, context, a, b);
    } else {
      return {};
    }
  });
}

}  // namespace

std::vector<CudaOp> binary_cuda_ops() {
  return {
#define HALFTONE_BINARY_ROW(Type, name, kind, doc, body) cuda_op<Type, binary_cuda<Type##Row>>(),
      HALFTONE_BINARY_TABLE(HALFTONE_BINARY_ROW)
#undef HALFTONE_BINARY_ROW
  };
}

}  // namespace halftone
