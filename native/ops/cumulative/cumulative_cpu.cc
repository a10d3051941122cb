#include "core/element.h"
#include "core/elementwise.h"
#include "ops/cumulative/cumulative.h"

namespace halftone {
namespace {

template <bool kProduct>
Status cumulative_cpu(const CumulativeParams& p, const KernelContext& context) {
  const TensorView &x = context.in(0), &y = context.out();
  const DType t = x.dtype;
  const char* arithmetic = name(compute_dtype(t));
  const std::string kernel = concat(Cumulative<kProduct>::kName, "_", info(t).short_name);
  context.made_by(kernel.c_str(), name(t), arithmetic, arithmetic);
  CumulativeLines lines;
  HALFTONE_TRY(cumulative_lines(p, x.shape, &lines));
  if (y.elements() == 0) return {};
  dispatch(t, [&](auto tag) {
    using T = typename decltype(tag)::type;
    using C = ComputeType<T>;
    if constexpr (!std::is_same_v<T, Bool>) {
      const T* from = x.as<T>();
      T* to = y.as<T>();
      context.parallel_for(lines.lines, kElementwiseGrain / lines.size,
                           [&](int64_t first, int64_t last) {
                             for (int64_t l = first; l < last; ++l) {
                               C sum = kProduct ? C{1} : C{0};
                               for (int64_t i = 0; i < lines.size; ++i) {
                                 const int64_t at = lines.at(l, i);
                                 const C before = sum;
                                 sum = accumulated<kProduct>(before, widen_one(from[at]), i);
                                 to[at] = narrow_one<T>(lines.exclusive ? before : sum);
                               }
                             }
                           });
    }
  });
  return {};
}

}  // namespace

std::vector<CpuOp> cumulative_cpu_ops() {
  return {cpu_op<CumSum, cumulative_cpu<false>>(), cpu_op<CumProd, cumulative_cpu<true>>()};
}

}  // namespace halftone
