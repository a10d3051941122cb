// Products on the emulated device: what reaches the library, and that results are the CPU's.
#include <cmath>
#include <limits>
#include <random>

#include "backends/emu/fake_blas.h"
#include "check.h"
#include "ops/gemm_ex/gemm_ex.h"
#include "ops/gemm_int8/gemm_int8.h"
#include "ops/hgemm/hgemm.h"
#include "ops/linear/linear.h"
#include "ops/matmul/matmul.h"
#include "run_cuda.h"

using namespace halftone;
using namespace halftone::test;
using namespace halftone::vendor;

namespace {

std::mt19937 rng(20260102);

/// Small whole numbers: every sum is exact in every arithmetic, so backends agree to the bit.
HostTensor whole(DType dtype, Shape shape) {
  HostTensor t(dtype, shape);
  dispatch(dtype, [&]<class T>(TypeTag<T>) {
    for (int64_t i = 0; i < shape.elements(); ++i) {
      const int value = static_cast<int>(rng() % 7) - 3;
      if constexpr (std::is_same_v<T, f16>)
        t.as<T>()[i] = to_f16(static_cast<float>(value));
      else if constexpr (std::is_same_v<T, bf16>)
        t.as<T>()[i] = to_bf16(static_cast<float>(value));
      else if constexpr (std::is_same_v<T, int8_t> || std::is_same_v<T, uint8_t>)
        t.as<T>()[i] = static_cast<T>(rng());
      else if constexpr (!std::is_same_v<T, Bool>)
        t.as<T>()[i] = static_cast<T>(value);
    }
  });
  return t;
}

MaybeDType to(DType t) { return {static_cast<int32_t>(t)}; }

GemmEx::Params scaled(double alpha, double beta, MaybeDType out = {}) {
  return {false, false, alpha, beta, Compute::kDefault, out};
}

template <class Op>
RunResult both(const char* what, const typename Op::Params& params,
               std::vector<HostTensor*> inputs) {
  RunResult cpu = run_op<Op>(params, inputs), cuda = run_cuda<Op>(params, inputs);
  CHECK_OK(cpu.status);
  CHECK_OK(cuda.status);
  if (cpu.status.ok() && cuda.status.ok() && cpu.outputs[0].bytes != cuda.outputs[0].bytes)
    check::fail(__FILE__, __LINE__, concat(what, " differs from the CPU"));
  return cuda;
}

void expect_refused(const Status& status, const char* part) {
  CHECK(status.code == Code::kUnsupported);
  if (status.message.find(part) == std::string::npos)
    check::fail(__FILE__, __LINE__,
                concat("expected \"", part, "\", got \"", status.message, "\""));
}

constexpr uint64_t kHalfMask = kImplFma | kImplTensorOps | kImplAccumulator16F | kImplInput16F;

}  // namespace

TEST(row_major_becomes_column_major_by_exchanging_the_operands) {
  fake_blas_reset();
  for (const bool ta : {false, true})
    for (const bool tb : {false, true}) {
      HostTensor a = whole(DType::kF32, ta ? Shape{16, 8} : Shape{8, 16});
      HostTensor b = whole(DType::kF32, tb ? Shape{24, 16} : Shape{16, 24});
      both<Matmul>("matmul", {ta, tb, {}, {}}, {&a, &b});
      const BlasMatmul p = fake_blas_record().problem;
      CHECK_EQ(p.m, 24);
      CHECK_EQ(p.n, 8);
      CHECK_EQ(p.k, 16);
      CHECK_EQ(p.trans_a, tb);
      CHECK_EQ(p.trans_b, ta);
      CHECK_EQ(p.a.ld, tb ? 16 : 24);
      CHECK_EQ(p.b.ld, ta ? 8 : 16);
      CHECK_EQ(p.d.ld, 24);
      CHECK_EQ(p.a.align, 256);
    }
}

