// int8 products and dot4 on the emulated device against the CPU, bit for bit.
#include <array>

#include "check.h"
#include "device/context.h"
#include "ops/dot4/dot4.h"
#include "ops/gemm_int8/gemm_int8.h"
#include "ops/gemm_int8/gemm_s8_dp4a.h"
#include "run_cuda.h"

using namespace halftone;
using namespace halftone::test;

namespace {

uint32_t seed = 1;
uint32_t next() { return (seed = seed * 1664525u + 1013904223u) >> 16; }

HostTensor random_bytes(DType type, Shape shape) {
  HostTensor t(type, shape);
  for (std::byte& b : t.bytes) b = static_cast<std::byte>(next());
  return t;
}

struct Case {
  int64_t m, n, k;
  bool trans_a = false, trans_b = false;
  DType a = DType::kS8, b = DType::kS8;
  int64_t a_zero = 0, b_zero = 0;
  Shape a_batch = {}, b_batch = {};
};

Shape with(Shape batch, int64_t rows, int64_t columns) {
  batch.push_back(rows);
  batch.push_back(columns);
  return batch;
}

std::string compare(const Case& c) {
  HostTensor a =
      random_bytes(c.a, c.trans_a ? with(c.a_batch, c.k, c.m) : with(c.a_batch, c.m, c.k));
  HostTensor b =
      random_bytes(c.b, c.trans_b ? with(c.b_batch, c.n, c.k) : with(c.b_batch, c.k, c.n));
  const GemmInt8::Params params{.kernel = Int8Kernel::kDp4a,
                                .transA = c.trans_a,
                                .transB = c.trans_b,
                                .aZeroPoint = c.a_zero,
                                .bZeroPoint = c.b_zero};
  RunResult cpu = run_op<GemmInt8>(params, {&a, &b}), cuda = run_cuda<GemmInt8>(params, {&a, &b});
  CHECK_OK(cpu.status);
  CHECK_OK(cuda.status);
  if (!cpu.status.ok() || !cuda.status.ok()) return {};
  if (cpu.outputs[0].bytes != cuda.outputs[0].bytes) {
    int64_t at = 0;
    const int32_t *x = cpu.outputs[0].as<int32_t>(), *y = cuda.outputs[0].as<int32_t>();
    while (x[at] == y[at]) ++at;
    check::fail(__FILE__, __LINE__,
                concat("m ", c.m, " n ", c.n, " k ", c.k, " trans ", c.trans_a, c.trans_b, " ",
                       name(c.a), " ", name(c.b), " zeros ", c.a_zero, " ", c.b_zero, ": element ",
                       at, " is ", y[at], ", not ", x[at], " by ", cuda.provenance.kernel));
  }
  return cuda.provenance.kernel;
}

}  // namespace

TEST(tiles_of_all_transpositions_and_signs) {
  for (const bool trans_a : {false, true})
    for (const bool trans_b : {false, true})
      for (const DType a : {DType::kS8, DType::kU8})
        for (const DType b : {DType::kS8, DType::kU8})
          CHECK_EQ(compare({132, 196, 68, trans_a, trans_b, a, b}),
                   std::string("gemmInt8_gemm_s8_dp4a_tile128"));
}

TEST(tiles_of_awkward_sizes) {
  // One less and one more than a tile, and k that fill no word, no quad of words, no stage.
  for (const auto [m, n, k] : {std::array{127, 129, 31},
                               {128, 128, 32},
                               {129, 127, 33},
                               {65, 66, 1},
                               {66, 65, 3},
                               {80, 72, 20},
                               {257, 65, 100}})
    for (const bool trans_a : {false, true})
      for (const bool trans_b : {false, true}) {
        compare({m, n, k, trans_a, trans_b, DType::kU8, DType::kS8, 77, -3});
        compare({m, n, k, trans_a, trans_b, DType::kS8, DType::kS8});
      }
}

TEST(few_k_blocks_share_a_tile) {
  CHECK_EQ(compare({70, 90, 2100, false, true, DType::kU8, DType::kS8, 128, 5}),
           std::string("gemmInt8_gemm_s8_dp4a_tile128_split_k"));
  compare({70, 90, 2100, true, false, DType::kS8, DType::kU8, 0, 5});
}

