// Taps of interpolations: which elements, with which weights. Shared by CPU and CUDA kernels.
#pragma once
#include <cmath>

#include "core/values.h"
#include "ops/grid_sample/grid_sample.h"

namespace halftone {

/// Up to four elements along one axis. An index of -1 is no element.
template <class C>
struct AxisTaps {
  int32_t count = 1;
  int32_t index[4] = {0, 0, 0, 0};
  C weight[4] = {1, 0, 0, 0};
};

/// The two elements around position `at`; those outside of [0, size) are none. NaN has none.
template <class C>
HALFTONE_HD AxisTaps<C> linear_taps(C at, int64_t size) {
  AxisTaps<C> taps{.count = 2, .index = {-1, -1, -1, -1}};
  if (!(at > C(-1) && at < static_cast<C>(size))) return taps;
  const C below = std::floor(at);
  const int64_t first = static_cast<int64_t>(below);
  if (first >= 0 && first < size) taps.index[0] = static_cast<int32_t>(first);
  if (first + 1 < size) taps.index[1] = static_cast<int32_t>(first + 1);
  taps.weight[1] = at - below;
  taps.weight[0] = 1 - taps.weight[1];
  return taps;
}

/// A position mirrored at `low` and `high` until it lies between them.
template <class C>
HALFTONE_HD C reflected(C at, C low, C high) {
  const C range = high - low;
  if (!(range > 0)) return at - at + low;  // NaN and infinities: NaN
  const C rest = std::fmod(at < low ? low - at : at - low, 2 * range);
  return rest <= range ? low + rest : high - (rest - range);
}

/// Where a coordinate of a grid lies on an axis of `size` elements.
template <class C>
HALFTONE_HD C grid_position(const GridSample::Params& p, C coordinate, int64_t size) {
  const C n = static_cast<C>(size);
  C at = p.alignCorners ? (coordinate + 1) / 2 * (n - 1) : ((coordinate + 1) * n - 1) / 2;
  if (p.mode == Interpolation::kNearest) at = std::rint(at);
  const C low = p.alignCorners ? C(0) : C(-0.5), high = p.alignCorners ? n - 1 : n - C(0.5);
  if (p.paddingMode == GridPadding::kZeros || (at >= low && at <= high)) return at;
  if (p.paddingMode == GridPadding::kReflection) return reflected(at, low, high);
  return at < 0 ? C(0) : at > n - 1 ? n - 1 : at;
}

/// The element that stands at index `at`, which may lie outside of the axis but not far.
template <class C>
HALFTONE_HD int32_t grid_element(const GridSample::Params& p, C at, int64_t size) {
  int64_t i = static_cast<int64_t>(at);
  if (i >= 0 && i < size) return static_cast<int32_t>(i);
  if (p.paddingMode == GridPadding::kZeros) return -1;
  if (p.paddingMode == GridPadding::kReflection) {
    const C n = static_cast<C>(size);
    const C low = p.alignCorners ? C(0) : C(-0.5), high = p.alignCorners ? n - 1 : n - C(0.5);
    i = static_cast<int64_t>(std::rint(reflected(at, low, high)));
  }
  return static_cast<int32_t>(i < 0 ? 0 : i < size ? i : size - 1);
}

/// Keys' cubic convolution with a = -0.75 at the distance d from the second of four elements.
template <class C>
HALFTONE_HD void cubic_weights(C d, C* weight) {
  const C a = C(-0.75), e = 1 - d;
  const auto far = [a](C s) { return ((a * s - 5 * a) * s + 8 * a) * s - 4 * a; };  // 1 < s < 2
  const auto near = [a](C s) { return ((a + 2) * s - (a + 3)) * s * s + 1; };       // s <= 1
  weight[0] = far(1 + d);
  weight[1] = near(d);
  weight[2] = near(e);
  weight[3] = far(1 + e);
}

/// The taps along one axis for a coordinate of a grid.
template <class C>
HALFTONE_HD AxisTaps<C> grid_taps(const GridSample::Params& p, C coordinate, int64_t size) {
  AxisTaps<C> taps;
  C at = grid_position(p, coordinate, size);
  if (at != at) {
    taps.weight[0] = at;
    return taps;
  }
  // Far outside is as good as just outside, and fits an index.
  at = at < -4 ? C(-4) : at > static_cast<C>(size) + 4 ? static_cast<C>(size) + 4 : at;
  if (p.mode == Interpolation::kNearest) {
    taps.index[0] = grid_element(p, at, size);
    return taps;
  }
  const C below = std::floor(at), d = at - below;
  const bool cubic = p.mode == Interpolation::kCubic;
  taps.count = cubic ? 4 : 2;
  if (cubic) {
    cubic_weights(d, taps.weight);
  } else {
    taps.weight[0] = 1 - d;
    taps.weight[1] = d;
  }
  for (int32_t i = 0; i < taps.count; ++i)
    taps.index[i] = grid_element(p, below + static_cast<C>(i - (cubic ? 1 : 0)), size);
  return taps;
}

/// The taps of one place of a grid.
template <class C>
struct GridTaps {
  AxisTaps<C> d, h, w;
};
template <class C>
HALFTONE_HD GridTaps<C> grid_taps(const GridSample::Params& p, const GridGeometry& g,
                                  const C* coordinates) {
  GridTaps<C> taps;
  taps.w = grid_taps(p, coordinates[0], g.size[2]);
  taps.h = grid_taps(p, coordinates[1], g.size[1]);
  if (g.axes == 3) taps.d = grid_taps(p, coordinates[2], g.size[0]);
  return taps;
}

/// The weighted sum of a plane of height x width elements (several: of a volume) at some taps: rows
/// first, then their sums, then those of the slices.
template <class Values, class C, class T>
HALFTONE_HD C sum_of_taps(const AxisTaps<C>& d, const AxisTaps<C>& h, const AxisTaps<C>& w,
                          int64_t height, int64_t width, const T* plane) {
  C volume = 0;
  for (int32_t i = 0; i < d.count; ++i) {
    if (d.index[i] < 0) continue;
    C slice = 0;
    for (int32_t j = 0; j < h.count; ++j) {
      if (h.index[j] < 0) continue;
      const T* line = plane + (d.index[i] * height + h.index[j]) * width;
      C row = 0;
      for (int32_t k = 0; k < w.count; ++k)
        if (w.index[k] >= 0) row += w.weight[k] * Values::load(line[w.index[k]]);
      slice += h.weight[j] * row;
    }
    volume += d.weight[i] * slice;
  }
  return volume;
}

}  // namespace halftone
