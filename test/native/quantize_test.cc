#include "check.h"
#include "ops/quantize/quantize_cpu.h"
#include "quant_oracle.h"

using namespace halftone;
using namespace halftone::test;

namespace {

constexpr float kInf = std::numeric_limits<float>::infinity();

/// float32 quotient: the quotient of two float32 in float64 rounds to float32 like the exact one
/// (53 >= 2 * 24 + 2).
float scaled(float x, float scale, QuantizeScaling scaling) {
  const double a = x, b = scale;
  return static_cast<float>(scaling == QuantizeScaling::kMultiply ? a * b : a / b);
}

/// x around the codes of `range`: ties, their neighbours, random numbers and the special values.
std::vector<float> inputs(Rng& rng, int64_t n, float step, CodeRange range) {
  std::vector<float> x;
  const float special[] = {0.0f,    -0.0f,    kInf,   -kInf,  std::nanf(""),
                           3.4e38f, -3.4e38f, 1e-45f, -1e-40f};
  for (int64_t i = 0; i < n; ++i) {
    const float code =
        static_cast<float>(rng.between(int64_t{range.low} - 4, int64_t{range.high} + 4));
    const float tie = (code + 0.5f) * step;
    switch (rng.bits() % 8) {
      case 0:
        x.push_back(special[rng.bits() % std::size(special)]);
        break;
      case 1:
        x.push_back(std::nextafter(tie, kInf));
        break;
      case 2:
        x.push_back(std::nextafter(tie, -kInf));
        break;
      case 3:
        x.push_back((code + static_cast<float>(rng.unit())) * step);
        break;
      default:
        x.push_back(tie);
        break;
    }
  }
  return x;
}

HostTensor input_of(DType dtype, Shape shape, std::vector<float>& values) {
  HostTensor t(dtype, shape);
  for (size_t i = 0; i < values.size(); ++i) {
    if (dtype == DType::kF16)
      t.as<f16>()[i] = to_f16(values[i]), values[i] = to_float(t.as<f16>()[i]);
    else if (dtype == DType::kBF16)
      t.as<bf16>()[i] = to_bf16(values[i]), values[i] = to_float(t.as<bf16>()[i]);
    else
      t.as<float>()[i] = values[i];
  }
  return t;
}

void check_case(const LayoutCase& c, DType x_dtype, const Quantize::Params& p, bool with_zero_point,
                uint64_t seed) {
  Rng rng(seed);
  const CodeRange range = code_range(p.dtype, p.narrowRange);
  const int64_t channels = channels_of(c), n = c.shape.elements();
  std::vector<float> scale;
  std::vector<int64_t> zero_point;
  for (int64_t i = 0; i < channels; ++i) {
    scale.push_back(rng.bits() % 2 ? std::ldexp(1.0f, static_cast<int>(rng.between(-6, 3)))
                                   : static_cast<float>(rng.unit()) + 0.01f);
    zero_point.push_back(with_zero_point ? rng.between(range.low, range.high) : 0);
  }
  const float one = c.axis.present ? 0.125f : scale[0];
  std::vector<float> values =
      inputs(rng, n, p.scaling == QuantizeScaling::kMultiply ? 1 / one : one, range);
  HostTensor x = input_of(x_dtype, c.shape, values);
  HostTensor s(channel_shape(c), scale), z = codes(p.dtype, channel_shape(c), zero_point);
  auto result = run_op<Quantize>(p, {&x, &s, with_zero_point ? &z : nullptr});
  CHECK_OK(result.status);
  if (!result.status.ok()) return;
  const ChannelLayout layout = channel_layout(c.shape, c.axis);
  for (int64_t i = 0; i < n; ++i) {
    const size_t channel = static_cast<size_t>(i / layout.inner % layout.channels);
    const float t = scaled(values[static_cast<size_t>(i)], scale[channel], p.scaling);
    const Ties ties = p.rounding == QuantizeRounding::kHalfAway ? Ties::kAway : Ties::kEven;
    CHECK_EQ(code_at(result.outputs[0], i), code_of(t, zero_point[channel], range, ties));
  }
}

HostTensor run_one(const std::vector<float>& x, float scale, Quantize::Params p,
                   std::vector<int64_t> zero_point = {}) {
  HostTensor in(Shape{static_cast<int64_t>(x.size())}, x), s(Shape{}, std::vector<float>{scale});
  HostTensor z = codes(p.dtype, Shape{}, zero_point.empty() ? std::vector<int64_t>{0} : zero_point);
  auto result = run_op<Quantize>(p, {&in, &s, zero_point.empty() ? nullptr : &z});
  CHECK_OK(result.status);
  return result.outputs.at(0);
}

}  // namespace

