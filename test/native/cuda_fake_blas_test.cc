// The fake of cuBLASLt: column-major arithmetic against plain loops, and what it refuses.
#include <cmath>
#include <random>

#include "backends/emu/control.h"
#include "backends/emu/fake_blas.h"
#include "check.h"
#include "tolerance.h"
#include "vendor/runtime.h"

using namespace halftone;
using namespace halftone::vendor;

namespace {

struct Problem {
  BlasMatmul p;
  std::vector<float> a, b, c, d;

  Problem(int64_t m, int64_t n, int64_t k) {
    p.m = m;
    p.n = n;
    p.k = k;
    p.a = {DType::kF32, m, 0, 4};
    p.b = {DType::kF32, k, 0, 4};
    p.c = p.d = {DType::kF32, m, 0, 4};
  }
  Status run(float alpha, float beta) {
    std::vector<BlasAlgorithm> found;
    HALFTONE_TRY(blas_candidates(nullptr, p, 8, &found));
    if (found.empty()) return unsupported("no algorithm");
    BlasOperands o;
    o.alpha = BlasScalar::of(alpha);
    o.beta = BlasScalar::of(beta);
    o.a = a.data();
    o.b = b.data();
    o.c = c.empty() ? nullptr : c.data();
    o.d = d.data();
    return blas_run(nullptr, p, found.front(), o, stream());
  }
  static Stream stream() {
    static Stream s = [] {
      emu::control().checks_pointers = false;  // the matrices are memory of the host
      Stream made = nullptr;
      CHECK_OK(stream_create(&made));
      return made;
    }();
    return s;
  }
};

/// An ordinary float16 product: all that a refusal changes is named.
BlasMatmul half_problem() {
  BlasMatmul p;
  p.m = p.n = p.k = 32;
  for (BlasMatrix* x : {&p.a, &p.b, &p.c, &p.d}) *x = {DType::kF16, 32, 0, 256};
  p.compute = BlasCompute::k16F;
  p.scale = DType::kF16;
  return p;
}
BlasMatmul byte_problem() {
  BlasMatmul p;
  p.m = p.n = p.k = 32;
  p.trans_a = true;
  p.a = p.b = {DType::kS8, 32, 0, 256};
  p.c = p.d = {DType::kS32, 32, 0, 256};
  p.compute = BlasCompute::k32I;
  p.scale = DType::kS32;
  return p;
}

std::vector<BlasAlgorithm> candidates(const BlasMatmul& p) {
  std::vector<BlasAlgorithm> found;
  CHECK_OK(blas_candidates(nullptr, p, 8, &found));
  return found;
}

template <class Change>
void expect_none(BlasMatmul p, const char* what, Change change) {
  CHECK(!candidates(p).empty());
  change(p);
  if (!candidates(p).empty()) check::fail(__FILE__, __LINE__, what);
}
template <class Change>
void expect_invalid(BlasMatmul p, const char* why, Change change) {
  change(p);
  std::vector<BlasAlgorithm> found;
  const Status status = blas_candidates(nullptr, p, 8, &found);
  CHECK(status.code == Code::kInternal);
  CHECK(status.message.find(why) != std::string::npos);
}

}  // namespace

TEST(is_column_major_with_leading_dimensions_and_strides) {
  fake_blas_reset();
  std::mt19937 rng(1);
  const auto fill = [&](std::vector<float>& v, int64_t n) {
    v.resize(static_cast<size_t>(n));
    for (float& x : v) x = static_cast<float>(static_cast<int>(rng() % 9) - 4);
  };
  for (const bool ta : {false, true})
    for (const bool tb : {false, true})
      for (const bool shared : {false, true}) {
        Problem x(3, 4, 5);
        BlasMatmul& p = x.p;
        p.trans_a = ta;
        p.trans_b = tb;
        p.batch = 3;
        p.a.ld = (ta ? 5 : 3) + 1;
        p.b.ld = (tb ? 4 : 5) + 2;
        p.c.ld = p.d.ld = 3 + 3;
        p.a.batch_stride = 50;
        p.b.batch_stride = shared ? 0 : 60;
        p.c.batch_stride = p.d.batch_stride = 40;
        fill(x.a, 150);
        fill(x.b, 180);
        fill(x.c, 120);
        fill(x.d, 120);
        const std::vector<float> before = x.d;
        CHECK_OK(x.run(2, -3));
        std::vector<float> expected = before;  // nothing else may be written
        for (int64_t batch = 0; batch < 3; ++batch)
          for (int64_t i = 0; i < 3; ++i)
            for (int64_t j = 0; j < 4; ++j) {
              float sum = 0;
              for (int64_t l = 0; l < 5; ++l)
                sum +=
                    x.a[static_cast<size_t>(batch * 50 + (ta ? l + i * p.a.ld : i + l * p.a.ld))] *
                    x.b[static_cast<size_t>(batch * p.b.batch_stride +
                                            (tb ? j + l * p.b.ld : l + j * p.b.ld))];
              const size_t at = static_cast<size_t>(batch * 40 + i + j * p.d.ld);
              expected[at] = 2 * sum - 3 * x.c[at];
            }
        CHECK(x.d == expected);
      }
}

