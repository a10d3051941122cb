// What the CPU's and the CUDA kernel of col2im share.
#pragma once
#include "core/values.h"
#include "ops/col2im/col2im.h"

namespace halftone {

/// Result i of col2im: the sum over the positions of a block that can lie at it.
template <class Values, class T>
HALFTONE_HD T col2im_value(const BlockGeometry& g, const T* x, int64_t i) {
  int64_t at[kMaxBlockAxes], tap[kMaxBlockAxes], plane = i;
  for (int32_t k = g.axes - 1; k >= 0; --k) {
    const int64_t above = plane / g.axis[k].in;
    at[k] = plane - above * g.axis[k].in;
    tap[k] = 0;
    plane = above;
  }
  ComputeType<T> sum = 0;
  // Positions of a block in order, those of the last axis fastest. An axis where nothing fits is
  // left at once.
  const T* line = x + plane * g.taps * g.blocks;
  for (int64_t t = 0; t < g.taps; ++t) {
    int64_t block = 0;
    for (int32_t k = 0; k < g.axes && block >= 0; ++k) {
      const int64_t window = g.axis[k].window_of(at[k], tap[k]);
      block = window < 0 ? -1 : block * g.axis[k].out + window;
    }
    if (block >= 0) sum += Values::load(line[t * g.blocks + block]);
    for (int32_t k = g.axes - 1; k >= 0; --k) {
      if (++tap[k] < g.axis[k].kernel) break;
      tap[k] = 0;
    }
  }
  return Values::template store<T>(sum);
}

}  // namespace halftone