TEST(every_variant_equals_the_integer_oracle_with_every_instruction_set) {
  for_each_isa([](Isa) {
    uint64_t seed = 1;
    for (const LayoutCase& c : layout_cases())
      for (DType dtype : kCodeTypes)
        for (int flags = 0; flags < 16; ++flags) {
          Quantize::Params p;
          p.dtype = dtype;
          p.axis = c.axis;
          p.rounding = flags & 1 ? QuantizeRounding::kHalfAway : QuantizeRounding::kHalfEven;
          p.scaling = flags & 2 ? QuantizeScaling::kMultiply : QuantizeScaling::kDivide;
          p.narrowRange = flags & 4;
          if (c.shape.elements() > 3000 && flags != 0 && flags != 11)
            continue;  // large ones: two combinations
          const DType x = seed % 3 == 0 ? DType::kF16 : seed % 3 == 1 ? DType::kF32 : DType::kBF16;
          check_case(c, x, p, flags & 8, ++seed);
        }
  });
}

TEST(ties) {
  const std::vector<float> x = {-2.5f, -1.5f, -0.5f, 0.5f, 1.5f, 2.5f, 0.49999997f, -0.49999997f};
  Quantize::Params p;
  CHECK((run_one(x, 1, p).values<int8_t>() == std::vector<int8_t>{-2, -2, 0, 0, 2, 2, 0, 0}));
  p.rounding = QuantizeRounding::kHalfAway;
  CHECK((run_one(x, 1, p).values<int8_t>() == std::vector<int8_t>{-3, -2, -1, 1, 2, 3, 0, 0}));
}

TEST(the_zero_point_is_added_after_rounding) {
  Quantize::Params p;
  p.dtype = DType::kU8;
  // Added before rounding, 0.5 + 1 would tie to 2 and 1.5 + 1 to 2.
  CHECK(
      (run_one({0.5f, 1.5f, 2.5f}, 1, p, {1}).values<uint8_t>() == std::vector<uint8_t>{1, 3, 3}));
}

TEST(int32_saturates_exactly) {
  Quantize::Params p;
  p.dtype = DType::kS32;
  const std::vector<float> x = {2147483520.0f,  2147483648.0f, 1e30f, -2147483648.0f,
                                -2147483904.0f, -kInf,         kInf};
  CHECK((run_one(x, 1, p).values<int32_t>() == std::vector<int32_t>{2147483520, INT32_MAX,
                                                                    INT32_MAX, INT32_MIN, INT32_MIN,
                                                                    INT32_MIN, INT32_MAX}));
  // 2^31 does not fit, 2^31 - 1 does: only exact sums tell them apart.
  CHECK((run_one({2147483648.0f, -2147483648.0f}, 1, p, {-1}).values<int32_t>() ==
         std::vector<int32_t>{INT32_MAX, INT32_MIN}));
  CHECK((run_one({2147483648.0f, -2147483648.0f}, 1, p, {-2147483647}).values<int32_t>() ==
         std::vector<int32_t>{1, INT32_MIN}));
  CHECK((run_one({-4294967296.0f, 4294967296.0f}, 1, p, {INT32_MAX}).values<int32_t>() ==
         std::vector<int32_t>{INT32_MIN, INT32_MAX}));
  p.narrowRange = true;
  CHECK_EQ(run_one({-kInf}, 1, p).values<int32_t>()[0], INT32_MIN + 1);
}

TEST(nan_and_infinities) {
  for (DType dtype : kCodeTypes) {
    Quantize::Params p;
    p.dtype = dtype;
    const CodeRange range = code_range(dtype);
    HostTensor y = run_one({std::nanf(""), kInf, -kInf, 0.0f / 1}, 0.5f, p, {range.low + 3});
    CHECK_EQ(code_at(y, 0), range.low);
    CHECK_EQ(code_at(y, 1), range.high);
    CHECK_EQ(code_at(y, 2), range.low);
    CHECK_EQ(code_at(y, 3), range.low + 3);
  }
}

