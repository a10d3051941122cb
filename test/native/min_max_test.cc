#include "ops/min_max/min_max.h"

#include "check.h"
#include "quant_oracle.h"

using namespace halftone;
using namespace halftone::test;

namespace {

constexpr float kInf = std::numeric_limits<float>::infinity();

HostTensor random_tensor(DType dtype, Shape shape, Rng& rng) {
  HostTensor t(dtype, shape);
  for (int64_t i = 0; i < shape.elements(); ++i) {
    const float v = static_cast<float>(rng.unit() * 200 - 100);
    if (dtype == DType::kF16)
      t.as<f16>()[i] = to_f16(v);
    else if (dtype == DType::kBF16)
      t.as<bf16>()[i] = to_bf16(v);
    else
      t.as<float>()[i] = v;
  }
  return t;
}

float element(HostTensor& t, int64_t i) {
  if (t.dtype == DType::kF16) return to_float(t.as<f16>()[i]);
  if (t.dtype == DType::kBF16) return to_float(t.as<bf16>()[i]);
  return t.as<float>()[i];
}

}  // namespace

TEST(ends_of_each_channel_on_every_axis) {
  Rng rng(1);
  std::vector<LayoutCase> cases = layout_cases();
  for (int64_t axis = 0; axis < 2; ++axis) cases.push_back({Shape{300, 1500}, {1, axis}});
  for (const LayoutCase& c : cases)
    for (DType dtype : {DType::kF32, DType::kF16, DType::kBF16}) {
      HostTensor x = random_tensor(dtype, c.shape, rng);
      const ChannelLayout layout = channel_layout(c.shape, c.axis);
      const size_t channels = static_cast<size_t>(layout.channels);
      std::vector<float> least(channels, kInf), most(channels, -kInf);
      for (int64_t i = 0; i < c.shape.elements(); ++i) {
        const size_t channel = static_cast<size_t>(i / layout.inner % layout.channels);
        least[channel] = std::fmin(least[channel], element(x, i));
        most[channel] = std::fmax(most[channel], element(x, i));
      }
      MinMax::Params p;
      p.axis = c.axis;
      auto result = run_op<MinMax>(p, {&x});
      CHECK_OK(result.status);
      CHECK(result.outputs.at(0).values<float>() == least);
      CHECK(result.outputs.at(1).values<float>() == most);
    }
}

TEST(nan_and_infinities_are_seen_wherever_they_are) {
  for (int64_t axis : {0, 1})
    for (int64_t at = 0; at < 3 * 77; ++at)
      for (float special : {std::nanf(""), kInf, -kInf}) {
        std::vector<float> values(3 * 77, 1.0f);
        values[static_cast<size_t>(at)] = special;
        HostTensor x(Shape{3, 77}, values);
        MinMax::Params p;
        p.axis = {1, axis};
        auto result = run_op<MinMax>(p, {&x});
        CHECK_OK(result.status);
        const int64_t channel = axis == 0 ? at / 77 : at % 77;
        for (int64_t c = 0; c < result.outputs.at(0).shape[0]; ++c) {
          const float min = result.outputs[0].as<float>()[c],
                      max = result.outputs[1].as<float>()[c];
          if (c != channel || (axis == 1 && std::isinf(special) && special > 0)) {
            CHECK_EQ(min, 1.0f);
          } else {
            CHECK(std::isnan(special) ? std::isnan(min) : min == std::fmin(special, 1.0f));
          }
          if (c == channel)
            CHECK(std::isnan(special) ? std::isnan(max) : max == std::fmax(special, 1.0f));
        }
      }
}

TEST(threads_do_not_change_the_result) {
  Rng rng(2);
  HostTensor x = random_tensor(DType::kF32, {700, 300}, rng);
  ThreadPool one(1), three(3);
  for (MaybeInt axis : {MaybeInt{}, MaybeInt{1, 0}, MaybeInt{1, 1}}) {
    MinMax::Params p;
    p.axis = axis;
    auto a = run_op<MinMax>(p, {&x}, one), b = run_op<MinMax>(p, {&x}, three);
    CHECK_OK(a.status);
    CHECK_OK(b.status);
    CHECK(a.outputs[0].bytes == b.outputs[0].bytes);
    CHECK(a.outputs[1].bytes == b.outputs[1].bytes);
  }
}

TEST(refuses_what_is_wrong) {
  HostTensor ints(DType::kS8, {3}), x(DType::kF32, {3});
  MinMax::Params p;
  p.axis = {1, 1};
  CHECK_EQ(run_op<MinMax>({}, {&ints}).status.message,
           std::string("minMax: x must be float32, float16 or bfloat16, got int8"));
  CHECK_EQ(run_op<MinMax>(p, {&x}).status.message,
           std::string("minMax: axis must lie in [-1, 0] for a tensor of rank 1, got 1"));
}