TEST(does_not_read_c_when_beta_is_0) {
  Problem x(1, 1, 2);
  x.a = {1, 2};
  x.b = {3, 4};
  x.d = {NAN};
  CHECK_OK(x.run(1, 0));
  CHECK_EQ(x.d[0], 11.0f);
  const Status status = x.run(1, 1);  // now it needs one
  CHECK(status.message.find("a null pointer") != std::string::npos);
}

TEST(epilogues_add_the_bias_of_the_row_then_activate) {
  Problem x(2, 2, 1);
  const float bias[2] = {10, -10};
  x.a = {1, 2};
  x.b = {1, 3};
  x.d = {0, 0, 0, 0};
  const auto run = [&](BlasEpilogue epilogue) {
    x.p.epilogue = epilogue;
    x.p.bias_align = 4;
    BlasOperands o;
    o.alpha = BlasScalar::of(1.0f);
    o.beta = BlasScalar::of(0.0f);
    o.a = x.a.data();
    o.b = x.b.data();
    o.d = x.d.data();
    o.bias = bias;
    CHECK_OK(blas_run(nullptr, x.p, candidates(x.p).front(), o, Problem::stream()));
    return x.d;
  };
  CHECK(run(BlasEpilogue::kNone) == (std::vector<float>{1, 2, 3, 6}));
  CHECK(run(BlasEpilogue::kBias) == (std::vector<float>{11, -8, 13, -4}));
  CHECK(run(BlasEpilogue::kReluBias) == (std::vector<float>{11, 0, 13, 0}));
  const std::vector<float> gelu = run(BlasEpilogue::kGelu);
  // gelu-tanh(1) and (2), from the formula in 50 digits.
  const double exact[2] = {0.84119199060827673, 1.95459769408777745};
  for (size_t i = 0; i < 2; ++i)
    CHECK(std::fabs(gelu[i] - exact[i]) <= test::rounding_bound(DType::kF32, exact[i]));
}

TEST(float16_sums_stagnate_as_their_accumulator_does) {
  // 4096 ones: fused multiply-adds stop at 2048; tensor cores round once for 16 terms and get
  // further.
  alignas(16) f16 ones[4096], d[8] = {};
  for (f16& x : ones) x = to_f16(1.0f);
  BlasMatmul p;
  p.m = p.n = 1;
  p.k = 4096;
  p.trans_a = true;
  p.a = p.b = {DType::kF16, 4096, 0, 16};
  p.c = p.d = {DType::kF16, 8, 0, 16};
  const auto run = [&](BlasCompute compute, DType scale, uint64_t mask) {
    p.compute = compute;
    p.scale = scale;
    p.impl_mask = mask;
    BlasOperands o;
    o.alpha = blas_scalar(scale, 1);
    o.beta = blas_scalar(scale, 0);
    o.a = o.b = ones;
    o.d = d;
    CHECK_OK(blas_run(nullptr, p, candidates(p).front(), o, Problem::stream()));
    return to_float(d[0]);
  };
  const uint64_t half = kImplAccumulator16F | kImplInput16F;
  CHECK_EQ(run(BlasCompute::k16F, DType::kF16, half | kImplFma), 2048.0f);
  CHECK_EQ(run(BlasCompute::k16F, DType::kF16, half | kImplHmma), 4096.0f);
  CHECK_EQ(run(BlasCompute::k16FPedantic, DType::kF16, kImplAny), 2048.0f);
  CHECK_EQ(run(BlasCompute::k32F, DType::kF32, kImplAny), 4096.0f);
  // Without the mask the library may take a wider accumulator, and the fake does.
  CHECK_EQ(run(BlasCompute::k16F, DType::kF16, kImplAny), 4096.0f);
  CHECK((candidates(p).front().impl & kImplAccumulator32F) != 0);
}

