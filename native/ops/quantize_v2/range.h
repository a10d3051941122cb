// The constants that TensorFlow derives from a range, in its own order of float32 and float64
// operations, and what it does with one number. The same lines on the CPU and in kernels.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "core/host_device.h"
#include "ops/quantize/codes.h"
#include "ops/quantize/rounding.h"
#include "ops/quantize_v2/quantize_v2.h"

namespace halftone {

/// Half the number of codes of a signed type: what MIN_COMBINED adds to make codes start at 0.
HALFTONE_HD float half_range(DType t) {
  const CodeRange all = code_range(t);
  if (all.low == 0) return 0;
  return static_cast<float>((static_cast<double>(all.high) - all.low + 1) / 2);
}

/// 2^bits - 1.
HALFTONE_HD double steps(DType t) {
  return static_cast<double>((int64_t{1} << 8 * size_of(t)) - 1);
}

/// One channel's range and what x is multiplied by.
struct QuantizeRange {
  float min = 0, max = 0;  // clamp x to these; also outputMin and outputMax
  float factor = 0;
  float offset = 0;  // MIN_FIRST: the scaled minimum less the least code
};

/// The range contains 0 and is at least ensureMinimumRange wide.
HALFTONE_HD QuantizeRange adjusted_range(float min, float max, float ensure) {
  QuantizeRange r;
  r.min = std::min(0.0f, min);
  const float epsilon = std::max(1.0f, std::max(std::fabs(min), std::fabs(max))) * ensure;
  r.max = std::max(0.0f, std::max(max, r.min + epsilon));
  return r;
}

HALFTONE_HD QuantizeRange quantize_range(const QuantizeV2::Params& p, float min, float max) {
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

/// Refuses a range that is reversed, or whose ends are no numbers.
inline Status check_range_order(const float* mins, const float* maxs, int64_t channels) {
  for (int64_t c = 0; c < channels; ++c)
    if (!(mins[c] <= maxs[c]))
      return param_error("maxRange[", c, "] must not be below minRange[", c, "], got minRange ",
                         mins[c], " and maxRange ", maxs[c]);
  return {};
}

/// y = (q + before) * factor + after.
struct DequantizeRange {
  float before = 0, factor = 0, after = 0;
};

HALFTONE_HD DequantizeRange dequantize_range(const DequantizeV2::Params& p, DType q, float min,
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
HALFTONE_HD int64_t code_in_range(float x, float min, float max, CodeRange all, double step_count) {
  if (min == max) return all.low;
  const double count = step_count + 1;
  const double scale = count / (static_cast<double>(max - min) * (count / step_count));
  const double code = std::round(x * scale) - std::round(min * scale) + all.low;
  if (code >= all.high) return all.high;
  return code > all.low ? static_cast<int64_t>(code) : all.low;  // NaN: the least code
}

/// v as int64, with an answer for every v: a range may be infinite.
HALFTONE_HD int64_t whole(double v) {
  if (!(std::fabs(v) < 0x1p62)) return v > 0 ? int64_t{1} << 62 : v < 0 ? -(int64_t{1} << 62) : 0;
  return static_cast<int64_t>(v);
}

/// TensorFlow's constants of Requantize from int32 to uint8: code = (((x * factor) >> 32) + offset)
/// >> 16.
struct RequantizeRange {
  int64_t factor = 0, offset = 0;
};

HALFTONE_HD RequantizeRange requantize_range(float min, float max, float to_min, float to_max) {
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

/// (((x * factor) >> 32) + offset) >> 16, clamped to uint8.
HALFTONE_HD uint8_t requantize_code(int32_t x, const RequantizeRange& r) {
  const __int128 product = static_cast<__int128>(x) * r.factor;
  const __int128 code = ((product >> 32) + r.offset) >> 16;
  return static_cast<uint8_t>(code < 0 ? 0 : code > 255 ? 255 : code);
}

/// What QuantizeV2 does with one number before it is rounded and brought into the type. `even`
/// roundings are to the nearest even, the others away from zero.
enum class QuantizeStep : int32_t {
  kOnednnMinFirst,       // (x - min) * factor, even
  kOnednnScaled,         // x * factor, even
  kMinFirst,             // round(x * factor) - offset
  kMinCombined,          // (clamp(x) - min) * factor - half
  kMinCombinedUnsigned,  // the same, a half added in float32 and the fraction cut off
  kScaledEven,           // clamp(x) * factor, even
  kScaledAway,           // clamp(x) * factor
};

constexpr bool rounds_even(QuantizeStep s) {
  return s == QuantizeStep::kOnednnMinFirst || s == QuantizeStep::kOnednnScaled ||
         s == QuantizeStep::kScaledEven;
}

inline QuantizeStep quantize_step(const QuantizeV2::Params& p) {
  const bool first = p.mode == RangeMode::kMinFirst;
  if (p.onednn) return first ? QuantizeStep::kOnednnMinFirst : QuantizeStep::kOnednnScaled;
  if (first) return QuantizeStep::kMinFirst;
  if (p.mode == RangeMode::kMinCombined)
    return code_range(p.dtype).low == 0 ? QuantizeStep::kMinCombinedUnsigned
                                        : QuantizeStep::kMinCombined;
  return p.roundMode == RangeRounding::kHalfToEven ? QuantizeStep::kScaledEven
                                                   : QuantizeStep::kScaledAway;
}

/// The ends are float32 numbers: narrowRange cannot leave out a code of int32, and MIN_FIRST stops
/// at the largest float32 that converts to int32.
inline CodeRange quantize_ends(const QuantizeV2::Params& p) {
  const bool wide = p.dtype == DType::kS32;
  CodeRange r = code_range(p.dtype, p.narrowRange && !wide);
  if (wide && p.mode == RangeMode::kMinFirst) r.high = 2147483520;
  return r;
}

/// std::round of any float32: round_half_away() ends at 2^22.
HALFTONE_HD float round_away(float t) {
  return t < 0x1p22f && t > -0x1p22f ? round_half_away(t) : std::round(t);
}

/// The real number whose rounding is the code of v; `half` is half_range().
HALFTONE_HD float quantize_real(QuantizeStep step, const QuantizeRange& r, float half, float v) {
  // std::max(std::min(v, max), min): a NaN stays one.
  const float below = r.max < v ? r.max : v, clamped = below < r.min ? r.min : below;
  switch (step) {
    case QuantizeStep::kOnednnMinFirst:
      return (v - r.min) * r.factor;
    case QuantizeStep::kOnednnScaled:
      return v * r.factor;
    case QuantizeStep::kMinFirst:
      return round_away(v * r.factor) - r.offset;
    case QuantizeStep::kMinCombined:
      return (clamped - r.min) * r.factor - half;
    case QuantizeStep::kMinCombinedUnsigned:
      return std::floor((clamped - r.min) * r.factor + 0.5f);
    default:
      return clamped * r.factor;
  }
}

/// One number of one code.
HALFTONE_HD float dequantize_real(const DequantizeRange& r, float q) {
  return (q + r.before) * r.factor + r.after;
}

}  // namespace halftone