TEST(compute_reaches_the_library) {
  fake_blas_reset();
  struct Row {
    DType in, out;
    Compute compute;
    BlasCompute lt;
    DType scale;
    uint64_t must_allow, must_forbid;
    const char* accumulate;
  };
  const uint64_t half = kImplAccumulator16F;
  const Row rows[] = {
      {DType::kF32, DType::kF32, Compute::kFloat32, BlasCompute::k32F, DType::kF32,
       kImplFma | kImplAccumulator32F | kImplInput32F, half | kImplTensorOps | kImplInputTf32,
       "float32"},
      {DType::kF32, DType::kF32, Compute::kTf32, BlasCompute::kFastTf32, DType::kF32,
       kImplHmma | kImplAccumulator32F | kImplInputTf32, half | kImplInput32F | kImplInput16BF,
       "float32"},
      {DType::kF16, DType::kF16, Compute::kFloat32, BlasCompute::k32F, DType::kF32,
       kImplHmma | kImplAccumulator32F | kImplInput16F, half, "float32"},
      {DType::kF16, DType::kF32, Compute::kFloat32, BlasCompute::k32F, DType::kF32,
       kImplHmma | kImplAccumulator32F | kImplInput16F, half, "float32"},
      {DType::kBF16, DType::kBF16, Compute::kFloat32, BlasCompute::k32F, DType::kF32,
       kImplHmma | kImplAccumulator32F | kImplInput16BF, half, "float32"},
      {DType::kF16, DType::kF16, Compute::kFloat16, BlasCompute::k16F, DType::kF16, kHalfMask,
       kImplAccumulator32F | kImplInput32F, "float16"},
      {DType::kF64, DType::kF64, Compute::kDefault, BlasCompute::k64F, DType::kF64,
       kImplDmma | kImplAccumulator64F | kImplInput64F, kImplInput8I | half, "float64"},
  };
  for (const Row& row : rows) {
    HostTensor a = whole(row.in, {16, 32}), b = whole(row.in, {32, 16});
    const RunResult r =
        both<Matmul>(name(row.in), {false, false, row.compute, to(row.out)}, {&a, &b});
    const FakeBlasRecord record = fake_blas_record();
    const BlasMatmul& p = record.problem;
    CHECK(p.compute == row.lt);
    CHECK(p.scale == row.scale);
    CHECK(p.a.type == row.in && p.d.type == row.out);
    CHECK_EQ(p.impl_mask & row.must_allow, row.must_allow);
    CHECK_EQ(p.impl_mask & row.must_forbid, uint64_t{0});
    CHECK_EQ(p.reduction_mask, kReduceComputeType);
    CHECK_EQ(p.workspace_limit, uint64_t{32} << 20);
    CHECK_EQ(std::string(r.provenance.library), "cublasLt");
    CHECK_EQ(std::string(r.provenance.version), blas_version());
    CHECK_EQ(std::string(r.provenance.accumulate), row.accumulate);
    CHECK_EQ(r.provenance.tensor_cores != 0, (record.algorithm.impl & kImplTensorOps) != 0);
    CHECK(std::string(r.provenance.kernel).starts_with("matmul_cublasLt_algo"));
  }
}

TEST(float16_sums_are_float16_or_refused) {
  HostTensor a = whole(DType::kF16, {16, 32}), b = whole(DType::kF16, {32, 16});
  fake_blas_reset();
  RunResult r = both<Hgemm>("hgemm", {.alpha = 2.0003}, {&a, &b});
  FakeBlasRecord record = fake_blas_record();
  CHECK(record.problem.compute == BlasCompute::k16F);
  CHECK_EQ(record.problem.impl_mask, kHalfMask);
  CHECK_EQ(record.algorithm.impl, kImplHmma | kImplAccumulator16F | kImplInput16F);
  CHECK_EQ(record.alpha.as<f16>().bits, to_f16(2.0).bits);
  CHECK_EQ(r.provenance.tensor_cores, 1);

  fake_blas_without(kImplHmma);
  r = both<Hgemm>("hgemm without tensor cores", {}, {&a, &b});
  CHECK(fake_blas_record().problem.compute == BlasCompute::k16F);
  CHECK_EQ(r.provenance.tensor_cores, 0);

  fake_blas_without(kImplAccumulator16F);
  r = both<Hgemm>("pedantic hgemm", {}, {&a, &b});
  CHECK(fake_blas_record().problem.compute == BlasCompute::k16FPedantic);
  CHECK_EQ(std::string(r.provenance.accumulate), "float16");

  fake_blas_without(kImplAccumulator16F, true);
  expect_refused(run_cuda<Hgemm>({}, {&a, &b}).status,
                 "cuBLASLt has no algorithm for float16 with float16 sums on this device (sm_90)");
  // float32 sums do not stand in, nor are they missing.
  CHECK_OK(run_cuda<Matmul>({}, {&a, &b}).status);
  fake_blas_reset();
}

