#include "check.h"
#include "ops/dequantize/dequantize_cpu.h"
#include "quant_oracle.h"

using namespace halftone;
using namespace halftone::test;

namespace {

/// (q - zero_point) rounded to float32, times scale, exactly: a float64 holds the 48 bits.
double exact(int64_t q, int64_t zero_point, float scale) {
  return static_cast<double>(static_cast<float>(q - zero_point)) * static_cast<double>(scale);
}

uint32_t bits_at(HostTensor& t, int64_t i) {
  return t.dtype == DType::kF32 ? t.as<uint32_t>()[i] : t.as<uint16_t>()[i];
}

/// One rounding of an exact product, found by search among the neighbours of a first guess.
template <class T>
uint16_t nearest16(double exact_value, T guess) {
  const auto as_double = [](uint16_t bits) { return static_cast<double>(to_float(T{bits})); };
  uint16_t best = guess.bits;
  for (int step : {-1, 1}) {
    const uint16_t other = static_cast<uint16_t>(guess.bits + step);
    const double a = std::fabs(as_double(best) - exact_value);
    const double b = std::fabs(as_double(other) - exact_value);
    if (b < a || (b == a && other % 2 == 0)) best = other;
  }
  return best;
}

uint32_t expected_bits(double value, DType dtype) {
  if (dtype == DType::kF32) return std::bit_cast<uint32_t>(static_cast<float>(value));
  if (dtype == DType::kF16) {
    const f16 guess = to_f16(static_cast<float>(value));
    return std::fabs(value) >= 60000 || std::isnan(value) ? to_f16(value).bits
                                                          : nearest16(value, guess);
  }
  return nearest16(value, to_bf16(static_cast<float>(value)));
}

void check_case(const LayoutCase& c, DType q_dtype, DType y_dtype, bool with_zero_point,
                uint64_t seed) {
  Rng rng(seed);
  const CodeRange range = code_range(q_dtype);
  const int64_t n = c.shape.elements();
  std::vector<float> scale;
  std::vector<int64_t> zero_point, q;
  for (int64_t i = 0; i < channels_of(c); ++i) {
    scale.push_back(
        std::ldexp(static_cast<float>(rng.unit()) + 0.5f, static_cast<int>(rng.between(-30, 0))));
    zero_point.push_back(with_zero_point ? rng.between(range.low, range.high) : 0);
  }
  for (int64_t i = 0; i < n; ++i) {
    const uint64_t kind = rng.bits() % 8;
    q.push_back(kind == 0   ? range.low
                : kind == 1 ? range.high
                            : rng.between(range.low, range.high));
  }
  HostTensor codes_in = codes(q_dtype, c.shape, q), s(channel_shape(c), scale);
  HostTensor z = codes(q_dtype, channel_shape(c), zero_point);
  Dequantize::Params p;
  p.dtype = y_dtype;
  p.axis = c.axis;
  auto result = run_op<Dequantize>(p, {&codes_in, &s, with_zero_point ? &z : nullptr});
  CHECK_OK(result.status);
  if (!result.status.ok()) return;
  const ChannelLayout layout = channel_layout(c.shape, c.axis);
  for (int64_t i = 0; i < n; ++i) {
    const size_t channel = static_cast<size_t>(i / layout.inner % layout.channels);
    const double value = exact(q[static_cast<size_t>(i)], zero_point[channel], scale[channel]);
    CHECK_EQ(bits_at(result.outputs[0], i), expected_bits(value, y_dtype));
  }
}

}  // namespace

TEST(every_type_and_axis_equals_the_exact_product_rounded_once) {
  for_each_isa([](Isa) {
    uint64_t seed = 1;
    for (const LayoutCase& c : layout_cases())
      for (DType q : kCodeTypes)
        for (DType y : {DType::kF32, DType::kF16, DType::kBF16})
          for (bool with_zero_point : {false, true}) check_case(c, q, y, with_zero_point, ++seed);
  });
}

