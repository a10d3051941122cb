// gather, scatter, oneHot, topK, cumSum, cumProd and det on the emulated device against
// the CPU, bit for bit: several blocks, rows in wide units and not, several owners of one line of
// updates.
#include "cuda_compare.h"
#include "ops/cumulative/cumulative.h"
#include "ops/det/det.h"
#include "ops/gather/gather.h"
#include "ops/one_hot/one_hot.h"
#include "ops/scatter/scatter.h"
#include "ops/top_k/top_k.h"

using namespace halftone;
using namespace halftone::test;

namespace {

constexpr DType kTypes[] = {DType::kU8,  DType::kF16, DType::kBF16,
                            DType::kF32, DType::kS64, DType::kF64};

// Small whole numbers, exact in every type.
HostTensor numbers(DType t, const Shape& shape, uint32_t seed) {
  HostTensor x(t, shape);
  dispatch(t, [&](auto tag) {
    using T = typename decltype(tag)::type;
    for (int64_t i = 0; i < shape.elements(); ++i) {
      seed = seed * 1664525u + 1013904223u;
      const int value = static_cast<int>(seed >> 29);
      if constexpr (std::is_same_v<T, f16>)
        x.as<T>()[i] = to_f16(static_cast<float>(value));
      else if constexpr (std::is_same_v<T, bf16>)
        x.as<T>()[i] = to_bf16(static_cast<float>(value));
      else
        x.as<T>()[i] = static_cast<T>(value);
    }
  });
  return x;
}

template <class I>
HostTensor indices(const Shape& shape, int64_t n, uint32_t seed) {
  std::vector<I> values(static_cast<size_t>(shape.elements()));
  for (I& v : values) {
    seed = seed * 1664525u + 1013904223u;
    v = static_cast<I>(seed >> 8) % static_cast<I>(n) - (seed & 1 ? static_cast<I>(n) : 0);
  }
  return HostTensor(shape, values);
}

constexpr ScatterReduction kReductions[] = {ScatterReduction::kNone, ScatterReduction::kAdd,
                                            ScatterReduction::kMul, ScatterReduction::kMax,
                                            ScatterReduction::kMin};

}  // namespace

TEST(gathering) {
  for (const DType t : kTypes) {
    HostTensor x = numbers(t, {40, 16, 30}, 1), at = indices<int64_t>({5, 3}, 16, 2);
    same_as_cpu<Gather>(name(t), {1}, {&x, &at});
    HostTensor odd = numbers(t, {9, 7}, 3), few = indices<int32_t>({4}, 7, 4);
    same_as_cpu<Gather>(name(t), {-1}, {&odd, &few});
    HostTensor places = indices<int32_t>({40, 20, 30}, 16, 5);
    same_as_cpu<GatherElements>(name(t), {1}, {&x, &places});
    HostTensor tuples = indices<int64_t>({40, 6, 2}, 16, 6);
    same_as_cpu<GatherNd>(name(t), {1}, {&x, &tuples});
    HostTensor slices = indices<int32_t>({3, 1}, 40, 7);
    same_as_cpu<GatherNd>(name(t), {}, {&x, &slices});
  }
}

TEST(an_index_out_of_range_reads_nothing_and_is_reported) {
  HostTensor x({3}, std::vector<float>{1, 2, 3});
  HostTensor at({4}, std::vector<int64_t>{2, 3, -4, -1});
  RunResult r = run_cuda<Gather>({}, {&x, &at});
  CHECK(r.status.code == Code::kParam);
  CHECK_EQ(r.status.message, std::string("gather: indices must lie in [-3, 2] for axis 0 of x [3], "
                                         "got 3 at flat position 1"));
  CHECK(r.outputs[0].values<float>() == std::vector<float>({3, 0, 0, 3}));
  HostTensor updates({4}, std::vector<float>{7, 8, 9, 6});
  RunResult s = run_cuda<ScatterElements>({}, {&x, &at, &updates});
  CHECK(s.status.code == Code::kParam);
  CHECK(s.outputs[0].values<float>() == std::vector<float>({1, 2, 6}));
  HostTensor none({0}, std::vector<float>{});
  CHECK(run_cuda<Gather>({}, {&none, &at}).outputs[0].values<float>() ==
        std::vector<float>({0, 0, 0, 0}));
}

