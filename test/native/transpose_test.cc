// transpose against index arithmetic, softmax against float64.
#include "ops/transpose/transpose.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>

#include "check.h"
#include "each_isa.h"
#include "ops/softmax/softmax.h"
#include "run_op.h"
#include "tolerance.h"

using namespace halftone;
using namespace halftone::test;

namespace {

void check_transpose(DType t, const Shape& shape, const IntList& perm, ThreadPool& pool) {
  HostTensor x(t, shape);
  std::mt19937 random(1);
  for (std::byte& b : x.bytes) b = static_cast<std::byte>(random());
  RunResult r = run_op<Transpose>({perm}, {&x}, pool);
  CHECK_OK(r.status);
  if (!r.status.ok()) return;
  HostTensor& y = r.outputs[0];
  const int64_t size = size_of(t);
  for (int64_t i = 0; i < shape.elements(); ++i) {
    int64_t at[kMaxRank], rest = i, to = 0;
    for (int k = shape.rank - 1; k >= 0; --k) {
      at[k] = rest % shape[k];
      rest /= shape[k];
    }
    for (int k = 0; k < shape.rank; ++k) {
      const int64_t axis = perm.count ? (perm[k] + shape.rank) % shape.rank : shape.rank - 1 - k;
      CHECK_EQ(y.shape[k], shape[static_cast<int>(axis)]);
      to = to * y.shape[k] + at[axis];
    }
    CHECK(std::memcmp(y.bytes.data() + to * size, x.bytes.data() + i * size,
                      static_cast<size_t>(size)) == 0);
  }
}

// float64 softmax of x[first + i * step], i in [0, n).
template <class T>
void check_row(const std::vector<double>& x, int64_t first, int64_t step, int64_t n,
               HostTensor& y) {
  double greatest = -std::numeric_limits<double>::infinity(), sum = 0;
  for (int64_t i = 0; i < n; ++i)
    greatest = std::max(greatest, x[static_cast<size_t>(first + i * step)]);
  for (int64_t i = 0; i < n; ++i)
    sum += std::exp(x[static_cast<size_t>(first + i * step)] - greatest);
  for (int64_t i = 0; i < n; ++i) {
    const double v = x[static_cast<size_t>(first + i * step)] - greatest, exact = std::exp(v) / sum;
    double got;
    if constexpr (sizeof(T) == 2)
      got = to_float(y.as<T>()[first + i * step]);
    else
      got = static_cast<double>(y.as<T>()[first + i * step]);
    // exp of a rounded argument (|v| u), 2 units of exp itself, the sum of n, the division.
    const double u = sizeof(T) == 8 ? unit_roundoff(DType::kF64) : unit_roundoff(DType::kF32);
    const double bound = rounding_bound(dtype_of<T>, exact) +
                         (std::fabs(v) + 8 + static_cast<double>(n) / 16 + 4) * u * exact;
    if (!(std::fabs(got - exact) <= bound))
      check::fail(__FILE__, __LINE__, concat("softmax: ", got, " != ", exact, " +- ", bound));
  }
}

template <class T>
void check_softmax() {
  std::mt19937 random(8);
  std::normal_distribution<double> normal(0, 6);
  for (const Shape& shape : {Shape{1}, Shape{10}, Shape{5, 17}, Shape{3, 1000}, Shape{2, 7, 40},
                             Shape{4, 33, 1}, Shape{1, 300, 17}})
    for (int axis = 0; axis < shape.rank; ++axis) {
      HostTensor x(dtype_of<T>, shape);
      std::vector<double> values;
      for (int64_t i = 0; i < shape.elements(); ++i) {
        const float v = static_cast<float>(normal(random));
        if constexpr (std::is_same_v<T, f16>)
          values.push_back(to_float(x.as<f16>()[i] = to_f16(v)));
        else if constexpr (std::is_same_v<T, bf16>)
          values.push_back(to_float(x.as<bf16>()[i] = to_bf16(v)));
        else
          values.push_back(static_cast<double>(x.as<T>()[i] = static_cast<T>(v)));
      }
      RunResult r = run_op<Softmax>({axis - shape.rank}, {&x});
      CHECK_OK(r.status);
      int64_t step = 1;
      for (int k = axis + 1; k < shape.rank; ++k) step *= shape[k];
      for (int64_t i = 0; i < shape.elements(); ++i)
        if (i / step % shape[axis] == 0) check_row<T>(values, i, step, shape[axis], r.outputs[0]);
    }
}

constexpr float kInf = std::numeric_limits<float>::infinity();

}  // namespace

