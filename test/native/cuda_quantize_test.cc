// quantize, dequantize, requantize and TensorFlow's quantized types on the emulated device: codes
// and numbers are the CPU's, bit for bit.
#include "cuda_compare.h"
#include "device/divide.h"
#include "ops/dequantize/dequantize.h"
#include "ops/quantize/quantize.h"
#include "ops/quantize/small_code.h"
#include "ops/quantize_v2/quantize_v2.h"
#include "ops/requantize/requantize.h"
#include "quant_oracle.h"

using namespace halftone;
using namespace halftone::test;

namespace {

constexpr float kInf = std::numeric_limits<float>::infinity();

void set(HostTensor& t, int64_t i, float v) {
  if (t.dtype == DType::kF16)
    t.as<f16>()[i] = to_f16(v);
  else if (t.dtype == DType::kBF16)
    t.as<bf16>()[i] = to_bf16(v);
  else
    t.as<float>()[i] = v;
}

/// Numbers around the codes of `range`, halves and special ones among them.
HostTensor reals(DType dtype, const Shape& shape, CodeRange range, double step, Rng& rng) {
  HostTensor t(dtype, shape);
  for (int64_t i = 0; i < shape.elements(); ++i) {
    const double v =
        static_cast<double>(rng.between(2 * int64_t{range.low} - 3, 2 * int64_t{range.high} + 3)) *
        0.5 * step;
    const float special[] = {NAN, kInf, -kInf, -0.0f, 1e-42f, 3e38f};
    set(t, i, rng.between(0, 15) == 0 ? special[rng.between(0, 5)] : static_cast<float>(v));
  }
  return t;
}

HostTensor any_codes(DType dtype, const Shape& shape, Rng& rng) {
  const CodeRange all = code_range(dtype);
  std::vector<int64_t> values(static_cast<size_t>(shape.elements()));
  for (int64_t& v : values) v = rng.between(all.low, all.high);
  return codes(dtype, shape, values);
}

HostTensor scales(const LayoutCase& c, double least, double most, Rng& rng) {
  HostTensor t(DType::kF32, channel_shape(c));
  for (int64_t i = 0; i < t.shape.elements(); ++i)
    t.as<float>()[i] = static_cast<float>(least * std::pow(most / least, rng.unit()));
  return t;
}

std::string label(const LayoutCase& c, DType from, DType to) {
  return concat(name(from), " to ", name(to), " ", c.shape, " axis ",
                c.axis.present ? c.axis.value : 99);
}

constexpr DType kReals[] = {DType::kF32, DType::kF16, DType::kBF16};

}  // namespace

TEST(divisors_divide) {
  Rng rng(1);
  std::vector<int64_t> numbers = {0,
                                  1,
                                  2,
                                  3,
                                  7,
                                  1 << 16,
                                  (1 << 30),
                                  0x7fffffff,
                                  0x7ffffffe,
                                  int64_t{1} << 31,
                                  (int64_t{1} << 31) + 1,
                                  int64_t{1} << 33,
                                  int64_t{1} << 62};
  for (int i = 0; i < 200; ++i) numbers.push_back(rng.between(0, 0x7fffffff) >> rng.between(0, 30));
  for (const int64_t d : numbers)
    if (d > 0)
      for (const int64_t n : numbers)
        for (const int64_t m : {n, n / d * d, n / d * d - 1})
          if (m >= 0) CHECK_EQ(device::quotient(device::divisor_of(d), m), m / d);
}

// Numbers of all magnitudes, and quotients at and next to ties.
TEST(codes_by_reciprocals_are_those_of_divisions) {
  Rng rng(7);
  const auto any = [&] { return std::bit_cast<float>(static_cast<uint32_t>(rng.bits())); };
  const auto check_pair = [&](float v, float scale) {
    const int32_t zero = static_cast<int32_t>(rng.between(-128, 127));
    const float t = quotient(v, quick_divisor(scale));
    const bool even =
        small_code<false>(t, zero, -128, 127) == quantize_code<false>(v / scale, zero, -128, 127);
    const bool away =
        small_code<true>(t, zero, -128, 127) == quantize_code<true>(v / scale, zero, -128, 127);
    const bool wide = small_code<false>(t, zero + 128, 0, 65535) ==
                      quantize_code<false>(v / scale, zero + 128, 0, 65535);
    if (!even || !away || !wide)
      check::fail(__FILE__, __LINE__, concat(v, " / ", scale, " with zero point ", zero));
  };
  for (int i = 0; i < 300000; ++i) {
    check_pair(any(), any());
    const float scale = static_cast<float>(std::exp2(rng.between(-120, 120)) * (1 + rng.unit()));
    const float tie = static_cast<float>(rng.between(-140000, 140000)) / 2;
    for (const float near : {tie * scale, std::nextafter(tie * scale, INFINITY),
                             std::nextafter(tie * scale, -INFINITY)})
      check_pair(near, scale);
  }
  for (const float v : {0.0f, -0.0f, 1.0f, 3e38f, 1e-45f, INFINITY, -INFINITY, NAN})
    for (const float scale : {1.0f, -3.0f, 0.0f, 1e-45f, 1e-38f, 3e38f, INFINITY, NAN})
      check_pair(v, scale);
}