TEST(what_cannot_be_read_where_it_lies_is_packed) {
  fake_blas_reset();
  // Rows of 17 float32 are not 16-byte aligned: here only packed operands have a tf32 algorithm.
  HostTensor a = whole(DType::kF32, {2, 5, 17}), b = whole(DType::kF32, {2, 17, 7});
  const RunResult r = both<Matmul>("tf32", {false, false, Compute::kTf32, {}}, {&a, &b});
  const FakeBlasRecord record = fake_blas_record();
  CHECK((record.algorithm.impl & kImplInputTf32) != 0);
  CHECK_EQ(record.problem.m, 16);
  CHECK_EQ(record.problem.k, 32);
  CHECK(record.problem.trans_a && !record.problem.trans_b);
  CHECK(r.provenance.workspace_bytes > 0);
}

TEST(bytes_on_tensor_cores_are_exact) {
  fake_blas_reset();
  const DType bytes[] = {DType::kS8, DType::kU8};
  for (const DType at : bytes)
    for (const DType bt : bytes)
      for (const bool ta : {false, true})
        for (const bool tb : {false, true})
          for (const auto& [m, n, k] : {std::tuple<int64_t, int64_t, int64_t>{16, 32, 48},
                                        {9, 31, 33},
                                        {33, 70, 65},
                                        {1, 1, 1},
                                        {32, 17, 128}})
            for (const bool zeros : {false, true}) {
              HostTensor a = whole(at, ta ? Shape{3, k, m} : Shape{3, m, k});
              HostTensor b = whole(bt, tb ? Shape{n, k} : Shape{k, n});
              GemmInt8::Params params{Int8Kernel::kImma, ta, tb};
              if (zeros) {
                params.aZeroPoint = at == DType::kS8 ? -128 : 255;
                params.bZeroPoint = bt == DType::kS8 ? 127 : 3;
              }
              GemmInt8::Params plain = params;
              plain.kernel = Int8Kernel::kAuto;
              const RunResult cpu = run_op<GemmInt8>(plain, {&a, &b});
              const RunResult cuda = run_cuda<GemmInt8>(params, {&a, &b});
              CHECK_OK(cuda.status);
              if (cpu.outputs[0].bytes != cuda.outputs[0].bytes)
                check::fail(__FILE__, __LINE__,
                            concat(name(at), " ", name(bt), " ", m, " ", n, " ", k, " transposes ",
                                   ta, tb, zeros ? " with zero points" : ""));
              const BlasMatmul p = fake_blas_record().problem;
              CHECK(p.trans_a && !p.trans_b);
              CHECK_EQ((p.m | p.n | p.k | p.a.ld | p.b.ld | p.d.ld) % 16, 0);
              CHECK_EQ(p.impl_mask, kImplTensorOps | kImplAccumulator32I | kImplInput8I);
              CHECK(p.a.type == DType::kS8 && p.d.type == DType::kS32);
            }
}

TEST(bytes_that_lie_right_are_not_copied) {
  fake_blas_reset();
  HostTensor a = whole(DType::kS8, {32, 64}), b = whole(DType::kS8, {48, 64});
  const RunResult r = run_cuda<GemmInt8>({Int8Kernel::kImma, false, true}, {&a, &b});
  CHECK_OK(r.status);
  CHECK_EQ(r.provenance.workspace_bytes, uint64_t{0});
  CHECK_EQ(r.provenance.tensor_cores, 1);
  CHECK_EQ(std::string(r.provenance.accumulate), "int32");
}

