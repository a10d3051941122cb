#include <algorithm>

#include "core/element.h"
#include "core/elementwise.h"
#include "ops/top_k/top_k.h"

namespace halftone {
namespace {

// One line of x, its elements `step` apart. A heap of the k best so far, the worst of them on top:
// n log k comparisons and no memory beyond k indices.
template <class T>
void search(const T* x, int64_t n, int64_t step, const TopK::Params& p, int64_t* best) {
  const auto before = [&](int64_t i, int64_t j) {
    return comes_first(p.largest, widen_one(x[i * step]), i, widen_one(x[j * step]), j);
  };
  for (int64_t i = 0; i < n; ++i) {
    if (i < p.k) {
      best[i] = i;
      std::push_heap(best, best + i + 1, before);
    } else if (before(i, best[0])) {
      std::pop_heap(best, best + p.k, before);
      best[p.k - 1] = i;
      std::push_heap(best, best + p.k, before);
    }
  }
  std::sort_heap(best, best + p.k, before);
}

Status top_k_cpu(const TopK::Params& p, const KernelContext& context) {
  const TensorView& x = context.in(0);
  const DType t = x.dtype;
  context.made_by(concat(TopK::kName, "_", info(t).short_name, "_heap").c_str(), name(t),
                  name(compute_dtype(t)), name(t));
  if (context.out().elements() == 0) return {};
  int32_t axis;
  HALFTONE_TRY(normalize_axis(p.axis, x.shape.rank, "axis", &axis));
  int64_t step = 1;
  for (int k = axis + 1; k < x.shape.rank; ++k) step *= x.shape[k];
  const int64_t n = x.shape[axis], lines = x.elements() / n;
  dispatch(t, [&](auto tag) {
    using T = typename decltype(tag)::type;
    if constexpr (!std::is_same_v<T, Bool>) {
      T* values = context.out(0).as<T>();
      int64_t* indices = context.out(1).as<int64_t>();
      context.parallel_for(lines, kElementwiseGrain / n, [&](int64_t first, int64_t last) {
        std::vector<int64_t> best(static_cast<size_t>(p.k));
        for (int64_t l = first; l < last; ++l) {
          const T* from = x.as<T>() + l / step * n * step + l % step;
          search(from, n, step, p, best.data());
          const int64_t to = l / step * p.k * step + l % step;
          for (int64_t i = 0; i < p.k; ++i) {
            indices[to + i * step] = best[static_cast<size_t>(i)];
            values[to + i * step] = from[best[static_cast<size_t>(i)] * step];
          }
        }
      });
    }
  });
  return {};
}

}  // namespace

std::vector<CpuOp> top_k_cpu_ops() { return {cpu_op<TopK, top_k_cpu>()}; }

}  // namespace halftone