TEST(quantize_gives_the_codes_of_the_cpu) {
  Rng rng(2);
  int turn = 0;
  for (const LayoutCase& c : layout_cases())
    for (const DType in : kReals)
      for (const DType out : kCodeTypes) {
        Quantize::Params p;
        p.dtype = out;
        p.axis = c.axis;
        p.rounding = turn & 1 ? QuantizeRounding::kHalfAway : QuantizeRounding::kHalfEven;
        p.scaling = turn & 2 ? QuantizeScaling::kMultiply : QuantizeScaling::kDivide;
        p.narrowRange = turn & 4;
        // Powers of two put halves onto ties; others make inexact quotients.
        HostTensor scale = scales(c, 0.5, turn & 8 ? 0.5 : 4, rng);
        HostTensor x = reals(in, c.shape, code_range(out), 0.5, rng);
        HostTensor zero = any_codes(out, channel_shape(c), rng);
        const RunResult r =
            same_as_cpu<Quantize>(label(c, in, out), p, {&x, &scale, turn % 3 ? &zero : nullptr});
        CHECK_EQ(std::string(r.provenance.library), "halftone-cuda");
        ++turn;
      }
}

TEST(dequantize_gives_the_numbers_of_the_cpu) {
  Rng rng(3);
  int turn = 0;
  for (const LayoutCase& c : layout_cases())
    for (const DType in : kCodeTypes)
      for (const DType out : kReals) {
        Dequantize::Params p;
        p.dtype = out;
        p.axis = c.axis;
        // Over the whole range of float32: products that are subnormal, and infinite.
        HostTensor scale = turn % 2 ? scales(c, 1e-44, 3e38, rng) : scales(c, 1e-7, 1, rng);
        HostTensor q = any_codes(in, c.shape, rng), zero = any_codes(in, channel_shape(c), rng);
        same_as_cpu<Dequantize>(label(c, in, out), p, {&q, &scale, turn % 3 ? &zero : nullptr});
        ++turn;
      }
}

// One rounding from the exact product: scales that put products next to ties of the 16-bit grids,
// at all magnitudes.
TEST(dequantize_rounds_once_to_16_bits) {
  Rng rng(4);
  const Shape shape{50000};
  HostTensor q(DType::kS16, shape), scale(DType::kF32, shape);
  for (int64_t i = 0; i < shape[0]; ++i) {
    q.as<int16_t>()[i] = static_cast<int16_t>(rng.between(-32768, 32767));
    const double tie = static_cast<double>(rng.between(1, 4096) * 2 + 1) / 4096;
    const int exponent = static_cast<int>(rng.between(-150, 127));
    scale.as<float>()[i] = static_cast<float>(
        std::ldexp(tie / std::max(1, std::abs(int{q.as<int16_t>()[i]})), exponent));
  }
  for (const DType out : {DType::kF16, DType::kBF16})
    same_as_cpu<Dequantize>(name(out), {.dtype = out, .axis = {1, 0}}, {&q, &scale, nullptr});
}

TEST(requantize_gives_the_codes_of_the_cpu) {
  Rng rng(5);
  int turn = 0;
  for (const LayoutCase& c : layout_cases())
    for (const DType out : {DType::kS8, DType::kU8, DType::kS16, DType::kU16})
      for (int variant = 0; variant < 4; ++variant) {
        Requantize::Params p;
        p.dtype = out;
        p.axis = c.axis;
        p.variant = static_cast<RequantizeVariant>(variant);
        if (turn % 5 == 0) p.min = {1, 3};
        if (turn % 7 == 0) p.max = {1, 100};
        HostTensor scale = scales(c, 1e-9, 1, rng);
        HostTensor wide(DType::kF64, scale.shape);
        for (int64_t i = 0; i < scale.shape.elements(); ++i)
          wide.as<double>()[i] = std::ldexp(static_cast<double>(rng.between(1, 1 << 30)),
                                            -static_cast<int>(rng.between(30, 61)));
        HostTensor x(DType::kS32, c.shape);
        for (int64_t i = 0; i < c.shape.elements(); ++i)
          x.as<int32_t>()[i] = static_cast<int32_t>(rng.bits()) >> rng.between(0, 24);
        HostTensor zero = any_codes(out, channel_shape(c), rng);
        HostTensor* none = nullptr;
        same_as_cpu<Requantize>(concat(label(c, DType::kS32, out), " variant ", variant), p,
                                {&x, turn & 1 ? &wide : &scale, turn % 3 ? &zero : none});
        ++turn;
      }
}