TEST(every_permutation_of_small_shapes) {
  for (const Shape& shape :
       {Shape{3, 4}, Shape{2, 3, 4}, Shape{3, 1, 2, 5}, Shape{2, 1, 3, 2, 4}}) {
    IntList perm;
    for (int i = 0; i < shape.rank; ++i) perm.values[perm.count++] = i;
    do check_transpose(DType::kF16, shape, perm, ThreadPool::global());
    while (std::next_permutation(perm.values, perm.values + perm.count));
  }
}

TEST(tiles_of_every_width) {
  ThreadPool one(1), three(3);
  for (DType t : {DType::kU8, DType::kBF16, DType::kF32, DType::kS64, DType::kBool})
    for (ThreadPool* pool : {&one, &three}) {
      check_transpose(t, {31, 33}, {}, *pool);
      check_transpose(t, {64, 100}, {1, 0}, *pool);
      check_transpose(t, {2, 65, 3, 70}, {0, 3, 1, 2}, *pool);
      check_transpose(t, {2, 3, 40, 40}, {0, 2, 3, 1}, *pool);
      check_transpose(t, {5, 7, 300}, {1, 0, -1}, *pool);
      check_transpose(t, {300, 200, 3}, {2, 0, 1}, *pool);
    }
}

TEST(transpose_of_scalars_empty_tensors_and_rank_8) {
  check_transpose(DType::kF32, {}, {}, ThreadPool::global());
  check_transpose(DType::kF32, {1, 1}, {1, 0}, ThreadPool::global());
  check_transpose(DType::kF32, {3, 0, 2}, {2, 0, 1}, ThreadPool::global());
  check_transpose(DType::kF16, {2, 3, 2, 3, 2, 3, 2, 3}, {}, ThreadPool::global());
  check_transpose(DType::kF16, {2, 3, 2, 3, 2, 3, 2, 3}, {6, 1, 4, 3, 2, 5, 0, 7},
                  ThreadPool::global());
}

TEST(transpose_refusals) {
  HostTensor x(DType::kF32, {2, 3});
  CHECK_EQ(run_op<Transpose>({{0}}, {&x}).status.message,
           "transpose: perm must name each axis of x once, got [0] and x [2, 3]");
  CHECK_EQ(run_op<Transpose>({{1, -1}}, {&x}).status.message,
           "transpose: perm must name each axis of x once, got [1, -1] and x [2, 3]");
  CHECK_EQ(run_op<Transpose>({{0, 2}}, {&x}).status.message,
           "transpose: perm must lie in [-2, 1] for a tensor of rank 2, got 2");
}

TEST(softmax_near_float64_on_every_instruction_set) {
  for_each_isa([](Isa) {
    check_softmax<f16>();
    check_softmax<bf16>();
  });
  check_softmax<float>();
  check_softmax<double>();
}

TEST(softmax_of_special_values) {
  HostTensor x({4, 2}, std::vector<float>{kInf, 0, -kInf, 3, -kInf, -kInf, 1e30f, 1e30f});
  RunResult r = run_op<Softmax>({}, {&x});
  CHECK_OK(r.status);
  const float* y = r.outputs[0].as<float>();
  CHECK(y[0] != y[0] && y[1] != y[1]);
  CHECK_EQ(y[2], 0.0f);
  CHECK_EQ(y[3], 1.0f);
  CHECK(y[4] != y[4] && y[5] != y[5]);
  CHECK_EQ(y[6], 0.5f);
  std::vector<float> row(40, 1.0f);
  row[20] = std::nanf("");
  HostTensor with_nan({40}, row), empty(DType::kF16, {3, 0});
  r = run_op<Softmax>({}, {&with_nan});
  for (float v : r.outputs[0].values<float>()) CHECK(v != v);
  CHECK_OK(run_op<Softmax>({}, {&empty}).status);
}

TEST(softmax_refusals) {
  HostTensor i(DType::kS32, {2}), scalar(DType::kF32, Shape{}), x(DType::kF32, {2});
  CHECK_EQ(run_op<Softmax>({}, {&i}).status.message, "softmax: x must be a float, got int32");
  CHECK_EQ(run_op<Softmax>({}, {&scalar}).status.message,
           "softmax: x must have rank 1 or more, got x []");
  CHECK_EQ(run_op<Softmax>({1}, {&x}).status.message,
           "softmax: axis must lie in [-1, 0] for a tensor of rank 1, got 1");
}
