// Images as planes in which a tap lies at the same distance from the window in all windows, so that
// kernels load neighbouring windows as vectors, whatever the padding, the stride and the dilation.
#pragma once
#include <memory>
#include <vector>

#include "core/kernel.h"
#include "ops/conv2d/conv_plain.h"
#include "ops/conv2d/conv_planes_isa.h"

namespace halftone {

/// One axis of planes. Position i of the padded image is position i / stride of the plane with
/// phase i % stride: tap t of window o lies at o + shift(t) of plane phase(t).
struct PlaneAxis {
  int64_t size = 0;    // positions of a plane
  int64_t phases = 1;  // planes that some tap needs are the first ones
  int64_t stride = 1, dilation = 1;

  /// The planes for `windows` neighbouring windows.
  PlaneAxis(const WindowAxis& axis, int64_t windows)
      : size(windows + (axis.kernel - 1) * axis.dilation / axis.stride),
        phases(std::min(axis.stride, (axis.kernel - 1) * axis.dilation + 1)),
        stride(axis.stride),
        dilation(axis.dilation) {}
  int64_t phase(int64_t tap) const { return tap * dilation % stride; }
  int64_t shift(int64_t tap) const { return tap * dilation / stride; }
};

/// The planes of one channel: [phase of rows, phase of columns, rows, columns]. Windows are counted
/// with the columns of a plane: window (oh, ow) is oh * w.size + ow, and what lies between the rows
/// of the output belongs to none.
struct PlaneLayout {
  PlaneAxis h, w;

  /// For `rows` neighbouring rows of windows.
  PlaneLayout(const ConvGeometry& g, int64_t rows) : h(g.h, rows), w(g.w, g.w.out) {}
  int64_t elements() const { return h.phases * w.phases * h.size * w.size; }
  /// Of a window's taps, row by row, from the window.
  std::vector<int64_t> offsets(const ConvGeometry& g) const {
    std::vector<int64_t> all;
    all.reserve(static_cast<size_t>(g.taps()));
    for (int64_t r = 0; r < g.h.kernel; ++r)
      for (int64_t s = 0; s < g.w.kernel; ++s) {
        const int64_t row = (h.phase(r) * w.phases + w.phase(s)) * h.size + h.shift(r);
        all.push_back(row * w.size + w.shift(s));
      }
    return all;
  }
};

/// Whether the planes of a whole image take not much more memory than the image does: its padding
/// may be wider than any memory.
bool planes_are_small(const ConvGeometry& g);

/// Positions [first, last) of the planes with this phase hold positions of the image; the first of
/// their `size` positions is that of window `window`.
TapRange plane_inside(const WindowAxis& axis, int64_t phase, int64_t window, int64_t size);

/// Fills planes whose first row of windows is `window` from one channel of an image. `padded`: what
/// is padding holds 0 already. `image`: its elements, where they have the type of the planes; where
/// it is nullptr, load(row, column, n, to) writes n of them.
template <class T, class Load>
void fill_planes(const ConvGeometry& g, const PlaneLayout& planes, int64_t window, bool padded,
                 const T* image, Load&& load, std::vector<T>& scratch, T* to) {
  const PlaneAxis &h = planes.h, &w = planes.w;
  if (!padded) std::fill_n(to, planes.elements(), T{});
  if (!image && w.stride > 1) scratch.resize(static_cast<size_t>(g.w.in));
  for (int64_t p = 0; p < h.phases; ++p) {
    const TapRange rows = plane_inside(g.h, p, window, h.size);
    const int64_t count = rows.last - rows.first,
                  first = (window + rows.first) * h.stride + p - g.h.before;
    // fill(column of the image, how many of them, element of the planes)
    const auto each_phase = [&](auto&& fill) {
      for (int64_t q = 0; q < w.phases; ++q) {
        const TapRange columns = plane_inside(g.w, q, 0, w.size);
        const int64_t line = ((p * w.phases + q) * h.size + rows.first) * w.size;
        if (columns.first < columns.last)
          fill(columns.first * w.stride + q - g.w.before, columns.last - columns.first,
               to + line + columns.first);
      }
    };
    if (image && count > 0)
      each_phase([&](int64_t column, int64_t n, T* line) {
        take_rows<T>(
            {image + first * g.x.h + column, line, count, n, h.stride * g.x.h, w.size, w.stride});
      });
    for (int64_t i = 0; !image && i < count; ++i) {
      const int64_t row = first + i * h.stride;
      if (w.stride > 1) load(row, 0, g.w.in, scratch.data());
      each_phase([&](int64_t column, int64_t n, T* line) {
        T* const at = line + i * w.size;
        if (w.stride == 1)
          load(row, column, n, at);
        else
          take_rows<T>({scratch.data() + column, at, 1, n, 0, 0, w.stride});
      });
    }
  }
}

/// Moves the first `keep` of each `period` elements together, in place; data[0] is element `at` of
/// a period.
template <class T>
void close_up(int64_t period, int64_t keep, int64_t at, int64_t count, T* data) {
  if (period == keep) return;
  const int64_t first = std::clamp<int64_t>(keep - at, 0, count), from = period - at;
  if (from >= count) return;
  const int64_t rows = (count - from) / period, rest = count - from - rows * period;
  // Forwards, each vector read before it is written: that takes rows to where others were.
  take_rows<T>({data + from, data + first, rows, keep, period, keep, 1});
  std::copy_n(data + from + rows * period, std::min(keep, rest), data + first + rows * keep);
}

}  // namespace halftone
