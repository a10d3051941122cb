// linear against plain loops, and against matmul followed by the functions of its epilogue.
#include "ops/linear/linear.h"

#include <cmath>
#include <limits>
#include <random>

#include "check.h"
#include "each_isa.h"
#include "ops/matmul/matmul.h"
#include "run_op.h"

using namespace halftone;
using namespace halftone::test;

namespace {

std::vector<f16> random_halves(int64_t n, float scale, uint32_t seed) {
  std::mt19937 rng(seed);
  std::normal_distribution<float> normal(0, scale);
  std::vector<f16> values;
  for (int64_t i = 0; i < n; ++i) values.push_back(to_f16(normal(rng)));
  return values;
}

}  // namespace

TEST(float16_steps_round_one_by_one) {
  const int64_t m = 5, k = 37, n = 70;
  HostTensor x(Shape{m, k}, random_halves(m * k, 1, 1));
  HostTensor w(Shape{n, k}, random_halves(n * k, 1, 2));
  HostTensor bias(Shape{n}, random_halves(n, 1, 3));
  for_each_isa([&](Isa) {
    for (const auto activation :
         {LinearActivation::kNone, LinearActivation::kRelu, LinearActivation::kGeluTanh}) {
      auto r = run_op<Linear>({false, activation, Compute::kFloat16, {}}, {&x, &w, &bias});
      CHECK_OK(r.status);
      CHECK_EQ(std::string(r.provenance.accumulate), "float16");
      for (int64_t i = 0; i < m; ++i)
        for (int64_t j = 0; j < n; ++j) {
          f16 sum = {};
          for (int64_t l = 0; l < k; ++l)
            sum = fma_f16(x.as<f16>()[i * k + l], w.as<f16>()[j * k + l], sum);
          const float added =
              to_float(to_f16(double{to_float(sum)} + double{to_float(bias.as<f16>()[j])}));
          f16 expected = to_f16(added);
          if (activation == LinearActivation::kRelu && added <= 0) expected = {};
          const f16 got = r.outputs[0].as<f16>()[i * n + j];
          if (activation != LinearActivation::kGeluTanh) {
            CHECK_EQ(got.bits, expected.bits);
            continue;
          }
          // The function is within 8 units of float32 of the right value: rounding it to float16
          // may take the other neighbour, no more.
          const double u = std::sqrt(2 / M_PI) * (added + 0.044715 * std::pow(double{added}, 3));
          const double gelu = added / (1 + std::exp(-2 * u));
          CHECK(std::fabs(to_float(got) - gelu) <= 0x1p-11 * std::fabs(gelu) * 1.01 + 0x1p-25);
        }
    }
  });
}

TEST(without_bias_and_activation_it_is_matmul) {
  HostTensor x(Shape{2, 3, 33}, random_halves(2 * 3 * 33, 1, 4));
  HostTensor w(Shape{33, 9}, random_halves(33 * 9, 1, 5));
  auto r =
      run_op<Linear>({true, LinearActivation::kNone, Compute::kDefault, {}}, {&x, &w, nullptr});
  auto y = run_op<Matmul>({}, {&x, &w});
  CHECK_OK(r.status);
  CHECK(r.outputs[0].shape == (Shape{2, 3, 9}));
  CHECK(r.outputs[0].bytes == y.outputs[0].bytes);
  CHECK(std::string(r.provenance.kernel).starts_with("linear_f32_"));
}

TEST(relu_keeps_nan_and_has_no_negative_zero) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  HostTensor x(Shape{4, 1}, std::vector<float>{nan, -1, -0.0f, INFINITY});
  HostTensor w(Shape{1, 1}, std::vector<float>{1});
  auto r =
      run_op<Linear>({false, LinearActivation::kRelu, Compute::kDefault, {}}, {&x, &w, nullptr});
  const auto y = r.outputs[0].values<float>();
  CHECK(std::isnan(y[0]));
  CHECK(y[1] == 0 && !std::signbit(y[1]));
  CHECK(y[2] == 0 && !std::signbit(y[2]));
  CHECK(y[3] == INFINITY);
}

TEST(no_terms_leave_the_bias) {
  HostTensor x(DType::kF32, Shape{2, 0}), w(DType::kF32, Shape{3, 0});
  HostTensor bias(Shape{3}, std::vector<float>{1, -2, 3});
  auto r = run_op<Linear>({false, LinearActivation::kRelu, Compute::kDefault, {}}, {&x, &w, &bias});
  CHECK_OK(r.status);
  CHECK(r.outputs[0].values<float>() == (std::vector<float>{1, 0, 3, 1, 0, 3}));
}
