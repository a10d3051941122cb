#include "check.h"
#include "ops/quantize/rounding.h"
#include "ops/requantize/requantize_cpu.h"
#include "quant_oracle.h"

using namespace halftone;
using namespace halftone::test;

namespace {

using V = RequantizeVariant;
constexpr V kVariants[] = {V::kHalfEven, V::kTfliteDouble, V::kTosa, V::kHalfAway};

/// Multiplier and shift as the specifications describe them, in 128-bit integers and long double.
struct Scale {
  __int128 value;
  int shift;
};
Scale q31(double m) {
  if (m == 0) return {0, 31};
  int exponent = 0;
  const long double fraction = std::frexp(m, &exponent);
  __int128 value = static_cast<__int128>(std::floor(fraction * 2147483648.0L + 0.5L));
  if (value == static_cast<__int128>(1) << 31) value /= 2, ++exponent;
  return {value, 31 - exponent};
}

__int128 tflite_double(int64_t x, double m) {
  Scale s = q31(m);
  if (s.shift > 62) return 0;
  const int left = std::max(0, 31 - s.shift), right = std::max(0, s.shift - 31);
  const __int128 wide =
      std::clamp<__int128>(static_cast<__int128>(x) << left, INT32_MIN, INT32_MAX);
  const __int128 high = round_shift(wide * s.value, 31, Ties::kUp);
  return round_shift(high, right, Ties::kAway);
}

__int128 tosa(int64_t x, double m) {
  Scale s = q31(m);
  if (s.shift > 62) s.value >>= std::min(31, s.shift - 62), s.shift = 62;
  return round_shift(x * s.value, s.shift, Ties::kUp);
}

int64_t expected(int32_t x, double scale, bool wide, V variant, int64_t zero_point,
                 CodeRange range) {
  const auto clamp = [&](__int128 v) {
    return static_cast<int64_t>(std::clamp<__int128>(v + zero_point, range.low, range.high));
  };
  if (variant == V::kTfliteDouble) return clamp(tflite_double(x, scale));
  if (variant == V::kTosa) return clamp(tosa(x, scale));
  const double product = wide ? x * scale
                              : static_cast<double>(static_cast<float>(
                                    static_cast<double>(static_cast<float>(x)) * scale));
  return code_of(product, zero_point, range, variant == V::kHalfAway ? Ties::kAway : Ties::kEven);
}

void check_case(const LayoutCase& c, DType dtype, V variant, bool wide, bool with_zero_point,
                uint64_t seed) {
  Rng rng(seed);
  CodeRange range = code_range(dtype);
  Requantize::Params p;
  p.dtype = dtype;
  p.axis = c.axis;
  p.variant = variant;
  if (rng.bits() % 2) {
    p.min = {1, range.low + rng.between(0, 100)};
    p.max = {1, range.high - rng.between(0, 100)};
    range = {static_cast<int32_t>(p.min.value), static_cast<int32_t>(p.max.value)};
  }
  std::vector<double> scale;
  std::vector<int64_t> zero_point;
  for (int64_t i = 0; i < channels_of(c); ++i) {
    const uint64_t kind = rng.bits() % 4;
    double m = std::ldexp(0.5 + 0.5 * rng.unit(),
                          static_cast<int>(kind == 0 ? rng.between(-40, 28) : rng.between(-12, 1)));
    if (kind == 1) m = std::ldexp(1.0, static_cast<int>(rng.between(-12, 2)));  // ties
    if (kind == 0 && rng.bits() % 8 == 0) m = 0;
    scale.push_back(wide ? m : static_cast<double>(static_cast<float>(m)));
    const CodeRange all = code_range(dtype);
    zero_point.push_back(with_zero_point ? rng.between(all.low, all.high) : 0);
  }
  std::vector<int32_t> x;
  for (int64_t i = 0; i < c.shape.elements(); ++i) {
    const uint64_t kind = rng.bits() % 8;
    x.push_back(static_cast<int32_t>(kind == 0   ? INT32_MIN
                                     : kind == 1 ? INT32_MAX
                                     : kind == 2 ? rng.between(INT32_MIN, INT32_MAX)
                                                 : rng.between(-4000, 4000)));
  }
  HostTensor in(c.shape, x), s64(channel_shape(c), scale),
      z = codes(dtype, channel_shape(c), zero_point);
  HostTensor s32(channel_shape(c), std::vector<float>(scale.begin(), scale.end()));
  auto result = run_op<Requantize>(p, {&in, wide ? &s64 : &s32, with_zero_point ? &z : nullptr});
  CHECK_OK(result.status);
  if (!result.status.ok()) return;
  const ChannelLayout layout = channel_layout(c.shape, c.axis);
  for (int64_t i = 0; i < c.shape.elements(); ++i) {
    const size_t channel = static_cast<size_t>(i / layout.inner % layout.channels);
    CHECK_EQ(code_at(result.outputs[0], i), expected(x[static_cast<size_t>(i)], scale[channel],
                                                     wide, variant, zero_point[channel], range));
  }
}

std::vector<int8_t> run_one(const std::vector<int32_t>& x, double scale, V variant) {
  HostTensor in(Shape{static_cast<int64_t>(x.size())}, x), s(Shape{}, std::vector<double>{scale});
  Requantize::Params p;
  p.variant = variant;
  auto result = run_op<Requantize>(p, {&in, &s});
  CHECK_OK(result.status);
  return result.outputs.at(0).values<int8_t>();
}

}  // namespace