TEST(requantize_refuses_what_has_no_multiplier) {
  HostTensor x(Shape{2}, std::vector<int32_t>{1, 2});
  for (const double bad : {-1.0, 536870912.0, std::numeric_limits<double>::quiet_NaN()}) {
    HostTensor scale(Shape{2}, std::vector<double>{0.5, bad});
    Requantize::Params p;
    p.variant = RequantizeVariant::kTosa;
    p.axis = {1, 0};
    const RunResult r = run_cuda<Requantize>(p, {&x, &scale, nullptr});
    CHECK(r.status.code == Code::kParam);
    CHECK_EQ(r.status.message, concat("requantize: scale[1] must lie in [0, 2^29) for variant "
                                      "'tosa', got ",
                                      bad));
  }
}

TEST(tensorflow_types_give_the_codes_of_the_cpu) {
  Rng rng(6);
  int turn = 0;
  for (const LayoutCase& c : layout_cases()) {
    if (c.axis.present && channels_of(c) == 0) continue;
    HostTensor min(DType::kF32, channel_shape(c)), max(DType::kF32, channel_shape(c));
    for (int64_t i = 0; i < min.shape.elements(); ++i) {
      min.as<float>()[i] = static_cast<float>(rng.unit() * 4 - 3);
      max.as<float>()[i] = min.as<float>()[i] + static_cast<float>(rng.unit() * 5);
    }
    for (const DType type : kCodeTypes)
      for (const RangeMode mode :
           {RangeMode::kMinCombined, RangeMode::kMinFirst, RangeMode::kScaled}) {
        HostTensor x = reals(DType::kF32, c.shape, {-128, 127}, 1.0 / 32, rng);
        QuantizeV2::Params p;
        p.dtype = type;
        p.mode = mode;
        p.axis = c.axis;
        const bool scaled = mode == RangeMode::kScaled;
        if (scaled && turn & 1) p.roundMode = RangeRounding::kHalfToEven;
        if (scaled && turn & 2) p.narrowRange = true;
        const bool eight = size_of(type) == 1;
        if (!c.axis.present && turn & 4)
          p.onednn = scaled ? eight && turn & 1 && !(turn & 2)
                            : mode == RangeMode::kMinFirst && type == DType::kU8;
        same_as_cpu<QuantizeV2>(label(c, DType::kF32, type), p, {&x, &min, &max});

        HostTensor q = any_codes(type, c.shape, rng);
        DequantizeV2::Params d;
        d.mode = mode;
        d.axis = c.axis;
        d.narrowRange = scaled && turn & 1;
        if (mode == RangeMode::kMinCombined && turn & 2) d.dtype = DType::kBF16;
        if (mode != RangeMode::kMinFirst || !c.axis.present)
          same_as_cpu<DequantizeV2>(label(c, type, d.dtype), d, {&q, &min, &max});
        ++turn;
      }
    if (c.axis.present) continue;
    for (const DType type : {DType::kU8, DType::kS32})
      for (const double most : {0.0, 0.7, 6.0, std::numeric_limits<double>::infinity()}) {
        HostTensor q = any_codes(type, c.shape, rng);
        same_as_cpu<QuantizedRelu>(label(c, type, type), {.maxValue = most}, {&q, &min, &max});
      }
    HostTensor x = any_codes(DType::kS32, c.shape, rng);
    HostTensor to_min(Shape{}, std::vector<float>{-1.307f}),
        to_max(Shape{}, std::vector<float>{turn & 1 ? 0.7281f : -1.307f});
    same_as_cpu<RequantizeV2>(label(c, DType::kS32, DType::kU8), {},
                              {&x, &min, &max, &to_min, &to_max});
  }
}

TEST(quantize_v2_refuses_a_reversed_range) {
  HostTensor x(Shape{1}, std::vector<float>{1}), min(Shape{}, std::vector<float>{1}),
      max(Shape{}, std::vector<float>{-1});
  const RunResult r = run_cuda<QuantizeV2>({}, {&x, &min, &max});
  CHECK(r.status.code == Code::kParam);
  CHECK_EQ(r.status.message,
           "quantizeV2: maxRange[0] must not be below minRange[0], got minRange 1 and maxRange -1");
}
