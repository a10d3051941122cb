#include <cstring>

#include "core/dispatch_bits.h"
#include "core/elementwise.h"
#include "ops/slice/slice.h"

namespace halftone {
namespace {

// The last axis of y, which may stand for several of its axes that were taken whole, is copied row
// by row.
template <class T>
void take(const KernelContext& context, const T* x, T* y, const Shape& dims, const int64_t* steps,
          int64_t start) {
  const int last = dims.rank - 1;
  const int64_t row = dims[last], step = steps[last];
  context.parallel_for(dims.elements() / row, kElementwiseGrain / row,
                       [&](int64_t first, int64_t end) {
                         for (int64_t r = first; r < end; ++r) {
                           int64_t at = r, offset = start;
                           for (int k = last - 1; k >= 0; --k) {
                             offset += at % dims[k] * steps[k];
                             at /= dims[k];
                           }
                           const T* from = x + offset;
                           T* to = y + r * row;
                           if (step == 1)
                             std::memcpy(to, from, static_cast<size_t>(row) * sizeof(T));
                           else
                             for (int64_t i = 0; i < row; ++i) to[i] = from[i * step];
                         }
                       });
}

Status slice_cpu(const Slice::Params& p, const KernelContext& context) {
  const TensorView &x = context.in(0), &y = context.out();
  const std::string kernel = concat("slice_", info(y.dtype).short_name);
  context.made_by(kernel.c_str(), name(y.dtype), "none", "none");
  if (y.elements() == 0) return {};
  Slice::Range ranges[kMaxRank];
  HALFTONE_TRY(Slice::ranges(p, x.shape, ranges));
  // From the last axis on: an axis joins the one after it when that was taken whole.
  int64_t reversed_dims[kMaxRank + 1] = {1}, reversed_steps[kMaxRank + 1] = {1};
  int64_t start = 0, stride = 1;
  int count = 1;
  bool whole = true;
  for (int i = x.shape.rank - 1; i >= 0; --i) {
    const Slice::Range& range = ranges[i];
    start += range.start * stride;
    if (whole && range.step == 1) {
      reversed_dims[count - 1] *= range.count;
    } else {
      reversed_dims[count] = range.count;
      reversed_steps[count++] = range.step * stride;
    }
    whole = whole && range.step == 1 && range.count == x.shape[i];
    stride *= x.shape[i];
  }
  if (count > 1 &&
      reversed_dims[0] == 1) {  // the last axis has a step: its own loop is the inner one
    --count;
    std::copy(reversed_dims + 1, reversed_dims + 1 + count, reversed_dims);
    std::copy(reversed_steps + 1, reversed_steps + 1 + count, reversed_steps);
  }
  Shape dims;
  int64_t steps[kMaxRank];
  for (int i = count - 1; i >= 0; --i) {
    steps[dims.rank] = reversed_steps[i];
    dims.push_back(reversed_dims[i]);
  }
  auto run = [&](auto bits) {
    using T = decltype(bits);
    take(context, x.as<T>(), y.as<T>(), dims, steps, start);
  };
  dispatch_bits(size_of(x.dtype), run);
  return {};
}

}  // namespace

std::vector<CpuOp> slice_cpu_ops() { return {cpu_op<Slice, slice_cpu>()}; }

}  // namespace halftone
