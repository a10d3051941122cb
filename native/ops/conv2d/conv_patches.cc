#include "ops/conv2d/conv_patches.h"

#include <algorithm>

namespace halftone {

PatchMap::PatchMap(const ConvGeometry& g, int64_t first, int64_t pixels) : count(pixels) {
  int64_t ow = first % g.w.out, oh = first / g.w.out % g.h.out, n = first / g.w.out / g.h.out;
  for (int64_t i = 0; i < count; ++i) {
    row[i] = g.h.start(oh);
    column[i] = g.w.start(ow);
    position[i] = n * g.x.n + row[i] * g.x.h + column[i] * g.x.w;
    all_inside &= g.h.full(oh) && g.w.full(ow);
    if (++ow == g.w.out) {
      ow = 0;
      if (++oh == g.h.out) oh = 0, ++n;
    }
  }
  for (int64_t i = count; i < kGemmMaxWidth; ++i) position[i] = position[i - 1] + g.x.w;
}

template <class T>
void PatchOperand<T>::pack(const GemmPanel& panel, T* to) const {
  const PatchMap map(g_, panel.first, panel.count);
  // Pairs of channels must not straddle two taps to be loaded together.
  const bool pairs_break = sizeof(T) == 2 && g_.group_in % 2 != 0 && g_.taps() > 1;
  if (g_.x.c == 1 && order_ == TapOrder::kChannelsLast && !pairs_break)
    pack_by_lines(panel, map, to);
  else
    pack_by_steps(panel, map, to);
}

template <class T>
void PatchOperand<T>::pack_by_steps(const GemmPanel& panel, const PatchMap& map, T* to) const {
  constexpr int64_t kCached = 8;  // kernel rows and columns whose masks are made once
  uint64_t rows[kCached], columns[kCached];
  for (int64_t r = 0; r < std::min(kCached, g_.h.kernel); ++r)
    rows[r] = map.all_inside ? map.all() : map.rows_inside(g_, r);
  for (int64_t s = 0; s < std::min(kCached, g_.w.kernel); ++s)
    columns[s] = map.all_inside ? map.all() : map.columns_inside(g_, s);

  int64_t offset[kGemmBlockK];
  uint64_t inside[kGemmBlockK];
  const bool channels_last = order_ == TapOrder::kChannelsLast;
  int64_t c = channels_last ? panel.k0 % g_.group_in : panel.k0 / g_.taps();
  int64_t tap = channels_last ? panel.k0 / g_.group_in : panel.k0 % g_.taps();
  int64_t r = tap / g_.w.kernel, s = tap % g_.w.kernel;
  for (int64_t k = 0; k < panel.kc; ++k) {
    offset[k] = c * g_.x.c + r * g_.h.dilation * g_.x.h + s * g_.w.dilation * g_.x.w;
    inside[k] = (r < kCached ? rows[r] : map.rows_inside(g_, r)) &
                (s < kCached ? columns[s] : map.columns_inside(g_, s));
    if (channels_last && ++c < g_.group_in) continue;
    if (++s < g_.w.kernel) {
      if (channels_last) c = 0;
      continue;
    }
    s = 0;
    if (channels_last) c = 0;
    if (++r < g_.h.kernel) continue;
    r = 0;
    ++c;
  }
  steps_({x_ + panel.batch * g_.group_in * g_.x.c * size_, how_, panel.width, panel.kc,
          map.position, offset, inside},
         to);
}

template <class T>
void PatchOperand<T>::pack_by_lines(const GemmPanel& panel, const PatchMap& map, T* to) const {
  int64_t start[kGemmMaxWidth];
  const int64_t channel = panel.batch * g_.group_in;
  // The taps of a kernel row lie side by side as well when nothing lies between them.
  const bool whole_rows = map.all_inside && g_.w.dilation == 1 && g_.x.w == g_.group_in;
  const int64_t run = whole_rows ? g_.group_in * g_.w.kernel : g_.group_in;
  for (int64_t k = 0; k < panel.kc;) {
    const int64_t tap = (panel.k0 + k) / g_.group_in, c = (panel.k0 + k) % g_.group_in;
    const int64_t r = tap / g_.w.kernel, s = tap % g_.w.kernel;
    const int64_t length = std::min(run - (whole_rows ? s * g_.group_in : 0) - c, panel.kc - k);
    const int64_t shift = r * g_.h.dilation * g_.x.h + s * g_.w.dilation * g_.x.w + c + channel;
    const uint64_t inside =
        map.all_inside ? map.all() : map.rows_inside(g_, r) & map.columns_inside(g_, s);
    for (int64_t i = 0; i < panel.count; ++i)
      start[i] = inside >> i & 1 ? map.position[i] + shift : -1;
    // A word holds one float or two int16, so k steps are k * width of either type.
    lines_({x_, how_, panel.count, panel.width, length, start}, to + k * panel.width);
    k += length;
  }
}

template class PatchOperand<float>;
template class PatchOperand<int16_t>;

}  // namespace halftone
