#include "device/context.h"
#include "device/elementwise.h"
#include "ops/unary/unary.h"
#include "ops/unary/unary_kernel.cuh"

namespace halftone {
namespace {

template <class T, class F>
Status map(const char* op, DeviceContext& context, const F& f) {
  const TensorView &x = context.in(0), &y = context.out();
  const DType t = x.dtype;
  const char* arithmetic = name(compute_dtype(t));
  context.made_by({concat(op, "_", info(t).short_name).c_str(), name(t), arithmetic, arithmetic});
  const int64_t n = x.elements();
  if (n == 0) return {};
  const bool packs = device::aligned16(x.data) && device::aligned16(y.data);
  return device::launch(op, unary_elements<T, F>,
                        device::elementwise_grid(context.properties(), n, device::kPerPack<T>),
                        device::kElementwiseThreads, 0, context.stream(), f, x.as<T>(), y.as<T>(),
                        n, packs);
}

template <class Row>
Status unary_cuda(const NoParams&, DeviceContext& context) {
  return dispatch(context.in(0).dtype, [&](auto tag) -> Status {
    using T = typename decltype(tag)::type;
    if constexpr (takes<T>(Row::kDomain))
      return map<T>(Row::kName, context, UnaryFunction<Row>{});
    else
      return {};
  });
}

Status gelu_cuda(const Gelu::Params& p, DeviceContext& context) {
  return dispatch(context.in(0).dtype, [&](auto tag) -> Status {
    using T = typename decltype(tag)::type;
    if constexpr (takes<T>(Domain::kFloat))
      return p.approximate == GeluApproximation::kTanh
                 ? map<T>("gelu_tanh", context, GeluFunction<true>{})
                 : map<T>("gelu_erf", context, GeluFunction<false>{});
    else
      return {};
  });
}

Status clip_cuda(const Clip::Params& p, DeviceContext& context) {
  return dispatch(context.in(0).dtype, [&](auto tag) -> Status {
    using T = typename decltype(tag)::type;
    if constexpr (takes<T>(Domain::kNumber))
      return map<T>(
          Clip::kName, context,
          ClipFunction<ComputeType<T>>{clip_bound<T>(p.min, true), clip_bound<T>(p.max, false)});
    else
      return {};
  });
}

}  // namespace

std::vector<CudaOp> unary_cuda_ops() {
  return {
#define HALFTONE_UNARY_ROW(Type, name, domain, doc, body) cuda_op<Type, unary_cuda<Type##Row>>(),
      HALFTONE_UNARY_TABLE(HALFTONE_UNARY_ROW)
#undef HALFTONE_UNARY_ROW
          cuda_op<Gelu, gelu_cuda>(),
      cuda_op<Clip, clip_cuda>(),
  };
}

}  // namespace halftone