TEST(few_lines_and_devices_without_imma_take_our_own_kernels) {
  fake_blas_reset();
  HostTensor a = whole(DType::kS8, {32, 32}), row = whole(DType::kU8, {3, 32});
  RunResult r = both<Matmul>("few rows", {}, {&row, &a});
  CHECK_EQ(fake_blas_record().searches, 0);
  CHECK_EQ(std::string(r.provenance.library), "halftone-cuda");
  CHECK(std::string(r.provenance.kernel).starts_with("matmul_gemm_s8_dp4a_"));
  r = both<Matmul>("many rows", {}, {&a, &a});
  CHECK_EQ(std::string(r.provenance.library), "cublasLt");
  r = both<GemmInt8>("dp4a", {.kernel = Int8Kernel::kDp4a}, {&a, &a});
  CHECK_EQ(std::string(r.provenance.library), "halftone-cuda");
  fake_blas_without(kImplImma);
  r = both<GemmInt8>("auto", {}, {&a, &a});
  CHECK_EQ(std::string(r.provenance.library), "halftone-cuda");
  CHECK_EQ(r.provenance.tensor_cores, 0);
  fake_blas_reset();
}

TEST(few_lines_of_every_length) {
  for (const int64_t m : {1, 5, 12, 14})
    for (int64_t k = 1; k < 36; ++k)
      for (const bool tb : {false, true}) {
        HostTensor a = whole(DType::kU8, {m, k});
        HostTensor b = whole(DType::kS8, tb ? Shape{21, k} : Shape{k, 21});
        both<GemmInt8>("rows", {Int8Kernel::kDp4a, false, tb, 3, -7}, {&a, &b});
        both<GemmInt8>("columns", {Int8Kernel::kDp4a, !tb, true, -7, 3}, {&b, &a});
      }
}

TEST(imma_is_refused_where_there_is_none) {
  fake_blas_reset();
  fake_blas_without(kImplImma);
  HostTensor a = whole(DType::kS8, {32, 32});
  expect_refused(run_cuda<GemmInt8>({Int8Kernel::kImma, false, true}, {&a, &a}).status,
                 "kernel 'dp4a' gives the same int32");
  fake_blas_reset();
}

TEST(batches_broadcast_in_as_few_calls_as_strides_allow) {
  struct Row {
    Shape a, b;
    int64_t runs;
  };
  const Row rows[] = {
      {{4, 3, 5}, {5, 6}, 1},              // one matrix of 12 rows
      {{2, 4, 3, 5}, {5, 6}, 1},           // of 24 rows
      {{3, 5}, {4, 5, 6}, 1},              // A is the same for all
      {{4, 3, 5}, {4, 5, 6}, 1},           //
      {{2, 4, 3, 5}, {2, 4, 5, 6}, 1},     // axes joined
      {{2, 1, 3, 5}, {1, 4, 5, 6}, 2},     // 4 in one call, twice
      {{7, 1, 3, 5}, {1, 4, 5, 6}, 4},     // 7 in one call
      {{2, 4, 3, 5}, {2, 1, 5, 6}, 1},     // 4 matrices A joined for each of 2 B
      {{2, 4, 3, 5}, {4, 5, 6}, 2},        //
      {{2, 1, 3, 3, 5}, {3, 1, 5, 6}, 2},  // 3 rows joined, 3 B, twice
      {{5}, {3, 5, 6}, 1},
      {{3, 2, 5}, {5}, 1},
  };
  for (const Row& row : rows) {
    fake_blas_reset();
    HostTensor a = whole(DType::kF32, row.a), b = whole(DType::kF32, row.b);
    both<Matmul>("matmul", {}, {&a, &b});
    if (fake_blas_record().runs != row.runs)
      check::fail(__FILE__, __LINE__,
                  concat(row.a, " ", row.b, ": ", fake_blas_record().runs, " runs"));
  }
}

TEST(batches_of_bytes_find_the_sums_of_their_own_lines) {
  fake_blas_reset();
  HostTensor a = whole(DType::kU8, {2, 1, 19, 20}), b = whole(DType::kU8, {1, 3, 20, 17});
  both<Matmul>("matmul of uint8", {}, {&a, &b});
  CHECK_EQ(fake_blas_record().runs, 2);
  HostTensor c = whole(DType::kU8, {3, 1, 19, 20}), d = whole(DType::kU8, {2, 20, 17});
  both<Matmul>("matmul of uint8, the other way", {}, {&c, &d});
  CHECK_EQ(fake_blas_record().runs, 4);
}

