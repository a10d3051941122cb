#include <cstring>

#include "core/elementwise.h"
#include "ops/pad/pad.h"

namespace halftone {
namespace {

// The index of x that an index of y shows, or -1 in a constant margin.
int64_t source(PadMode mode, int64_t at, int64_t before, int64_t size) {
  const int64_t i = at - before;
  if (i >= 0 && i < size) return i;
  if (mode == PadMode::kConstant) return -1;
  if (mode == PadMode::kEdge) return i < 0 ? 0 : size - 1;
  return i < 0 ? -i : 2 * (size - 1) - i;
}

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
            const int64_t i = source(p.mode, at % y.shape[k], p.before[k], x.shape[k]);
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
            const int64_t j = source(p.mode, i, before, size);
            to[i] = j < 0 ? value : from[j];
          }
          if (size > 0) std::memcpy(to + before, from, static_cast<size_t>(size) * sizeof(T));
          for (int64_t i = before + size; i < row; ++i) {
            const int64_t j = source(p.mode, i, before, size);
            to[i] = j < 0 ? value : from[j];
          }
        }
      });
}

Status pad_cpu(const Pad::Params& p, const KernelContext& context) {
  const TensorView& y = context.out();
  const std::string kernel = concat("pad_", info(y.dtype).short_name);
  context.made_by(kernel.c_str(), name(y.dtype), name(y.dtype), name(y.dtype));
  if (y.elements() == 0) return {};
  dispatch(y.dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    const double v = p.mode == PadMode::kConstant ? p.value : 0;
    if constexpr (std::is_same_v<T, f16>)
      pad_rows<T>(context, p, to_f16(v));
    else if constexpr (std::is_same_v<T, bf16>)
      pad_rows<T>(context, p, to_bf16(v));
    else if constexpr (std::is_same_v<T, Bool>)
      pad_rows<T>(context, p, Bool(v != 0));
    else
      pad_rows<T>(context, p, static_cast<T>(v));
  });
  return {};
}

}  // namespace

std::vector<CpuOp> pad_cpu_ops() { return {cpu_op<Pad, pad_cpu>()}; }

}  // namespace halftone
