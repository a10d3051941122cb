// TensorFlow's quantized ops: single results worked out by hand, and ranges at their limits. The
// vectors that TensorFlow itself made are in test/quant/tensorflow.test.ts.
#include "ops/quantize_v2/quantize_v2.h"

#include "check.h"
#include "quant_oracle.h"

using namespace halftone;
using namespace halftone::test;

namespace {

constexpr float kInf = std::numeric_limits<float>::infinity();

RunResult quantize(const std::vector<float>& x, float min, float max, const QuantizeV2::Params& p) {
  HostTensor in(Shape{static_cast<int64_t>(x.size())}, x);
  HostTensor low(Shape{}, std::vector<float>{min}), high(Shape{}, std::vector<float>{max});
  return run_op<QuantizeV2>(p, {&in, &low, &high});
}

std::vector<int64_t> quantized(const std::vector<float>& x, float min, float max,
                               const QuantizeV2::Params& p) {
  RunResult r = quantize(x, min, max, p);
  CHECK_OK(r.status);
  std::vector<int64_t> out;
  if (r.status.ok())
    for (size_t i = 0; i < x.size(); ++i)
      out.push_back(code_at(r.outputs[0], static_cast<int64_t>(i)));
  return out;
}

QuantizeV2::Params params(RangeMode mode, DType dtype) {
  QuantizeV2::Params p;
  p.mode = mode;
  p.dtype = dtype;
  return p;
}

}  // namespace

TEST(the_three_modes) {
  const std::vector<float> x = {-1, -0.5f, 0, 0.5f, 1, 7, -7};
  using Codes = std::vector<int64_t>;
  CHECK((quantized(x, -1, 1, params(RangeMode::kMinCombined, DType::kS8)) ==
         Codes{-128, -64, -1, 63, 127, 127, -128}));
  CHECK((quantized(x, -1, 1, params(RangeMode::kMinCombined, DType::kU8)) ==
         Codes{0, 64, 128, 191, 255, 255, 0}));
  CHECK((quantized(x, -1, 1, params(RangeMode::kMinFirst, DType::kS8)) ==
         Codes{-128, -64, 0, 64, 127, 127, -128}));
  CHECK((quantized(x, -1, 1, params(RangeMode::kScaled, DType::kS8)) ==
         Codes{-127, -64, 0, 64, 127, 127, -128}));
  QuantizeV2::Params narrow = params(RangeMode::kScaled, DType::kS8);
  narrow.narrowRange = true;
  CHECK((quantized(x, -1, 1, narrow) == Codes{-127, -64, 0, 64, 127, 127, -127}));
  CHECK((quantized(x, 0, 1, params(RangeMode::kScaled, DType::kU16)) ==
         Codes{0, 0, 0, 32768, 65535, 65535, 0}));
}

TEST(int32_saturates_at_the_top) {
  const std::vector<float> x = {1, -1, 2, -2};
  using Codes = std::vector<int64_t>;
  CHECK((quantized(x, -1, 1, params(RangeMode::kScaled, DType::kS32)) ==
         Codes{INT32_MAX, INT32_MIN, INT32_MAX, INT32_MIN}));
  CHECK((quantized(x, -1, 1, params(RangeMode::kMinFirst, DType::kS32)) ==
         Codes{2147483520, INT32_MIN, 2147483520, INT32_MIN}));
}

TEST(ranges_at_their_limits_give_codes_and_no_undefined_behaviour) {
  const std::vector<float> x = {0, -0.0f, 1, -1, kInf, -kInf, std::nanf(""), 3e38f, 1e-45f};
  for (RangeMode mode : {RangeMode::kMinCombined, RangeMode::kMinFirst, RangeMode::kScaled})
    for (DType dtype : kCodeTypes)
      for (double ensure : {0.0, 0.01, 1e30})
        for (float min : {0.0f, -1e-45f, -1.0f, -3.4e38f, -kInf})
          for (float max : {0.0f, 1e-45f, 1.0f, 3.4e38f, kInf}) {
            QuantizeV2::Params p = params(mode, dtype);
            p.ensureMinimumRange = ensure;
            CHECK_OK(quantize(x, min, max, p).status);
            HostTensor q =
                codes(dtype, Shape{3}, {code_range(dtype).low, 0, code_range(dtype).high});
            HostTensor low(Shape{}, std::vector<float>{min}),
                high(Shape{}, std::vector<float>{max});
            DequantizeV2::Params back;
            back.mode = mode;
            CHECK_OK(run_op<DequantizeV2>(back, {&q, &low, &high}).status);
            HostTensor sums(Shape{3}, std::vector<int32_t>{INT32_MIN, 0, INT32_MAX});
            CHECK_OK(run_op<RequantizeV2>({}, {&sums, &low, &high, &low, &high}).status);
            CHECK_OK(run_op<QuantizedRelu>({}, {&sums, &low, &high}).status);
          }
}

TEST(refuses_a_reversed_range) {
  const Status status = quantize({1}, 1, -1, {}).status;
  CHECK_EQ(static_cast<int>(status.code), static_cast<int>(Code::kParam));
  CHECK_EQ(
      status.message,
      std::string("maxRange[0] must not be below minRange[0], got minRange 1 and maxRange -1"));
  CHECK(!quantize({1}, std::nanf(""), 1, {}).status.ok());
}

TEST(threads_do_not_change_the_result) {
  std::vector<float> values(200000);
  for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i % 777) * 0.01f - 3;
  HostTensor x(Shape{400, 500}, values);
  HostTensor low(Shape{400}, std::vector<float>(400, -2.5f)),
      high(Shape{400}, std::vector<float>(400, 4));
  QuantizeV2::Params p;
  p.mode = RangeMode::kScaled;
  p.axis = {1, 0};
  ThreadPool one(1), three(3);
  auto a = run_op<QuantizeV2>(p, {&x, &low, &high}, one),
       b = run_op<QuantizeV2>(p, {&x, &low, &high}, three);
  CHECK_OK(a.status);
  CHECK_OK(b.status);
  CHECK(a.outputs[0].bytes == b.outputs[0].bytes);
}
