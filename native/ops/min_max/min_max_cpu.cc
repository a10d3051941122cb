#include <limits>

#include "core/kernel.h"
#include "ops/min_max/min_max.h"

namespace halftone {
namespace {

constexpr float kInf = std::numeric_limits<float>::infinity();
constexpr int64_t kGrain = 1 << 16;  // elements of one piece of work
constexpr int64_t kBlock = 1024;     // 16-bit elements widened at once
constexpr int64_t kColumns = 64;     // neighbouring channels that one piece reads together

struct Range {
  float min = kInf, max = -kInf;
  bool nan = false;

  void add(const Range& o) {
    min = o.min < min ? o.min : min;
    max = o.max > max ? o.max : max;
    nan = nan || o.nan;
  }
  void add(float v) { add({v, v, v != v}); }
};

/// n elements from `begin` on as float32: in place, or widened into `buffer` (n <= kBlock then).
const float* floats(const TensorView& x, int64_t begin, int64_t n, float* buffer) {
  if (x.dtype == DType::kF32) return x.as<float>() + begin;
  if (x.dtype == DType::kF16)
    convert(x.as<f16>() + begin, buffer, n);
  else
    convert(x.as<bf16>() + begin, buffer, n);
  return buffer;
}

/// A vector of the compiler's own: it makes no vector loops of minima by itself, because their
/// order matters for NaN.
using Floats = float __attribute__((vector_size(16)));
using Masks = int32_t __attribute__((vector_size(16)));
constexpr int kLanes = 4, kVectors = 4;  // four independent chains hide the latency of one

Range range_of(const float* x, int64_t n) {
  Floats min[kVectors], max[kVectors];
  Masks nan[kVectors] = {};
  for (int j = 0; j < kVectors; ++j) {
    min[j] = kInf - Floats{};
    max[j] = -kInf - Floats{};
  }
  int64_t i = 0;
  for (; i + kLanes * kVectors <= n; i += kLanes * kVectors)
    for (int j = 0; j < kVectors; ++j) {
      Floats v;
      __builtin_memcpy(&v, x + i + kLanes * j, sizeof v);
      min[j] = v < min[j] ? v : min[j];
      max[j] = v > max[j] ? v : max[j];
      nan[j] |= v != v;
    }
  Range r;
  for (int j = 0; j < kVectors; ++j)
    for (int k = 0; k < kLanes; ++k) r.add({min[j][k], max[j][k], nan[j][k] != 0});
  for (; i < n; ++i) r.add(x[i]);
  return r;
}

Range range_of(const TensorView& x, int64_t begin, int64_t n) {
  alignas(64) float wide[kBlock];
  Range r;
  const int64_t block = x.dtype == DType::kF32 ? n : kBlock;
  for (int64_t done = 0; done < n; done += block) {
    const int64_t count = std::min(n - done, block);
    r.add(range_of(floats(x, begin + done, count, wide), count));
  }
  return r;
}

/// Channels [first, last) where neighbours in memory are different channels: walks along the rows.
void column_ranges(const TensorView& x, const ChannelLayout& l, int64_t first, int64_t last,
                   Range* out) {
  alignas(64) float wide[kBlock], min[kBlock], max[kBlock];
  uint32_t nan[kBlock];
  for (int64_t c = first; c < last; c += kBlock) {
    const int64_t count = std::min(last - c, kBlock);
    std::fill_n(min, count, kInf);
    std::fill_n(max, count, -kInf);
    std::fill_n(nan, count, 0u);
    for (int64_t o = 0; o < l.outer; ++o) {
      const float* row = floats(x, o * l.channels + c, count, wide);
      for (int64_t i = 0; i < count; ++i) {
        const float v = row[i];
        min[i] = v < min[i] ? v : min[i];
        max[i] = v > max[i] ? v : max[i];
        nan[i] |= v != v;
      }
    }
    for (int64_t i = 0; i < count; ++i) out[c + i] = {min[i], max[i], nan[i] != 0};
  }
}

Status min_max_cpu(const MinMax::Params& p, const KernelContext& context) {
  const TensorView& x = context.in(0);
  const ChannelLayout layout = channel_layout(x.shape, p.axis);
  const int64_t n = x.elements();
  std::vector<Range> all(static_cast<size_t>(layout.channels));
  if (layout.channels == 1) {  // pieces of one channel, joined in order
    std::vector<Range> parts(static_cast<size_t>((n + kGrain - 1) / kGrain));
    context.parallel_for(n, kGrain, [&](int64_t first, int64_t last) {
      parts[static_cast<size_t>(first / kGrain)] = range_of(x, first, last - first);
    });
    for (const Range& part : parts) all[0].add(part);
  } else if (n > 0) {
    const bool columns = layout.inner == 1;
    const int64_t grain = std::max(columns ? kColumns : 1, kGrain / (layout.outer * layout.inner));
    context.parallel_for(layout.channels, grain, [&](int64_t first, int64_t last) {
      if (columns) return column_ranges(x, layout, first, last, all.data());
      for (int64_t c = first; c < last; ++c)
        for (int64_t o = 0; o < layout.outer; ++o)
          all[static_cast<size_t>(c)].add(
              range_of(x, (o * layout.channels + c) * layout.inner, layout.inner));
    });
  }
  const float nan = std::numeric_limits<float>::quiet_NaN();
  for (int64_t c = 0; c < layout.channels; ++c) {
    const Range& r = all[static_cast<size_t>(c)];
    context.out(0).as<float>()[c] = r.nan ? nan : r.min;
    context.out(1).as<float>()[c] = r.nan ? nan : r.max;
  }
  const std::string kernel =
      concat("min_max_", info(x.dtype).short_name, p.axis.present ? "_per_axis" : "");
  context.made_by(kernel.c_str(), name(x.dtype), "", "");
  return {};
}

}  // namespace

std::vector<CpuOp> min_max_cpu_ops() { return {cpu_op<MinMax, min_max_cpu>()}; }

}  // namespace halftone
