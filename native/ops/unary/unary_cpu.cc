#include "core/kernel.h"
#include "ops/unary/unary.h"

namespace halftone {
namespace {

template <class Name>
Status unary_cpu(const NoParams&, const KernelContext& context) {
  const TensorView &x = context.in(0), &y = context.out();
  dispatch(x.dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    if constexpr (std::is_same_v<T, float>) {
      const T* from = x.as<T>();
      T* to = y.as<T>();
      context.parallel_for(x.elements(), 1 << 14, [&](int64_t first, int64_t last) {
        for (int64_t i = first; i < last; ++i) to[i] = from[i] < 0 ? 0 : from[i];
      });
    }
  });
  context.made_by(Name::kName, name(x.dtype), "float32", "float32");
  return {};
}

}  // namespace

std::vector<CpuOp> unary_cpu_ops() { return {cpu_op<Relu, unary_cpu<ReluName>>()}; }

}  // namespace halftone
