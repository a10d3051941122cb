// The sum behind one result of a convolution and of its two gradients, by the definition: shared by
// the plain CPU kernels and the direct CUDA kernels. The order of the terms is the one that the ops
// document. `Sums` is an arithmetic: its type Acc, and term(a, b, acc), which adds a product.
#pragma once
#include <cstdint>

#include "core/host_device.h"
#include "ops/conv2d/conv_geometry.h"

namespace halftone {

/// y[n, k, oh, ow] before bias: kernel row, kernel column, input channel.
template <class Sums, class X, class W>
HALFTONE_HD typename Sums::Acc output_sum(const ConvGeometry& g, const X* x, const W* w, int64_t n,
                                          int64_t k, int64_t oh, int64_t ow) {
  const TapRange rows = g.h.taps(oh), columns = g.w.taps(ow);
  const X* image = x + n * g.x.n + k / g.group_out * g.group_in * g.x.c;
  const W* filter = w + k * g.f.n;
  typename Sums::Acc acc{};
  for (int64_t r = rows.first; r < rows.last; ++r)
    for (int64_t s = columns.first; s < columns.last; ++s) {
      const X* px = image + (g.h.start(oh) + r * g.h.dilation) * g.x.h +
                    (g.w.start(ow) + s * g.w.dilation) * g.x.w;
      const W* pw = filter + r * g.f.h + s * g.f.w;
      for (int64_t c = 0; c < g.group_in; ++c) acc = Sums::term(px[c * g.x.c], pw[c * g.f.c], acc);
    }
  return acc;
}

/// dx[n, c, ih, iw]: kernel row, kernel column, output channel of the group.
template <class Sums, class Y, class W>
HALFTONE_HD typename Sums::Acc input_sum(const ConvGeometry& g, const Y* dy, const W* w, int64_t n,
                                         int64_t c, int64_t ih, int64_t iw) {
  const int64_t group = c / g.group_in;
  typename Sums::Acc acc{};
  for (int64_t r = 0; r < g.h.kernel; ++r) {
    const int64_t oh = g.h.window_of(ih, r);
    if (oh < 0) continue;
    for (int64_t s = 0; s < g.w.kernel; ++s) {
      const int64_t ow = g.w.window_of(iw, s);
      if (ow < 0) continue;
      const Y* pdy = dy + n * g.y.n + group * g.group_out * g.y.c + oh * g.y.h + ow * g.y.w;
      const W* pw =
          w + group * g.group_out * g.f.n + c % g.group_in * g.f.c + r * g.f.h + s * g.f.w;
      for (int64_t k = 0; k < g.group_out; ++k)
        acc = Sums::term(pdy[k * g.y.c], pw[k * g.f.n], acc);
    }
  }
  return acc;
}

/// dw[k, c, r, s]: image, output row, output column.
template <class Sums, class X, class Y>
HALFTONE_HD typename Sums::Acc filter_sum(const ConvGeometry& g, const X* x, const Y* dy, int64_t k,
                                          int64_t c, int64_t r, int64_t s) {
  const TapRange rows = g.h.windows_of(r), columns = g.w.windows_of(s);
  const int64_t channel = k / g.group_out * g.group_in + c;
  typename Sums::Acc acc{};
  for (int64_t n = 0; n < g.batch; ++n)
    for (int64_t oh = rows.first; oh < rows.last; ++oh)
      for (int64_t ow = columns.first; ow < columns.last; ++ow) {
        const X* px = x + n * g.x.n + channel * g.x.c + (g.h.start(oh) + r * g.h.dilation) * g.x.h +
                      (g.w.start(ow) + s * g.w.dilation) * g.x.w;
        acc = Sums::term(*px, dy[n * g.y.n + k * g.y.c + oh * g.y.h + ow * g.y.w], acc);
      }
  return acc;
}

}  // namespace halftone
