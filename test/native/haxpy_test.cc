// haxpy against the scalar FMA, bit for bit, on every instruction set; weightedSum against plain
// float32 arithmetic.
#include "ops/haxpy/haxpy.h"

#include <random>

#include "check.h"
#include "core/elementwise.h"
#include "each_isa.h"
#include "ops/haxpy/haxpy_isa.h"
#include "ops/weighted_sum/weighted_sum.h"
#include "run_op.h"

using namespace halftone;
using namespace halftone::test;

namespace {

bool is_nan(uint16_t bits) { return (bits & 0x7fff) > 0x7c00; }

std::vector<f16> all_halves() {
  std::vector<f16> x(65536);
  for (uint32_t i = 0; i < 65536; ++i) x[i].bits = static_cast<uint16_t>(i);
  return x;
}

void check_haxpy(uint16_t alpha, std::vector<f16> x, std::vector<f16> y) {
  const int64_t n = static_cast<int64_t>(x.size());
  HostTensor tx({n}, x), ty({n}, y);
  RunResult r = run_op<Haxpy>({static_cast<double>(to_float(f16{alpha}))}, {&tx, &ty});
  CHECK_OK(r.status);
  const f16* z = r.outputs[0].as<f16>();
  for (size_t i = 0; i < x.size(); ++i) {
    const uint16_t want = fma_f16({alpha}, x[i], y[i]).bits;
    if (z[i].bits != want && !(is_nan(z[i].bits) && is_nan(want)))
      check::fail(__FILE__, __LINE__,
                  concat(name(cpu_isa()), ": ", to_float(f16{alpha}), " * ", to_float(x[i]), " + ",
                         to_float(y[i]), ": ", z[i].bits, " != ", want));
  }
}

}  // namespace

TEST(one_rounding_for_every_x_on_every_instruction_set) {
  std::mt19937 random(11);
  const std::vector<f16> x = all_halves();
  for_each_isa([&](Isa) {
    for (uint32_t alpha :
         {0x0000u, 0x8000u, 0x0001u, 0x03ffu, 0x0400u, 0x3555u, 0x3c00u, 0x3c01u, 0xbbffu, 0x7bffu,
          0x7c00u, 0xfc00u, 0x7e00u, 0x1234u, 0x6789u, 0xabcdu}) {
      std::vector<f16> y(x.size());
      for (size_t i = 0; i < x.size(); ++i) {
        // Half of the sums cancel nearly or end near a tie: y next to -a x, or a few bits apart
        // from it.
        const uint16_t near =
            to_f16(-to_float(f16{static_cast<uint16_t>(alpha)}) * to_float(x[i])).bits;
        y[i].bits = static_cast<uint16_t>(i % 2 ? random()
                                                : near + (random() % 7) - 3 + (i % 4 ? 0 : 0x2c00));
      }
      check_haxpy(static_cast<uint16_t>(alpha), x, y);
    }
  });
}

TEST(where_a_second_rounding_would_be_wrong) {
  // 1141 * 1838 = 2^21 + 6 and 1025 * 2046 = 2^21 - 2: products next to 2^-11, half a unit of 1, by
  // less than float32 keeps in the sum. Rounded to float32 first, the sum is a tie and goes to the
  // even neighbour.
  struct Case {
    float a, x, y, fused;
  };
  for (const Case& c : {Case{0x475p-10f, 0x72ep-22f, 1.0f, 1.0f + 0x1p-10f},
                        Case{0x401p-10f, 0x7fep-22f, 1.0f + 0x1p-10f, 1.0f + 0x1p-10f}}) {
    const f16 a = to_f16(c.a), x = to_f16(c.x), y = to_f16(c.y);
    CHECK_EQ(to_float(fma_f16(a, x, y)), c.fused);
    CHECK(to_float(to_f16(c.a * c.x + c.y)) != c.fused);
    for_each_isa(
        [&](Isa) { check_haxpy(a.bits, std::vector<f16>(40, x), std::vector<f16>(40, y)); });
  }
}

TEST(every_length_up_to_three_vectors_and_no_byte_more) {
  const std::vector<f16> x = all_halves();
  for_each_isa([&](Isa) {
    for (int64_t n = 0; n <= 100; ++n) {
      std::vector<uint16_t> z(static_cast<size_t>(n) + 8, 0x5555), want = z;
      const uint16_t* from = &x[0x3c00].bits;
      HALFTONE_ISA_PICK(haxpy)(0x3e00, from, from + 7, z.data(), n);
      haxpy_plain(0x3e00, from, from + 7, want.data(), n);
      CHECK(z == want);
    }
  });
}

