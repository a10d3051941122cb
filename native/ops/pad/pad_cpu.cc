#include <cstring>

#include "core/elementwise.h"
#include "ops/pad/pad.h"

namespace halftone {
namespace {

template <class T>
void pad_rows(const KernelContext& context, const Pad::Params& p, T value) {
  const TensorView &x = context.in(0), &y = context.out();
  const int last = y.shape.rank - 1;
  const int64_t row = last < 0 ? 1 : y.shape[last], size = last < 0 ? 1 : x.shape[last];
  const int64_t before = last < 0 ? 0 : p.before[last];
  context.parallel_for(
      y.elements() / row, kElementwiseGrain / row, [&](int64_t first, int64_t end) {
        for (int64_t r = first; r < end; ++r) {
          T* to = y.as<T>() + r * row;
          int64_t at = r, offset = 0, step = size;
          bool inside = true;
          for (int k = last - 1; k >= 0; --k) {
            const int64_t i = pad_source(p.mode, at % y.shape[k] - p.before[k], x.shape[k]);
            inside = inside && i >= 0;
            offset += i * step;
            at /= y.shape[k];
            step *= x.shape[k];
          }
          if (!inside) {
            std::fill(to, to + row, value);
            continue;
          }
          const T* from = x.as<T>() + offset;
          for (int64_t i = 0; i < before; ++i) {
            const int64_t j = pad_source(p.mode, i - before, size);
            to[i] = j < 0 ? value : from[j];
          }
          if (size > 0) std::memcpy(to + before, from, static_cast<size_t>(size) * sizeof(T));
          for (int64_t i = before + size; i < row; ++i) {
            const int64_t j = pad_source(p.mode, i - before, size);
            to[i] = j < 0 ? value : from[j];
          }
        }
      });
}

Status pad_cpu(const Pad::Params& p, const KernelContext& context) {
  const TensorView& y = context.out();
  const std::string kernel = concat("pad_", info(y.dtype).short_name);
  context.made_by(kernel.c_str(), name(y.dtype), "none", "none");
  if (y.elements() == 0) return {};
  dispatch(y.dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    pad_rows(context, p, pad_value<T>(p));
  });
  return {};
}

}  // namespace

std::vector<CpuOp> pad_cpu_ops() { return {cpu_op<Pad, pad_cpu>()}; }

}  // namespace halftone
