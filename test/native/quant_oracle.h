// Rounding by integer arithmetic alone, and cases for the quantization ops. Shares no code with
// native/ops.
#pragma once
#include <bit>
#include <cmath>
#include <cstdint>
#include <vector>

#include "each_isa.h"
#include "ops/quantize/codes.h"
#include "run_op.h"

namespace halftone::test {

enum class Ties { kEven, kAway, kUp };

/// n / 2^shift to the nearest integer; shift 0..126, |n| < 2^126.
inline __int128 round_shift(__int128 n, int shift, Ties ties) {
  if (shift == 0) return n;
  const __int128 unit = static_cast<__int128>(1) << shift;
  __int128 down = n / unit;  // toward zero, then toward minus infinity
  if (n % unit < 0) --down;
  const __int128 rest = n - down * unit, half = unit / 2;
  if (rest < half) return down;
  if (rest > half) return down + 1;
  switch (ties) {
    case Ties::kEven:
      return down + (down & 1);
    case Ties::kAway:
      return n > 0 ? down + 1 : down;
    default:
      return down + 1;
  }
}

/// A finite double to the nearest integer, saturated at +-2^60.
inline __int128 round_double(double t, Ties ties) {
  if (t == 0) return 0;
  int exponent = 0;
  const double fraction = std::frexp(t, &exponent);  // t = (fraction * 2^53) * 2^(exponent - 53)
  const __int128 n = static_cast<__int128>(std::ldexp(fraction, 53));
  if (exponent > 60)
    return t > 0 ? static_cast<__int128>(1) << 60 : -(static_cast<__int128>(1) << 60);
  if (exponent < -60) return 0;
  return exponent >= 53 ? n << (exponent - 53) : round_shift(n, 53 - exponent, ties);
}

/// saturate(round(t) + zero_point); NaN gives `low`.
inline int64_t code_of(double t, int64_t zero_point, CodeRange range, Ties ties) {
  if (std::isnan(t)) return range.low;
  if (std::isinf(t)) return t > 0 ? range.high : range.low;
  const __int128 sum = round_double(t, ties) + zero_point;
  return static_cast<int64_t>(sum < range.low ? range.low : sum > range.high ? range.high : sum);
}

/// xorshift64*: the same numbers on every machine.
class Rng {
 public:
  explicit Rng(uint64_t seed) : state_(seed * 0x9e3779b97f4a7c15ull + 1) {}
  uint64_t bits() {
    state_ ^= state_ >> 12, state_ ^= state_ << 25, state_ ^= state_ >> 27;
    return state_ * 0x2545f4914f6cdd1dull;
  }
  int64_t between(int64_t low, int64_t high) {
    return low + static_cast<int64_t>(bits() % static_cast<uint64_t>(high - low + 1));
  }
  double unit() { return static_cast<double>(bits() >> 11) * 0x1p-53; }

 private:
  uint64_t state_;
};

/// Shapes and axes: every axis of several ranks, sizes around the widths of vectors and of blocks,
/// empty ones.
struct LayoutCase {
  Shape shape;
  MaybeInt axis;
};
inline std::vector<LayoutCase> layout_cases() {
  std::vector<LayoutCase> all;
  for (const Shape& s :
       {Shape{}, Shape{1}, Shape{17}, Shape{1031}, Shape{70000}, Shape{0}, Shape{3, 0, 2}})
    all.push_back({s, {}});
  for (const Shape& s :
       {Shape{5}, Shape{1000}, Shape{3, 7}, Shape{2, 3, 129}, Shape{2, 65, 5, 3}, Shape{4, 1, 30},
        Shape{2, 3, 0}, Shape{0, 4}, Shape{200, 3, 130}, Shape{3, 1100, 2}})
    for (int64_t axis = 0; axis < s.rank; ++axis)
      all.push_back({s, {1, axis % 2 ? axis - s.rank : axis}});
  return all;
}
inline int64_t channels_of(const LayoutCase& c) { return channel_layout(c.shape, c.axis).channels; }
inline Shape channel_shape(const LayoutCase& c) {
  return c.axis.present ? Shape{channels_of(c)} : Shape{};
}

/// A tensor of codes from int64 values.
inline HostTensor codes(DType dtype, Shape shape, const std::vector<int64_t>& values) {
  HostTensor t(dtype, shape);
  for (size_t i = 0; i < values.size(); ++i)
    dispatch(dtype, [&](auto tag) {
      using T = typename decltype(tag)::type;
      if constexpr (std::is_integral_v<T>) t.as<T>()[i] = static_cast<T>(values[i]);
    });
  return t;
}
inline int64_t code_at(HostTensor& t, int64_t i) {
  return dispatch(t.dtype, [&](auto tag) -> int64_t {
    using T = typename decltype(tag)::type;
    if constexpr (std::is_integral_v<T>) return t.as<T>()[i];
    return 0;
  });
}

inline constexpr DType kCodeTypes[] = {DType::kS8, DType::kU8, DType::kS16, DType::kU16,
                                       DType::kS32};

}  // namespace halftone::test
