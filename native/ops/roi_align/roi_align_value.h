// What the CPU's and the CUDA kernel of roiAlign share.
#pragma once
#include <cmath>

#include "core/values.h"
#include "ops/roi_align/roi_align.h"

namespace halftone {

/// The samples of a bin along one axis: sample i lies at first + i * step. Those of [begin, end)
/// may lie in the image: the others need not be looked at, however many there are.
template <class C>
struct RoiSamples {
  C first, step;
  int64_t begin = 0, end = 0;
  C count;
};

template <class C>
HALFTONE_HD RoiSamples<C> roi_samples(const RoiAlign::Params& p, C low, C high, int64_t bins,
                                      int64_t bin, int64_t size) {
  const C scale = static_cast<C>(p.spatialScale), offset = p.halfPixel ? C(0.5) : C(0);
  const C start = low * scale - offset;
  C length = high * scale - offset - start;
  if (!p.halfPixel && !(length > 1)) length = 1;  // malformed ones too
  const C width = length / static_cast<C>(bins);
  const C wanted = p.samplingRatio > 0 ? static_cast<C>(p.samplingRatio) : std::ceil(width);
  RoiSamples<C> s{.first = start + static_cast<C>(bin) * width + C(0.5) * width / wanted,
                  .step = width / wanted,
                  .count = wanted};
  // NaN and infinite regions have no sample in the image.
  if (!(wanted > 0) || !(std::abs(s.first) < C(1e30)) || !(std::abs(s.step) < C(1e30))) return s;
  const C n = static_cast<C>(size);
  C from = 0, to = wanted;
  if (s.step > 0) {
    from = std::floor((C(-1) - s.first) / s.step) - 1;
    to = std::ceil((n - s.first) / s.step) + 2;
  } else if (s.step < 0) {
    from = std::floor((n - s.first) / s.step) - 1;
    to = std::ceil((C(-1) - s.first) / s.step) + 2;
  }
  from = from > 0 ? from : C(0);
  to = to < wanted ? to : wanted;
  if (!(from < to)) return s;
  s.begin = static_cast<int64_t>(from);
  s.end = static_cast<int64_t>(to);
  return s;
}

/// The two elements around a sample, and the weight of the second; none when `inside` is false.
template <class C>
struct RoiTap {
  bool inside;
  int64_t low, high;
  C second;
};
template <class C>
HALFTONE_HD RoiTap<C> roi_tap(C at, int64_t size) {
  if (!(at >= C(-1) && at <= static_cast<C>(size)) || size == 0) return {false, 0, 0, C(0)};
  if (at < 0) at = 0;
  const int64_t low = static_cast<int64_t>(at);
  if (low >= size - 1) return {true, size - 1, size - 1, C(0)};
  return {true, low, low + 1, at - static_cast<C>(low)};
}

/// One bin of one channel of a region; `plane`: that channel of its image.
template <class Values, class T>
HALFTONE_HD T roi_align_value(const RoiAlign::Params& p, const ComputeType<T>* roi, const T* plane,
                              int64_t height, int64_t width, int64_t bin_row, int64_t bin_column) {
  using C = ComputeType<T>;
  const auto rows = roi_samples(p, roi[1], roi[3], p.outputHeight, bin_row, height);
  const auto columns = roi_samples(p, roi[0], roi[2], p.outputWidth, bin_column, width);
  const bool largest = p.mode == RoiPooling::kMax;
  // A sample outside is 0; those that are passed over count too.
  const C all = rows.count * columns.count;
  const C seen =
      static_cast<C>(rows.end - rows.begin) * static_cast<C>(columns.end - columns.begin);
  C sum = 0, most = 0;
  bool found = seen < all;
  for (int64_t i = rows.begin; i < rows.end; ++i) {
    const auto y = roi_tap(rows.first + static_cast<C>(i) * rows.step, height);
    for (int64_t j = columns.begin; j < columns.end; ++j) {
      const auto x = roi_tap(columns.first + static_cast<C>(j) * columns.step, width);
      C w[4] = {}, v[4] = {};
      if (y.inside && x.inside) {
        w[0] = (1 - y.second) * (1 - x.second);
        w[1] = (1 - y.second) * x.second;
        w[2] = y.second * (1 - x.second);
        w[3] = y.second * x.second;
        v[0] = Values::load(plane[y.low * width + x.low]);
        v[1] = Values::load(plane[y.low * width + x.high]);
        v[2] = Values::load(plane[y.high * width + x.low]);
        v[3] = Values::load(plane[y.high * width + x.high]);
      }
      sum += w[0] * v[0] + w[1] * v[1] + w[2] * v[2] + w[3] * v[3];
      for (int k = 0; k < 4; ++k) {
        const C term = w[k] * v[k];
        most = !found || term > most || term != term ? term : most;
        found = true;
      }
    }
  }
  return Values::template store<T>(largest ? most : sum / (all > 1 ? all : C(1)));
}

}  // namespace halftone