TEST(tf32_cuts_operands_to_ten_bits) {
  Problem x(1, 1, 1);
  x.p.compute = BlasCompute::kFastTf32;
  x.p.impl_mask = kImplTensorOps | kImplAccumulator32F | kImplInputTf32;
  for (BlasMatrix* m : {&x.p.a, &x.p.b, &x.p.c, &x.p.d}) *m = {DType::kF32, 4, 0, 16};
  alignas(16) float a[4] = {1 + 0x1.8p-10f}, b[4] = {1}, d[4] = {};
  BlasOperands o;
  o.alpha = BlasScalar::of(1.0f);
  o.beta = BlasScalar::of(0.0f);
  o.a = a;
  o.b = b;
  o.d = d;
  CHECK_OK(blas_run(nullptr, x.p, candidates(x.p).front(), o, Problem::stream()));
  CHECK_EQ(d[0], 1 + 0x1p-10f);
}

TEST(split_sums_round_to_the_result_unless_forbidden) {
  BlasMatmul p = half_problem();
  p.compute = BlasCompute::k32F;
  p.scale = DType::kF32;
  p.workspace_limit = 1 << 20;
  p.reduction_mask = kReduceAny;
  CHECK_EQ(candidates(p).front().reduction, kReduceOutputType);
  p.reduction_mask = kReduceComputeType;
  for (const BlasAlgorithm& a : candidates(p))
    CHECK(a.split_k == 1 || a.reduction == kReduceComputeType);
  CHECK(candidates(p).front().split_k == 2);
  p.workspace_limit = 0;
  for (const BlasAlgorithm& a : candidates(p)) CHECK_EQ(a.split_k, 1);
}

TEST(offers_what_the_table_has) {
  expect_none(half_problem(), "float32 scale of float16 sums",
              [](BlasMatmul& p) { p.scale = DType::kF32; });
  expect_none(half_problem(), "float16 sums to float32",
              [](BlasMatmul& p) { p.c.type = p.d.type = DType::kF32; });
  expect_none(half_problem(), "bfloat16 with float16 sums",
              [](BlasMatmul& p) { p.a.type = p.b.type = DType::kBF16; });
  expect_none(half_problem(), "two types", [](BlasMatmul& p) { p.b.type = DType::kF32; });
  expect_none(half_problem(), "alignment below an element", [](BlasMatmul& p) { p.a.align = 1; });
  expect_none(half_problem(), "a mask that excludes all",
              [](BlasMatmul& p) { p.impl_mask = kImplImma; });
  expect_none(half_problem(), "a bias of another type", [](BlasMatmul& p) {
    p.epilogue = BlasEpilogue::kBias;
    p.bias_type = DType::kF32;
  });
  expect_none(byte_problem(), "an epilogue of integers",
              [](BlasMatmul& p) { p.epilogue = BlasEpilogue::kRelu; });
  expect_none(byte_problem(), "NN", [](BlasMatmul& p) { p.trans_a = false; });
  expect_none(byte_problem(), "TT", [](BlasMatmul& p) { p.trans_b = true; });
  expect_none(byte_problem(), "lda % 4", [](BlasMatmul& p) { p.a.ld = 33; });
  expect_none(byte_problem(), "m % 4", [](BlasMatmul& p) { p.m = 31; });
  expect_none(byte_problem(), "k % 4", [](BlasMatmul& p) { p.k = 30; });
  expect_none(byte_problem(), "alignment of 2", [](BlasMatmul& p) { p.b.align = 2; });
  expect_none(byte_problem(), "float32 scale", [](BlasMatmul& p) { p.scale = DType::kF32; });
}

TEST(refuses_nonsense) {
  expect_invalid(half_problem(), "below 1", [](BlasMatmul& p) { p.k = 0; });
  expect_invalid(half_problem(), "leading dimension", [](BlasMatmul& p) { p.d.ld = p.c.ld = 31; });
  expect_invalid(half_problem(), "leading dimension", [](BlasMatmul& p) {
    p.trans_b = true;
    p.n = 40;
  });
  expect_invalid(half_problem(), "C and D differ", [](BlasMatmul& p) { p.c.ld = 64; });
  expect_invalid(half_problem(), "overlap", [](BlasMatmul& p) { p.batch = 2; });
  expect_invalid(half_problem(), "power of two", [](BlasMatmul& p) { p.a.align = 12; });
}

