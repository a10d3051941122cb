// What the CPU's and the CUDA kernels of these poolings share.
#pragma once
#include <cmath>

#include "core/values.h"
#include "ops/pool_nd/pool_nd.h"

namespace halftone {

/// Taps of window `o` that an average divides by, along one axis.
HALFTONE_HD int64_t pool_count(const WindowAxis& a, int64_t o, bool with_padding) {
  const TapRange inside = a.taps(o);
  if (!with_padding) return inside.last - inside.first;
  const int64_t fit = (a.in + a.after - a.start(o) - 1) / a.dilation + 1;
  return fit < a.kernel ? fit : a.kernel;
}

/// |x|^p by repeated squaring: the same products on every device.
template <class C>
HALFTONE_HD C lp_term(C x, int64_t p) {
  C base = x < 0 ? -x : x, result = 1;
  for (;;) {
    if (p & 1) result *= base;
    p >>= 1;
    if (p == 0) return result;
    base *= base;
  }
}

template <class C>
HALFTONE_HD C lp_root(C sum, int64_t p) {
  if (p == 1) return sum;
  return p == 2 ? std::sqrt(sum) : std::pow(sum, C(1) / static_cast<C>(p));
}

/// Whether `a` is to be taken instead of `b`, which comes earlier. As maxPool2d orders them.
template <class C>
HALFTONE_HD bool pool_above(C a, C b) {
  if constexpr (std::is_floating_point_v<C>) {
    if (b != b) return false;
    return a != a || a > b || (a == b && std::signbit(b) && !std::signbit(a));
  } else {
    return a > b;
  }
}

/// Calls f(offset, depth, row, column) for the taps of a window that lie in the plane, in order.
template <class F>
HALFTONE_HD void each_pool_tap(const PoolNdGeometry& g, int64_t od, int64_t oh, int64_t ow, F&& f) {
  const TapRange ds = g.d.taps(od), rows = g.h.taps(oh), columns = g.w.taps(ow);
  for (int64_t t = ds.first; t < ds.last; ++t)
    for (int64_t r = rows.first; r < rows.last; ++r)
      for (int64_t s = columns.first; s < columns.last; ++s) {
        const int64_t d = g.d.start(od) + t * g.d.dilation, h = g.h.start(oh) + r * g.h.dilation,
                      w = g.w.start(ow) + s * g.w.dilation;
        f((d * g.h.in + h) * g.w.in + w, d, h, w);
      }
}

/// One result of PoolNdGeometry, by its position among all.
struct PoolWindow {
  int64_t plane, d, h, w;
};
HALFTONE_HD PoolWindow pool_window(const PoolNdGeometry& g, int64_t i) {
  const int64_t row = i / g.w.out, slice = row / g.h.out, plane = slice / g.d.out;
  return {plane, slice - plane * g.d.out, row - slice * g.h.out, i - row * g.w.out};
}

/// Result i of maxPoolIndices.
template <class Values, class T>
HALFTONE_HD int64_t largest_tap(const PoolNdGeometry& g, bool column_major, const T* x, int64_t i) {
  const PoolWindow at = pool_window(g, i);
  const int64_t base = at.plane * g.d.in * g.h.in * g.w.in;
  int64_t found = -1;
  ComputeType<T> best{};
  each_pool_tap(g, at.d, at.h, at.w, [&](int64_t offset, int64_t d, int64_t h, int64_t w) {
    const ComputeType<T> v = Values::load(x[base + offset]);
    if (found >= 0 && !pool_above(v, best)) return;
    best = v;
    found = base + (column_major ? (w * g.h.in + h) * g.d.in + d : offset);
  });
  return found;
}

/// Result i of averagePool.
template <class Values, class T>
HALFTONE_HD T average_window(const PoolNdGeometry& g, bool with_padding, const T* x, int64_t i) {
  using C = ComputeType<T>;
  const PoolWindow at = pool_window(g, i);
  const T* plane = x + at.plane * g.d.in * g.h.in * g.w.in;
  C sum = 0;
  each_pool_tap(g, at.d, at.h, at.w, [&](int64_t offset, int64_t, int64_t, int64_t) {
    sum += Values::load(plane[offset]);
  });
  const C count = static_cast<C>(pool_count(g.d, at.d, with_padding)) *
                  static_cast<C>(pool_count(g.h, at.h, with_padding)) *
                  static_cast<C>(pool_count(g.w, at.w, with_padding));
  return Values::template store<T>(sum / count);
}

/// Result i of lpPool.
template <class Values, class T>
HALFTONE_HD T lp_window(const PoolNdGeometry& g, int64_t p, const T* x, int64_t i) {
  using C = ComputeType<T>;
  const PoolWindow at = pool_window(g, i);
  const T* plane = x + at.plane * g.d.in * g.h.in * g.w.in;
  C sum = 0;
  each_pool_tap(g, at.d, at.h, at.w, [&](int64_t offset, int64_t, int64_t, int64_t) {
    sum += lp_term(static_cast<C>(Values::load(plane[offset])), p);
  });
  return Values::template store<T>(lp_root(sum, p));
}

}  // namespace halftone