TEST(few_rows_or_columns) {
  // The number of few lines around the sizes of the two kernels, and of their groups.
  for (const int few : {1, 3, 4, 5, 15, 16, 17, 33, 64})
    for (const bool trans_a : {false, true})
      for (const bool trans_b : {false, true}) {
        const Case row{few, 140, 100, trans_a, trans_b, DType::kU8, DType::kS8, few % 2 ? 9 : 0,
                       -4};
        compare(row);
        compare({140, few, 64, trans_a, trans_b, DType::kS8, DType::kU8, few % 2 ? 0 : 9, 200});
      }
  for (const int many : {1, 2, 31, 127, 128, 129})
    for (const int k : {1, 2, 5, 15, 17, 511, 513, 1030})
      for (const bool trans_b : {false, true})
        compare({2, many, k, false, trans_b, DType::kS8, DType::kS8, many % 3, k % 5});
  // More few lines than the kernel for any address has places: the many are copied.
  for (const int many : {7, 33, 130})
    for (const int k : {1, 3, 31, 34, 513})
      for (const bool trans_b : {false, true})
        compare({9, many, k, k % 2 == 0, trans_b, DType::kU8, DType::kS8, 3, -7});
  CHECK_EQ(compare({3, 8, 20000, false, true}), std::string("gemmInt8_gemm_s8_dp4a_skinny_lines"));
  CHECK_EQ(compare({3, 8, 20000, false, false, DType::kU8, DType::kU8, 3, 4}),
           std::string("gemmInt8_gemm_s8_dp4a_skinny_steps"));
}

TEST(batches) {
  for (const int m : {3, 70})
    for (const bool trans_a : {false, true}) {
      compare({m, 67, 9, trans_a, false, DType::kS8, DType::kU8, 5, 6, {3, 2}, {3, 2}});
      compare({m, 68, 12, trans_a, true, DType::kU8, DType::kS8, 5, 6, {}, {5}});
      compare({m, 68, 16, trans_a, false, DType::kU8, DType::kS8, 5, 6, {5}, {}});
    }
}

TEST(empty_sizes) {
  compare({0, 5, 3});
  compare({5, 0, 3});
  compare({5, 4, 0, false, false, DType::kS8, DType::kS8, 3, 4});
  compare({5, 4, 3, false, false, DType::kS8, DType::kS8, 0, 0, {0}, {}});
}

TEST(sums_wrap_modulo_two_to_the_32) {
  // 255 * 255 * 70000 > 2^32.
  HostTensor a(DType::kU8, {1, 70000}), b(DType::kU8, {70000, 2});
  std::memset(a.bytes.data(), 255, a.bytes.size());
  std::memset(b.bytes.data(), 255, b.bytes.size());
  RunResult y = run_cuda<GemmInt8>({.kernel = Int8Kernel::kDp4a}, {&a, &b});
  CHECK_OK(y.status);
  CHECK_EQ(y.outputs[0].as<uint32_t>()[1], static_cast<uint32_t>(255ull * 255 * 70000));
}

TEST(dot4_of_all_signs_and_broadcasts) {
  for (const DType at : {DType::kS8, DType::kU8})
    for (const DType bt : {DType::kS8, DType::kU8}) {
      HostTensor a = random_bytes(at, {3, 1, 5, 4}), b = random_bytes(bt, {7, 1, 4}),
                 c(DType::kS32, {7, 5}), whole = random_bytes(bt, {3, 1, 5, 4}),
                 none = random_bytes(bt, {0, 1, 4});
      for (int i = 0; i < 35; ++i) c.as<int32_t>()[i] = i % 3 ? INT32_MAX - i : INT32_MIN + i;
      for (std::vector<HostTensor*> in : {std::vector<HostTensor*>{&a, &b, &c},
                                          {&a, &b, nullptr},
                                          {&a, &whole, nullptr},
                                          {&a, &none, nullptr}}) {
        RunResult cpu = run_op<Dot4>({}, in), cuda = run_cuda<Dot4>({}, in);
        CHECK_OK(cpu.status);
        CHECK_OK(cuda.status);
        CHECK(cpu.outputs[0].bytes == cuda.outputs[0].bytes);
      }
    }
}
