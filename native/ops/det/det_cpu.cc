#include "core/element.h"
#include "core/elementwise.h"
#include "ops/det/det.h"

namespace halftone {
namespace {

Status det_cpu(const NoParams&, const KernelContext& context) {
  const TensorView &x = context.in(0), &y = context.out();
  const DType t = x.dtype;
  context.made_by(concat(Det::kName, "_", info(t).short_name).c_str(), name(t), "float64",
                  "float64");
  const int64_t n = x.shape[x.shape.rank - 1];
  // About n^3 / 3 steps for each.
  const int64_t grain = n > 32 ? 1 : kElementwiseGrain / std::max<int64_t>(n * n * n, 1);
  dispatch(t, [&](auto tag) {
    using T = typename decltype(tag)::type;
    if constexpr (is_float(dtype_of<T>))
      context.parallel_for(y.elements(), grain, [&](int64_t first, int64_t last) {
        std::vector<double> matrix(static_cast<size_t>(n * n));
        for (int64_t i = first; i < last; ++i) {
          const T* from = x.as<T>() + i * n * n;
          for (int64_t k = 0; k < n * n; ++k) matrix[static_cast<size_t>(k)] = widen_one(from[k]);
          y.as<T>()[i] = narrow_one<T>(eliminate(matrix.data(), n));
        }
      });
  });
  return {};
}

}  // namespace

std::vector<CpuOp> det_cpu_ops() { return {cpu_op<Det, det_cpu>()}; }

}  // namespace halftone