TEST(a_batch_beyond_a_grid_takes_two_calls) {
  fake_blas_reset();
  HostTensor a = whole(DType::kF32, {70000, 1, 2}), b = whole(DType::kF32, {70000, 2, 1});
  both<Matmul>("matmul", {}, {&a, &b});
  CHECK_EQ(fake_blas_record().runs, 2);
  CHECK_EQ(fake_blas_record().problem.batch, 70000 - 65535);
  HostTensor no_a(DType::kF32, {70000, 1, 0}), no_b(DType::kF32, {70000, 0, 1});
  HostTensor c = whole(DType::kF32, {70000, 1, 1});
  both<GemmEx>("c of both calls", scaled(1, 3), {&no_a, &no_b, &c});
}

TEST(addends_of_every_shape) {
  fake_blas_reset();
  const Shape shapes[] = {{}, {6}, {1}, {5, 1}, {1, 6}, {5, 6}, {3, 1, 1}, {3, 1, 6}, {3, 5, 6}};
  for (const Shape& shape : shapes)
    for (const bool shared : {false, true})
      for (const DType out : {DType::kF32, DType::kF16, DType::kBF16, DType::kS32}) {
        const DType in = out == DType::kS32 ? DType::kS8 : out;
        HostTensor a = whole(in, {3, 5, 4});
        HostTensor b = whole(in, shared ? Shape{4, 6} : Shape{3, 4, 6});
        HostTensor c = whole(out, shape);
        both<GemmEx>(name(out), scaled(2, -1), {&a, &b, &c});
        if (in == out) CHECK_EQ(fake_blas_record().beta.as<float>(), -1.0f);
      }
}

TEST(an_addend_of_one_value_for_each_column_is_a_bias) {
  for (const Shape& shape : {Shape{6}, Shape{1, 6}, Shape{1, 1, 6}}) {
    fake_blas_reset();
    HostTensor a = whole(DType::kF16, {3, 5, 4}), b = whole(DType::kF16, {4, 6});
    HostTensor c = whole(DType::kF32, shape);
    both<GemmEx>("bias", scaled(2, 1, to(DType::kF32)), {&a, &b, &c});
    const FakeBlasRecord record = fake_blas_record();
    CHECK(record.problem.epilogue == BlasEpilogue::kBias);
    CHECK(record.problem.bias_type == DType::kF32);
    CHECK_EQ(record.beta.as<float>(), 0.0f);
    both<GemmEx>("no bias", scaled(2, 0.5, to(DType::kF32)), {&a, &b, &c});
    CHECK(fake_blas_record().problem.epilogue == BlasEpilogue::kNone);
  }
}

TEST(an_addend_that_does_not_count_is_not_read) {
  fake_blas_reset();
  HostTensor a = whole(DType::kF16, {8, 8});
  HostTensor c(DType::kF16, {8, 8});
  for (int64_t i = 0; i < 64; ++i) c.as<uint16_t>()[i] = 0x7e00;  // NaN
  // 1e-9 is 0 as float16.
  for (const double beta : {0.0, 1e-9}) both<Hgemm>("hgemm", {.beta = beta}, {&a, &a, &c});
  CHECK_EQ(fake_blas_record().beta.as<f16>().bits, 0);
  HostTensor no_a(DType::kF16, {8, 0}), no_b(DType::kF16, {0, 8});
  both<Hgemm>("no terms", {.beta = 1e-9}, {&no_a, &no_b, &c});
}

TEST(alpha_of_0_does_not_hide_nan) {
  fake_blas_reset();
  HostTensor a = whole(DType::kF32, {2, 3}), b = whole(DType::kF32, {3, 2});
  HostTensor c = whole(DType::kF32, {2});
  a.as<float>()[0] = NAN;
  const RunResult r = run_cuda<GemmEx>(scaled(0, 2), {&a, &b, &c});
  CHECK_OK(r.status);
  HostTensor y = r.outputs[0];
  CHECK(std::isnan(y.as<float>()[0]) && std::isnan(y.as<float>()[1]));
  CHECK_EQ(y.as<float>()[2], 2 * c.as<float>()[0]);
  CHECK_EQ(y.as<float>()[3], 2 * c.as<float>()[1]);
}