TEST(float16_is_rounded_once) {
  // Products of 36 bits: where float32 rounds one onto a float16 tie, a second rounding goes wrong.
  int found = 0;
  Rng rng(3);
  std::vector<int16_t> q(4096);
  for (size_t i = 0; i < q.size(); ++i) q[i] = static_cast<int16_t>(i * 16 - 32768);
  HostTensor x(Shape{4096}, q);
  Dequantize::Params p;
  p.dtype = DType::kF16;
  for (int repeat = 0; repeat < 200; ++repeat) {
    const float scale = static_cast<float>(rng.unit()) * 0x1p-5f + 0x1p-10f;
    HostTensor s(Shape{}, std::vector<float>{scale});
    auto y = run_op<Dequantize>(p, {&x, &s});
    CHECK_OK(y.status);
    for (int64_t i = 0; i < 4096; ++i) {
      const double value = exact(q[static_cast<size_t>(i)], 0, scale);
      CHECK_EQ(bits_at(y.outputs[0], i), expected_bits(value, DType::kF16));
      found += to_f16(static_cast<float>(value)).bits != y.outputs[0].as<uint16_t>()[i];
    }
  }
  CHECK(found > 0);  // some results differ from rounding twice: the test can tell
}

TEST(products_of_subnormal_scales_are_rounded_once) {
  Rng rng(8);
  std::vector<int16_t> q(4096);
  for (size_t i = 0; i < q.size(); ++i) q[i] = static_cast<int16_t>(i * 16 - 32768);
  HostTensor x(Shape{4096}, q);
  Dequantize::Params p;
  p.dtype = DType::kBF16;
  for (int repeat = 0; repeat < 100; ++repeat) {
    const float scale =
        std::ldexp(static_cast<float>(rng.unit()), static_cast<int>(rng.between(-149, -126)));
    HostTensor s(Shape{}, std::vector<float>{scale});
    auto y = run_op<Dequantize>(p, {&x, &s});
    CHECK_OK(y.status);
    for (int64_t i = 0; i < 4096; ++i) {
      const double value = exact(q[static_cast<size_t>(i)], 0, scale);
      CHECK_EQ(bits_at(y.outputs[0], i), expected_bits(value, DType::kBF16));
    }
  }
}

TEST(scales_without_a_normal_float32) {
  const float scales[] = {
      0.0f, -0.0f, 1e-44f, -1e-40f, std::numeric_limits<float>::infinity(), std::nanf("")};
  for (float scale : scales)
    for (DType dtype : {DType::kF32, DType::kF16, DType::kBF16}) {
      HostTensor q(Shape{5}, std::vector<int8_t>{-128, -1, 0, 3, 127}),
          s(Shape{1}, std::vector<float>{scale});
      Dequantize::Params p;
      p.dtype = dtype;
      auto y = run_op<Dequantize>(p, {&q, &s});
      CHECK_OK(y.status);
      for (int64_t i = 0; i < 5; ++i) {
        const double value = exact(q.as<int8_t>()[i], 0, scale);
        HostTensor& out = y.outputs[0];
        const float got = dtype == DType::kF32   ? out.as<float>()[i]
                          : dtype == DType::kF16 ? to_float(out.as<f16>()[i])
                                                 : to_float(out.as<bf16>()[i]);
        const float want = dtype == DType::kF32   ? static_cast<float>(value)
                           : dtype == DType::kF16 ? to_float(to_f16(value))
                                                  : to_float(to_bf16(value));
        CHECK(std::isnan(want) ? std::isnan(got)
                               : std::bit_cast<uint32_t>(got) == std::bit_cast<uint32_t>(want));
      }
    }
}

TEST(int32_differences_do_not_overflow) {
  HostTensor q(Shape{2}, std::vector<int32_t>{INT32_MIN, INT32_MAX}),
      s(Shape{}, std::vector<float>{1});
  HostTensor z(Shape{}, std::vector<int32_t>{INT32_MAX});
  auto y = run_op<Dequantize>({}, {&q, &s, &z});
  CHECK_OK(y.status);
  CHECK_EQ(y.outputs[0].as<float>()[0], -4294967296.0f);
  CHECK_EQ(y.outputs[0].as<float>()[1], 0.0f);
}

