// What the CPU's and the CUDA kernel of deformPatches share.
#pragma once
#include "ops/deform_patches/deform_patches.h"
#include "ops/grid_sample/taps.h"

namespace halftone {

/// Result i of deformPatches. `mask` may be null.
template <class Values, class T>
HALFTONE_HD T deform_patch(const DeformGeometry& g, const T* x, const T* offset, const T* mask,
                           int64_t i) {
  const int64_t windows = g.h.out * g.w.out, taps = g.h.kernel * g.w.kernel;
  const int64_t line = i / windows, window = i - line * windows;
  const int64_t plane = line / taps, tap = line - plane * taps;
  const int64_t n = plane / g.channels, c = plane - n * g.channels;
  const int64_t group = n * g.groups + c / (g.channels / g.groups);
  const int64_t oh = window / g.w.out, r = tap / g.w.kernel;
  const T* moved = offset + (group * taps + tap) * 2 * windows + window;
  const T row = static_cast<T>(g.h.start(oh) + r * g.h.dilation) + moved[0];
  const T column =
      static_cast<T>(g.w.start(window - oh * g.w.out) + (tap - r * g.w.kernel) * g.w.dilation) +
      moved[windows];
  const T v =
      sum_of_taps<Values>(AxisTaps<T>{}, linear_taps(row, g.h.in), linear_taps(column, g.w.in),
                          g.h.in, g.w.in, x + plane * g.h.in * g.w.in);
  return mask ? v * mask[(group * taps + tap) * windows + window] : v;
}

}  // namespace halftone