TEST(alpha_is_rounded_to_half_first) {
  HostTensor x({1}, std::vector<f16>{to_f16(1024.0f)}), y({1}, std::vector<f16>{to_f16(0.0f)});
  RunResult r = run_op<Haxpy>({1 + 0x1p-11 + 0x1p-30}, {&x, &y});
  CHECK_EQ(to_float(r.outputs[0].as<f16>()[0]), 1025.0f);
  CHECK_EQ(std::string(r.provenance.accumulate), "float16");
  r = run_op<Haxpy>({1 + 0x1p-11}, {&x, &y});
  CHECK_EQ(to_float(r.outputs[0].as<f16>()[0]), 1024.0f);
}

TEST(threads_do_not_matter) {
  const int64_t n = 3 * kElementwiseGrain + 5;
  HostTensor x(DType::kF16, {n}), y(DType::kF16, {n});
  std::mt19937 random(2);
  for (int64_t i = 0; i < n; ++i) {
    x.as<uint16_t>()[i] = static_cast<uint16_t>(random() % 0x7c00);
    y.as<uint16_t>()[i] = static_cast<uint16_t>(random() % 0x7c00);
  }
  ThreadPool one(1), three(3);
  CHECK(run_op<Haxpy>({0.1}, {&x, &y}, one).outputs[0].bytes ==
        run_op<Haxpy>({0.1}, {&x, &y}, three).outputs[0].bytes);
}

TEST(haxpy_refusals) {
  HostTensor x(DType::kF16, {2}), y(DType::kF16, {3}), f(DType::kF32, {2});
  CHECK_EQ(run_op<Haxpy>({}, {&x, &y}).status.message,
           "haxpy: x and y must have the same shape, got x [2] and y [3]");
  CHECK_EQ(run_op<Haxpy>({}, {&x, &f}).status.message,
           "haxpy: x and y must be float16, got float16 and float32");
}

TEST(weighted_sum_in_float32_rounded_once) {
  for_each_isa([](Isa) {
    for (int64_t n : {int64_t{0}, int64_t{1}, kBlock + 3}) {
      const int count = 3;
      HostTensor w({count}, std::vector<float>{0.3f, -1.7f, 1e-3f});
      std::vector<HostTensor> xs;
      for (int k = 0; k < count; ++k) {
        xs.emplace_back(DType::kF16, Shape{n});
        for (int64_t i = 0; i < n; ++i)
          xs.back().as<f16>()[i] = to_f16(static_cast<float>((i * 37 + k * 101) % 4001 - 2000) / 7);
      }
      RunResult r = run_op<WeightedSum>({}, {&w, &xs[0], &xs[1], &xs[2]});
      CHECK_OK(r.status);
      for (int64_t i = 0; i < n; ++i) {
        float sum = w.as<float>()[0] * to_float(xs[0].as<f16>()[i]);
        for (int k = 1; k < count; ++k) {
          const float product =
              w.as<float>()[k] * to_float(xs[static_cast<size_t>(k)].as<f16>()[i]);
          sum = sum + product;
        }
        CHECK_EQ(r.outputs[0].as<f16>()[i].bits, to_f16(sum).bits);
      }
    }
  });
}

TEST(weighted_sum_of_one_keeps_the_sign_of_zero_and_float64) {
  HostTensor w({1}, std::vector<float>{0.5f}), x({2}, std::vector<double>{-0.0, 0.1});
  RunResult r = run_op<WeightedSum>({}, {&w, &x});
  CHECK_OK(r.status);
  CHECK(std::signbit(r.outputs[0].as<double>()[0]));
  CHECK_EQ(r.outputs[0].as<double>()[1], 0.05);
}

TEST(weighted_sum_refusals) {
  HostTensor w(DType::kF32, {1}), half(DType::kF16, {1}), a(DType::kF16, {2}), b(DType::kF16, {3}),
      i(DType::kS8, {2});
  HostTensor two(DType::kF32, {2});
  CHECK_EQ(run_op<WeightedSum>({}, {&half, &a}).status.message,
           "weightedSum: weights must be float32, got float16");
  CHECK_EQ(run_op<WeightedSum>({}, {&w, &a, &a}).status.message,
           "weightedSum: weights must have shape [2], one for each of xs, got [1]");
  CHECK_EQ(run_op<WeightedSum>({}, {&two, &a, &b}).status.message,
           "weightedSum: xs must have one shape, got xs[0] [2] and xs[1] [3]");
  CHECK_EQ(run_op<WeightedSum>({}, {&two, &a, &two}).status.message,
           "weightedSum: xs must have one dtype, got xs[0] float16 and xs[1] float32");
  CHECK_EQ(run_op<WeightedSum>({}, {&w, &i}).status.message,
           "weightedSum: xs must be floats, got int8");
}