TEST(plain_loop_equals_the_fast_one) {
  Rng rng(5);
  const LayoutCase c{Shape{3, 70, 5}, {1, 1}};
  for (DType dtype : kCodeTypes) {
    Quantize::Params p;
    p.dtype = dtype;
    p.axis = c.axis;
    std::vector<float> values = inputs(rng, c.shape.elements(), 0.125f, code_range(dtype));
    HostTensor x = input_of(DType::kF32, c.shape, values),
               s(Shape{70}, std::vector<float>(70, 0.125f));
    auto fast = run_op<Quantize>(p, {&x, &s});
    CHECK_OK(fast.status);
    HostTensor plain(dtype, c.shape);
    const TensorView in[] = {{x.bytes.data(), x.dtype, x.shape},
                             {s.bytes.data(), s.dtype, s.shape}};
    const TensorView out[] = {{plain.bytes.data(), plain.dtype, plain.shape}};
    const std::atomic<bool> cancelled{false};
    halftone_provenance provenance{};
    CHECK_OK(
        quantize_plain(p, KernelContext(in, out, ThreadPool::global(), cancelled, provenance)));
    CHECK(plain.bytes == fast.outputs[0].bytes);
  }
}

TEST(threads_do_not_change_the_result) {
  Rng rng(9);
  std::vector<float> values = inputs(rng, 400000, 0.125f, code_range(DType::kS8));
  HostTensor x(Shape{1000, 400}, values), s(Shape{400}, std::vector<float>(400, 0.11f));
  Quantize::Params p;
  p.axis = {1, 1};
  ThreadPool one(1), three(3);
  auto a = run_op<Quantize>(p, {&x, &s}, one), b = run_op<Quantize>(p, {&x, &s}, three);
  CHECK_OK(a.status);
  CHECK_OK(b.status);
  CHECK(a.outputs[0].bytes == b.outputs[0].bytes);
}

TEST(says_how_the_result_was_made) {
  HostTensor x(Shape{4}, std::vector<float>(4, 1.0f)), s(Shape{}, std::vector<float>{1});
  auto r = run_op<Quantize>({}, {&x, &s});
  CHECK_EQ(std::string(r.provenance.kernel), concat("quantize_f32_s8_", name(cpu_isa())));
  CHECK_EQ(std::string(r.provenance.multiply), std::string("float32"));
}

TEST(refuses_what_is_wrong) {
  const auto refused = [](Code code, const char* message, Quantize::Params p,
                          std::vector<HostTensor*> in) {
    const Status status = run_op<Quantize>(p, in).status;
    CHECK_EQ(static_cast<int>(status.code), static_cast<int>(code));
    CHECK_EQ(status.message, std::string(message));
  };
  HostTensor x(DType::kF32, {2, 3}), ints(DType::kS32, {2}), one(DType::kF32, {}),
      three(DType::kF32, {3}), two(DType::kF32, {2}), half(DType::kF16, {});
  HostTensor zero(DType::kS8, {}), zeros(DType::kS8, {3});
  Quantize::Params p, axis1, u8, f16_codes;
  axis1.axis = {1, 1};
  u8.dtype = DType::kU8;
  f16_codes.dtype = DType::kF16;
  refused(Code::kDtype, "quantize: x must be float32, float16 or bfloat16, got int32", p,
          {&ints, &one});
  refused(Code::kDtype, "quantize: scale must be float32, got float16", p, {&x, &half});
  refused(Code::kDtype,
          "quantize: dtype must be int8, uint8, int16, uint16, int32, int4, uint4, int2, uint2, "
          "float8 (not e8m0) or float4e2m1, got float16",
          f16_codes, {&x, &one});
  refused(Code::kDtype,
          "quantize: zeroPoint.dtype must be the dtype of the codes, got zeroPoint int8 and codes "
          "uint8",
          u8, {&x, &one, &zero});
  refused(Code::kShape,
          "quantize: scale must hold one number ([] or [1]) when axis is null, got scale [3]", p,
          {&x, &three});
  refused(Code::kShape, "quantize: scale.shape must be [x.shape[1]], got scale [2] and x [2, 3]",
          axis1, {&x, &two});
  refused(
      Code::kShape,
      "quantize: zeroPoint must hold one number ([] or [1]) when axis is null, got zeroPoint [3]",
      p, {&x, &one, &zeros});
  axis1.axis.value = 2;
  refused(Code::kParam, "quantize: axis must lie in [-2, 1] for a tensor of rank 2, got 2", axis1,
          {&x, &three});
}