TEST(every_variant_equals_the_integer_oracle_with_every_instruction_set) {
  for_each_isa([](Isa) {
    uint64_t seed = 1;
    for (const LayoutCase& c : layout_cases())
      for (DType dtype : {DType::kS8, DType::kU8, DType::kS16, DType::kU16})
        for (V variant : kVariants)
          for (int flags = 0; flags < 4; ++flags) {
            if (c.shape.elements() > 3000 && flags != 3) continue;
            check_case(c, dtype, variant, flags & 1, flags & 2, ++seed);
          }
  });
}

TEST(ties_of_each_variant) {
  const std::vector<int32_t> x = {-5, -3, -1, 1, 3, 5};  // times 1/2: -2.5 -1.5 -0.5 0.5 1.5 2.5
  CHECK((run_one(x, 0.5, V::kHalfEven) == std::vector<int8_t>{-2, -2, 0, 0, 2, 2}));
  CHECK((run_one(x, 0.5, V::kHalfAway) == std::vector<int8_t>{-3, -2, -1, 1, 2, 3}));
  CHECK((run_one(x, 0.5, V::kTosa) == std::vector<int8_t>{-2, -1, 0, 1, 2, 3}));
  // The doubling high product of x * 1/2 is a tie already and goes up; nothing is left to the
  // shift.
  CHECK((run_one(x, 0.5, V::kTfliteDouble) == std::vector<int8_t>{-2, -1, 0, 1, 2, 3}));
  // With 1/4 the high product is exact (x / 2 as a tie, up), the shift by one then rounds away from
  // zero.
  CHECK((run_one({-6, -2, 2, 6, 5, -5, 9}, 0.25, V::kTfliteDouble) ==
         std::vector<int8_t>{-2, -1, 1, 2, 2, -1, 3}));
  CHECK((run_one({-6, -2, 2, 6, 5, -5, 9}, 0.25, V::kTosa) ==
         std::vector<int8_t>{-1, 0, 1, 2, 1, -1, 2}));
  CHECK((run_one({-6, -2, 2, 6, 5, -5, 9}, 0.25, V::kHalfEven) ==
         std::vector<int8_t>{-2, 0, 0, 2, 1, -1, 2}));
}

TEST(variants_differ_by_one_at_the_most) {
  Rng rng(11);
  std::vector<int32_t> x;
  for (int i = 0; i < 20000; ++i) x.push_back(static_cast<int32_t>(rng.between(-60000, 60000)));
  int differences = 0;
  for (int repeat = 0; repeat < 20; ++repeat) {
    const double m = std::ldexp(0.5 + 0.5 * rng.unit(), -9);
    const auto a = run_one(x, m, V::kHalfEven);
    for (V variant : {V::kTfliteDouble, V::kTosa, V::kHalfAway}) {
      const auto b = run_one(x, m, variant);
      for (size_t i = 0; i < x.size(); ++i) {
        CHECK(std::abs(a[i] - b[i]) <= 1);
        differences += a[i] != b[i];
      }
    }
  }
  CHECK(differences > 0);
}

TEST(float32_products_round_the_sum_first) {
  // 16777217 has 25 bits: float32 makes 16777216 of it, and the product 0.5 ties to 0; float64 does
  // not.
  HostTensor x(Shape{1}, std::vector<int32_t>{16777217}),
      s32(Shape{}, std::vector<float>{0x1p-25f}), s64(Shape{}, std::vector<double>{0x1p-25});
  CHECK_EQ(run_op<Requantize>({}, {&x, &s32}).outputs.at(0).as<int8_t>()[0], 0);
  CHECK_EQ(run_op<Requantize>({}, {&x, &s64}).outputs.at(0).as<int8_t>()[0], 1);
}