TEST(plain_loop_equals_the_fast_one) {
  const LayoutCase c{Shape{3, 70, 5}, {1, 1}};
  Rng rng(4);
  for (DType dtype : {DType::kF32, DType::kF16, DType::kBF16}) {
    std::vector<int64_t> values;
    for (int64_t i = 0; i < c.shape.elements(); ++i) values.push_back(rng.between(-32768, 32767));
    HostTensor q = codes(DType::kS16, c.shape, values);
    std::vector<float> scale(70);
    for (float& s : scale) s = static_cast<float>(rng.unit()) + 1e-3f;
    HostTensor s(Shape{70}, scale);
    Dequantize::Params p;
    p.dtype = dtype;
    p.axis = c.axis;
    auto fast = run_op<Dequantize>(p, {&q, &s});
    CHECK_OK(fast.status);
    HostTensor plain(dtype, c.shape);
    const TensorView in[] = {{q.bytes.data(), q.dtype, q.shape},
                             {s.bytes.data(), s.dtype, s.shape}};
    const TensorView out[] = {{plain.bytes.data(), plain.dtype, plain.shape}};
    const std::atomic<bool> cancelled{false};
    halftone_provenance provenance{};
    CHECK_OK(
        dequantize_plain(p, KernelContext(in, out, ThreadPool::global(), cancelled, provenance)));
    CHECK(plain.bytes == fast.outputs[0].bytes);
  }
}

TEST(threads_do_not_change_the_result) {
  HostTensor q(DType::kU8, {700, 300}), s(Shape{300}, std::vector<float>(300, 0.3f));
  for (size_t i = 0; i < q.bytes.size(); ++i) q.bytes[i] = static_cast<std::byte>(i * 7);
  Dequantize::Params p;
  p.axis = {1, -1};
  p.dtype = DType::kF16;
  ThreadPool one(1), three(3);
  auto a = run_op<Dequantize>(p, {&q, &s}, one), b = run_op<Dequantize>(p, {&q, &s}, three);
  CHECK_OK(a.status);
  CHECK_OK(b.status);
  CHECK(a.outputs[0].bytes == b.outputs[0].bytes);
}

TEST(refuses_what_is_wrong) {
  const auto refused = [](Code code, const char* message, Dequantize::Params p,
                          std::vector<HostTensor*> in) {
    const Status status = run_op<Dequantize>(p, in).status;
    CHECK_EQ(static_cast<int>(status.code), static_cast<int>(code));
    CHECK_EQ(status.message, std::string(message));
  };
  HostTensor q(DType::kS8, {2, 3}), reals(DType::kF32, {2}), one(DType::kF32, {}),
      two(DType::kF32, {2});
  HostTensor doubles(DType::kF64, {}), zero(DType::kU8, {});
  Dequantize::Params p, to_int, axis1;
  to_int.dtype = DType::kS8;
  axis1.axis = {1, 1};
  refused(Code::kDtype,
          "dequantize: q must be int8, uint8, int16, uint16, int32, int4, uint4, int2, uint2, "
          "float8 (not e8m0) or float4e2m1, got float32",
          p, {&reals, &one});
  refused(Code::kDtype, "dequantize: dtype must be float32, float16 or bfloat16, got int8", to_int,
          {&q, &one});
  refused(Code::kDtype, "dequantize: scale must be float32, got float64", p, {&q, &doubles});
  refused(Code::kDtype,
          "dequantize: zeroPoint.dtype must be the dtype of the codes, got zeroPoint uint8 and "
          "codes int8",
          p, {&q, &one, &zero});
  refused(Code::kShape, "dequantize: scale.shape must be [x.shape[1]], got scale [2] and x [2, 3]",
          axis1, {&q, &two});
}