// Many threads of many blocks meet one; the CPU looks at them one after the other.
TEST(the_index_that_is_reported_is_the_one_of_the_cpu) {
  const auto same = [&]<class Op>(const typename Op::Params& p, std::vector<HostTensor*> inputs) {
    const Status on_cpu = run_op<Op>(p, inputs).status;
    CHECK(on_cpu.code == Code::kParam);
    const Status on_device = run_cuda<Op>(p, inputs).status;
    CHECK(on_device.code == Code::kParam);
    CHECK_EQ(on_device.message, concat(Op::kName, ": ", on_cpu.message));
  };
  // The last tenth is wrong, and one before it.
  const auto spoil = [](HostTensor& t, int64_t value) {
    const int64_t n = t.shape.elements();
    for (int64_t i = n * 9 / 10; i < n; ++i) t.as<int64_t>()[i] = value + i;
    t.as<int64_t>()[n * 3 / 5] = -value;
  };
  HostTensor x = numbers(DType::kF32, {4, 70, 6}, 1), at = indices<int64_t>({3000}, 70, 2);
  HostTensor places = indices<int64_t>({4, 800, 6}, 70, 3),
             tuples = indices<int64_t>({900, 2}, 4, 4);
  HostTensor batches = indices<int64_t>({4, 500, 1}, 70, 5);
  HostTensor updates = numbers(DType::kF32, {4, 800, 6}, 6),
             slices = numbers(DType::kF32, {900, 6}, 7);
  for (HostTensor* t : {&at, &places, &tuples, &batches}) spoil(*t, 1000);
  same.operator()<Gather>({1}, {&x, &at});
  same.operator()<GatherElements>({1}, {&x, &places});
  same.operator()<GatherNd>({}, {&x, &tuples});
  same.operator()<GatherNd>({1}, {&x, &batches});
  same.operator()<ScatterElements>({1, ScatterReduction::kAdd}, {&x, &places, &updates});
  same.operator()<ScatterNd>({ScatterReduction::kMax}, {&x, &tuples, &slices});
}

TEST(scattering) {
  for (const DType t : kTypes)
    for (const ScatterReduction reduction : kReductions) {
      const std::string label = concat(name(t), " ", static_cast<int>(reduction));
      HostTensor x = numbers(t, {50}, 1), at = indices<int64_t>({300}, 50, 2);
      HostTensor updates = numbers(t, {300}, 3);
      same_as_cpu<ScatterElements>(label, {0, reduction}, {&x, &at, &updates});
      HostTensor cube = numbers(t, {6, 5, 70}, 4), places = indices<int32_t>({4, 9, 60}, 5, 5);
      HostTensor many = numbers(t, {4, 9, 60}, 6);
      same_as_cpu<ScatterElements>(label, {1, reduction}, {&cube, &places, &many});
      HostTensor tuples = indices<int32_t>({12, 2}, 5, 7), rows = numbers(t, {12, 70}, 8);
      same_as_cpu<ScatterNd>(label, {reduction}, {&cube, &tuples, &rows});
      HostTensor single = indices<int64_t>({80, 1}, 50, 9), values = numbers(t, {80}, 10);
      same_as_cpu<ScatterNd>(label, {reduction}, {&x, &single, &values});
    }
}

TEST(order_along_an_axis) {
  for (const DType t : kTypes) {
    HostTensor x = numbers(t, {4, 90, 3}, 1), line = numbers(t, {700}, 2);
    for (const bool flag : {false, true}) {
      same_as_cpu<TopK>(name(t), {.k = 17, .axis = 1, .largest = flag}, {&x});
      same_as_cpu<TopK>(name(t), {.k = 700, .largest = flag}, {&line});
      same_as_cpu<CumSum>(name(t), {.axis = 1, .exclusive = flag, .reverse = !flag}, {&x});
      same_as_cpu<CumProd>(name(t), {.axis = 2, .exclusive = !flag, .reverse = flag}, {&x});
    }
    HostTensor at = indices<int32_t>({30, 4}, 9, 3), ends = numbers(t, {2}, 4);
    same_as_cpu<OneHot>(name(t), {.depth = 7, .axis = 1}, {&at, &ends});
  }
}

TEST(topK_refuses_what_would_take_forever) {
  HostTensor x(DType::kU8, {(1 << 16) + 1});
  const RunResult r = run_cuda<TopK>({.k = 1}, {&x});
  CHECK(r.status.code == Code::kUnsupported);
}

TEST(determinants_of_many_and_of_none) {
  for (const DType t : {DType::kF16, DType::kBF16, DType::kF32, DType::kF64}) {
    HostTensor x = numbers(t, {300, 4, 4}, 1), none(t, {3, 0, 0});
    same_as_cpu<Det>(name(t), {}, {&x});
    same_as_cpu<Det>(name(t), {}, {&none});
  }
}