TEST(multiplier_and_shift) {
  const auto is = [](FixedPoint f, int32_t value, int32_t shift) {
    return f.value == value && f.shift == shift;
  };
  CHECK(is(fixed_point_tflite(0.5), 1 << 30, 31));
  CHECK(is(fixed_point_tflite(1.0), 1 << 30, 30));
  CHECK(is(fixed_point_tflite(0.25), 1 << 30, 32));
  CHECK(is(fixed_point_tflite(1 - 0x1p-40), 1 << 30, 30));  // the fraction rounds up to 2^31
  CHECK(is(fixed_point_tflite(0x1p-32), 1 << 30, 62));
  CHECK(is(fixed_point_tflite(0x1p-33), 0, 31));
  CHECK(is(fixed_point_tosa(0x1p-33), 1 << 29, 62));
  CHECK(is(fixed_point_tosa(0x1p-63), 0, 62));
  CHECK(is(fixed_point_tosa(0x1p-62), 1, 62));
  CHECK(is(fixed_point_tosa(0), 0, 31));
  CHECK(is(fixed_point_tosa(5e-324), 0, 31));
}

TEST(plain_loop_equals_the_fast_one) {
  const LayoutCase c{Shape{2, 40, 5}, {1, 1}};
  Rng rng(4);
  for (V variant : kVariants) {
    HostTensor x(DType::kS32, c.shape);
    for (int64_t i = 0; i < c.shape.elements(); ++i)
      x.as<int32_t>()[i] = static_cast<int32_t>(rng.between(-9000, 9000));
    std::vector<float> scale(40);
    for (float& s : scale) s = static_cast<float>(rng.unit()) * 0.03f;
    HostTensor s(Shape{40}, scale);
    Requantize::Params p;
    p.variant = variant;
    p.axis = c.axis;
    auto fast = run_op<Requantize>(p, {&x, &s});
    CHECK_OK(fast.status);
    HostTensor plain(DType::kS8, c.shape);
    const TensorView in[] = {{x.bytes.data(), x.dtype, x.shape},
                             {s.bytes.data(), s.dtype, s.shape}};
    const TensorView out[] = {{plain.bytes.data(), plain.dtype, plain.shape}};
    const std::atomic<bool> cancelled{false};
    halftone_provenance provenance{};
    CHECK_OK(
        requantize_plain(p, KernelContext(in, out, ThreadPool::global(), cancelled, provenance)));
    CHECK(plain.bytes == fast.outputs[0].bytes);
  }
}

TEST(threads_do_not_change_the_result) {
  HostTensor x(DType::kS32, {500, 300}), s(Shape{500}, std::vector<float>(500, 0.01f));
  for (int64_t i = 0; i < 150000; ++i)
    x.as<int32_t>()[i] = static_cast<int32_t>(i * 2654435761u) >> 17;
  Requantize::Params p;
  p.axis = {1, 0};
  ThreadPool one(1), three(3);
  auto a = run_op<Requantize>(p, {&x, &s}, one), b = run_op<Requantize>(p, {&x, &s}, three);
  CHECK_OK(a.status);
  CHECK_OK(b.status);
  CHECK(a.outputs[0].bytes == b.outputs[0].bytes);
}

TEST(refuses_what_is_wrong) {
  const auto refused = [](Code code, const char* message, Requantize::Params p,
                          std::vector<HostTensor*> in) {
    const Status status = run_op<Requantize>(p, in).status;
    CHECK_EQ(static_cast<int>(status.code), static_cast<int>(code));
    CHECK_EQ(status.message, std::string(message));
  };
  HostTensor x(DType::kS32, {2, 3}), reals(DType::kF32, {2}), half(DType::kF16, {}),
      two(DType::kF32, {2});
  HostTensor one(Shape{}, std::vector<float>{1}), negative(Shape{}, std::vector<float>{-1}),
      huge(Shape{}, std::vector<double>{0x1p30});
  Requantize::Params p, to_int32, fixed, tosa, bounds;
  to_int32.dtype = DType::kS32;
  fixed.variant = V::kTfliteDouble;
  tosa.variant = V::kTosa;
  bounds.min = {1, -200};
  refused(Code::kDtype, "requantize: x must be int32, got float32", p, {&reals, &one});
  refused(Code::kDtype, "requantize: dtype must be int8, uint8, int16 or uint16, got int32",
          to_int32, {&x, &one});
  refused(Code::kDtype, "requantize: scale must be float32 or float64, got float16", p,
          {&x, &half});
  refused(Code::kShape,
          "requantize: scale must hold one number ([] or [1]) when axis is null, got scale [2]", p,
          {&x, &two});
  refused(Code::kParam,
          "requantize: min and max must lie in [-128, 127] for int8, min not above max, got min "
          "-200 and max 127",
          bounds, {&x, &one});
  // Found by the kernel, which does not put the op's name in front.
  refused(Code::kParam, "scale[0] must lie in [0, 2^30) for variant 'tflite-double', got -1", fixed,
          {&x, &negative});
  refused(Code::kParam,
          "scale[0] must lie in [0, 2^30) for variant 'tflite-double', got 1073741824", fixed,
          {&x, &huge});
  refused(Code::kParam, "scale[0] must lie in [0, 2^29) for variant 'tosa', got 1073741824", tosa,
          {&x, &huge});
}