TEST(no_terms_and_no_elements) {
  fake_blas_reset();
  for (const DType in : {DType::kF32, DType::kF16, DType::kBF16, DType::kF64, DType::kS8}) {
    HostTensor a = whole(in, {2, 3, 0}), b = whole(in, {0, 4}), none = whole(in, {4, 0}),
               row = whole(in, {0});
    both<Matmul>("k = 0", {}, {&a, &b});
    both<Matmul>("n = 0", {}, {&b, &none});
    both<Matmul>("vectors", {}, {&row, &b});
  }
  HostTensor a = whole(DType::kS8, {2, 0}), b = whole(DType::kS8, {0, 4});
  HostTensor c = whole(DType::kS32, {4}), f = whole(DType::kF32, {2, 1});
  both<GemmEx>("c alone", scaled(1, -3), {&a, &b, &c});
  both<GemmEx>("float c alone", scaled(1, 0.5, to(DType::kF32)), {&a, &b, &f});
  both<GemmInt8>("zero points of nothing", {.aZeroPoint = 5, .bZeroPoint = 6}, {&a, &b});
  CHECK_EQ(fake_blas_record().runs, 0);
}

TEST(epilogues_reach_the_library) {
  struct Row {
    LinearActivation activation;
    bool bias;
    BlasEpilogue epilogue;
  };
  const Row rows[] = {{LinearActivation::kNone, false, BlasEpilogue::kNone},
                      {LinearActivation::kNone, true, BlasEpilogue::kBias},
                      {LinearActivation::kRelu, false, BlasEpilogue::kRelu},
                      {LinearActivation::kRelu, true, BlasEpilogue::kReluBias},
                      {LinearActivation::kGeluTanh, false, BlasEpilogue::kGelu},
                      {LinearActivation::kGeluTanh, true, BlasEpilogue::kGeluBias}};
  for (const Row& row : rows)
    for (const DType out : {DType::kF16, DType::kF32}) {
      fake_blas_reset();
      HostTensor x = whole(DType::kF16, {2, 3, 8}), w = whole(DType::kF16, {5, 8});
      HostTensor bias = whole(out, {5});
      const Linear::Params params{false, row.activation, Compute::kFloat32, to(out)};
      const std::vector<HostTensor*> inputs{&x, &w, row.bias ? &bias : nullptr};
      if (row.activation != LinearActivation::kGeluTanh) both<Linear>("linear", params, inputs);
      CHECK_OK(run_cuda<Linear>(params, inputs).status);
      const BlasMatmul p = fake_blas_record().problem;
      CHECK(p.epilogue == row.epilogue);
      CHECK_EQ(p.m, 5);  // the bias has one value for each row of the library's D
      CHECK_EQ(p.n, 6);
      if (row.bias) CHECK(p.bias_type == out);
    }
}

// What the library's activations do with a NaN, and how exactly they are computed, is tried out.
TEST(an_activation_that_is_another_one_is_left_to_our_own_kernel) {
  const FakeBlasFlaws drops{.relu_drops_nan = true}, coarse{.coarse_tanh = true};
  struct Row {
    FakeBlasFlaws flaws;
    LinearActivation activation;
    BlasEpilogue epilogue;
  };
  const Row rows[] = {{drops, LinearActivation::kRelu, BlasEpilogue::kNone},
                      {drops, LinearActivation::kGeluTanh, BlasEpilogue::kGeluBias},
                      {coarse, LinearActivation::kRelu, BlasEpilogue::kReluBias},
                      {coarse, LinearActivation::kGeluTanh, BlasEpilogue::kNone}};
  for (const Row& row : rows)
    for (const auto& [in, compute] :
         {std::pair{DType::kF32, Compute::kFloat32}, std::pair{DType::kF32, Compute::kTf32},
          std::pair{DType::kBF16, Compute::kFloat32}, std::pair{DType::kF16, Compute::kFloat32}}) {
      fake_blas_reset();
      fake_blas_flawed(row.flaws);
      HostTensor x = whole(in, {16, 8}), w = whole(in, {24, 8}), bias = whole(in, {24});
      const Linear::Params params{false, row.activation, compute, to(in)};
      if (row.activation == LinearActivation::kRelu)
        both<Linear>("linear", params, {&x, &w, &bias});
      CHECK_OK(run_cuda<Linear>(params, {&x, &w, &bias}).status);
      CHECK(fake_blas_record().problem.epilogue == row.epilogue);
    }
  fake_blas_reset();
}
