// The constants that TensorFlow derives from a range, in its own order of float32 and float64
// operations.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>

#include "ops/quantize/codes.h"
#include "ops/quantize_v2/quantize_v2.h"

namespace halftone {

/// Half the number of codes of a signed type: what MIN_COMBINED adds to make codes start at 0.
inline float half_range(DType t) {
  const CodeRange all = code_range(t);
  if (all.low == 0) return 0;
  return static_cast<float>((static_cast<double>(all.high) - all.low + 1) / 2);
}

/// 2^bits - 1.
inline double steps(DType t) { return std::ldexp(1.0, 8 * size_of(t)) - 1; }

/// One channel's range and what x is multiplied by.
struct QuantizeRange {
  float min = 0, max = 0;  // clamp x to these; also outputMin and outputMax
  float factor = 0;
  float offset = 0;  // MIN_FIRST: the scaled minimum less the least code
};

/// The range contains 0 and is at least ensureMinimumRange wide.
inline QuantizeRange adjusted_range(float min, float max, float ensure) {
  QuantizeRange r;
  r.min = std::min(0.0f, min);
  const float epsilon = std::max(1.0f, std::max(std::fabs(min), std::fabs(max))) * ensure;
  r.max = std::max(0.0f, std::max(max, r.min + epsilon));
  return r;
}

inline QuantizeRange quantize_range(const QuantizeV2::Params& p, float min, float max) {
  QuantizeRange r = adjusted_range(min, max, static_cast<float>(p.ensureMinimumRange));
  const CodeRange all = code_range(p.dtype, p.narrowRange);
  const float low = static_cast<float>(all.low), high = static_cast<float>(all.high);
  switch (p.mode) {
    case RangeMode::kMinCombined:
      r.factor = static_cast<float>((static_cast<double>(all.high) - all.low) / (r.max - r.min));
      return r;
    case RangeMode::kMinFirst:
      r.factor = r.max == r.min ? 0.0f : static_cast<float>(steps(p.dtype) / (r.max - r.min));
      r.offset = std::round(r.min * r.factor) - low;
      return r;
    case RangeMode::kScaled:
      break;
  }
  if (p.onednn) {  // symmetric, every code in use: 255 codes to twice the largest, or to it
    const float largest = std::max(std::fabs(r.min), std::fabs(r.max));
    r.factor = (all.low < 0 ? 127.5f : 255.0f) / largest;
    r.min = all.low < 0 ? -largest : 0.0f;
    r.max = largest;
    return r;
  }
  constexpr float kNone = std::numeric_limits<float>::max();
  const float from_min = low * r.min > 0 ? low / r.min : kNone;
  const float from_max = high * r.max > 0 ? high / r.max : kNone;
  r.factor = std::min(from_min, from_max);
  r.min = low / r.factor;
  r.max = high / r.factor;
  return r;
}

/// y = (q + before) * factor + after.
struct DequantizeRange {
  float before = 0, factor = 0, after = 0;
};

inline DequantizeRange dequantize_range(const DequantizeV2::Params& p, DType q, float min,
                                        float max) {
  const CodeRange all = code_range(q, p.narrowRange && p.mode == RangeMode::kScaled);
  const float low = static_cast<float>(all.low), high = static_cast<float>(all.high);
  if (p.mode == RangeMode::kMinCombined) return {half_range(q), (max - min) / (high - low), min};
  if (p.mode == RangeMode::kScaled)
    return {0, code_range(q).low == 0 ? max / high : std::max(min / low, max / high), 0};
  const float step = static_cast<float>((max - min) / steps(q));
  const float start = max == min ? min : std::round(min / step) * step;
  return {0, step, start - low * step};
}

/// TensorFlow's FloatToQuantized: the code of one number, in float64.
inline int64_t code_in_range(float x, float min, float max, CodeRange all, double step_count) {
  if (min == max) return all.low;
  const double count = step_count + 1;
  const double scale = count / (static_cast<double>(max - min) * (count / step_count));
  const double code = std::round(x * scale) - std::round(min * scale) + all.low;
  if (code >= all.high) return all.high;
  return code > all.low ? static_cast<int64_t>(code) : all.low;  // NaN: the least code
}

/// v as int64, with an answer for every v: a range may be infinite.
inline int64_t whole(double v) {
  if (!(std::fabs(v) < 0x1p62)) return v > 0 ? int64_t{1} << 62 : v < 0 ? -(int64_t{1} << 62) : 0;
  return static_cast<int64_t>(v);
}

/// TensorFlow's constants of Requantize from int32 to uint8: code = (((x * factor) >> 32) + offset)
/// >> 16.
struct RequantizeRange {
  int64_t factor = 0, offset = 0;
};

inline RequantizeRange requantize_range(float min, float max, float to_min, float to_max) {
  constexpr double kOne = 1 << 16;
  constexpr int64_t kHalf = 1 << 15;
  const float from = max - min, to = to_max - to_min;
  if (to == 0) return {0, kHalf};
  const float middle = static_cast<float>((min + max) / 2.0);
  const float reciprocal = static_cast<float>(255.0 / to);
  const int64_t in = whole(middle * reciprocal * static_cast<float>(kOne));
  const int64_t out = whole(kOne * (to_min * 255.0) / to);
  return {whole(255.0 * kOne * from / to), in - out + kHalf};
}

}  // namespace halftone