TEST(checks_operands_when_it_runs) {
  BlasMatmul p = byte_problem();
  alignas(256) static int8_t a[32 * 32 + 1], b[32 * 32];
  alignas(256) static int32_t d[32 * 32];
  alignas(256) static char workspace[512];
  const BlasAlgorithm algorithm = candidates(p).front();
  BlasOperands good;
  good.alpha = blas_scalar(DType::kS32, 1);
  good.beta = blas_scalar(DType::kS32, 0);
  good.a = a;
  good.b = b;
  good.d = d;
  const auto message = [&](auto change, const BlasAlgorithm& with) {
    BlasOperands o = good;
    change(o);
    return blas_run(nullptr, p, with, o, Problem::stream()).message;
  };
  const auto has = [](const std::string& text, const char* part) {
    if (text.find(part) == std::string::npos) check::fail(__FILE__, __LINE__, text);
  };
  CHECK_EQ(message([](BlasOperands&) {}, algorithm), std::string());
  has(message([](BlasOperands& o) { o.a = a + 1; }, algorithm), "misaligned address");
  has(message([](BlasOperands& o) { o.d = b; }, algorithm), "overlaps");
  has(message([](BlasOperands& o) { o.alpha = blas_scalar(DType::kS32, 3); }, algorithm),
      "NOT_SUPPORTED");
  BlasAlgorithm greedy = algorithm;
  greedy.workspace_bytes = 512;
  has(message([](BlasOperands&) {}, greedy), "workspace is too small");
  has(message(
          [](BlasOperands& o) {
            o.workspace = workspace + 16;
            o.workspace_bytes = 512;
          },
          algorithm),
      "not aligned to 256");
  BlasAlgorithm foreign = algorithm;
  ++foreign.opaque[0];
  has(message([](BlasOperands&) {}, foreign), "for another problem");
}

TEST(a_problem_differs_by_each_field) {
  const BlasMatmul base = half_problem();
  std::vector<BlasMatmul> all;
  const auto changed = [&](auto change) {
    BlasMatmul p = base;
    change(p);
    all.push_back(p);
  };
  changed([](BlasMatmul&) {});
  changed([](BlasMatmul& p) { p.m = 33; });
  changed([](BlasMatmul& p) { p.n = 33; });
  changed([](BlasMatmul& p) { p.k = 33; });
  changed([](BlasMatmul& p) { p.trans_a = true; });
  changed([](BlasMatmul& p) { p.trans_b = true; });
  changed([](BlasMatmul& p) { p.batch = 2; });
  changed([](BlasMatmul& p) { p.compute = BlasCompute::k16FPedantic; });
  changed([](BlasMatmul& p) { p.scale = DType::kF32; });
  changed([](BlasMatmul& p) { p.epilogue = BlasEpilogue::kRelu; });
  changed([](BlasMatmul& p) { p.bias_type = DType::kF16; });
  changed([](BlasMatmul& p) { p.bias_align = 16; });
  changed([](BlasMatmul& p) { p.impl_mask = 1; });
  changed([](BlasMatmul& p) { p.reduction_mask = 0; });
  changed([](BlasMatmul& p) { p.workspace_limit = 1; });
  for (BlasMatrix BlasMatmul::* x :
       {&BlasMatmul::a, &BlasMatmul::b, &BlasMatmul::c, &BlasMatmul::d}) {
    changed([=](BlasMatmul& p) { (p.*x).type = DType::kBF16; });
    changed([=](BlasMatmul& p) { (p.*x).ld = 64; });
    changed([=](BlasMatmul& p) { (p.*x).batch_stride = 4096; });
    changed([=](BlasMatmul& p) { (p.*x).align = 16; });
  }
  for (size_t i = 0; i < all.size(); ++i)
    for (size_t j = 0; j < i; ++j) {
      CHECK(!(all[i] == all[j]));
      CHECK(BlasMatmulHash()(all[i]) != BlasMatmulHash()(all[j]));
    }
}
