// gather, scatter, oneHot, topK, cumSum and det: what the tables of operators do not reach. Threads
// must not change a result, and no index may lead outside of a tensor.
#include "check.h"
#include "ops/cumulative/cumulative.h"
#include "ops/det/det.h"
#include "ops/gather/gather.h"
#include "ops/one_hot/one_hot.h"
#include "ops/scatter/scatter.h"
#include "ops/top_k/top_k.h"
#include "run_op.h"

using namespace halftone;
using namespace halftone::test;

namespace {

constexpr int64_t kLowest = std::numeric_limits<int64_t>::min();
constexpr int64_t kHighest = std::numeric_limits<int64_t>::max();

HostTensor counted(const Shape& shape) {
  std::vector<float> values(static_cast<size_t>(shape.elements()));
  for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i % 1021);
  return HostTensor(shape, values);
}

// Indices all over an axis of n elements, from either end.
HostTensor scattered(const Shape& shape, int64_t n) {
  std::vector<int64_t> values(static_cast<size_t>(shape.elements()));
  for (size_t i = 0; i < values.size(); ++i)
    values[i] = static_cast<int64_t>(i * 7919 % static_cast<size_t>(2 * n)) - n;
  return HostTensor(shape, values);
}

template <class Op>
void same_on_all_threads(const typename Op::Params& p, const std::vector<HostTensor*>& inputs) {
  ThreadPool one(1), three(3);
  RunResult a = run_op<Op>(p, inputs, one), b = run_op<Op>(p, inputs, three);
  CHECK_OK(a.status);
  CHECK_OK(b.status);
  for (size_t k = 0; k < a.outputs.size(); ++k) CHECK(a.outputs[k].bytes == b.outputs[k].bytes);
}

}  // namespace

TEST(threads_change_nothing) {
  HostTensor x = counted({500, 90}), rows = scattered({3, 400}, 500);
  same_on_all_threads<Gather>({0}, {&x, &rows});
  HostTensor places = scattered({500, 200}, 90), updates = counted({500, 200});
  same_on_all_threads<GatherElements>({1}, {&x, &places});
  same_on_all_threads<ScatterElements>({1, ScatterReduction::kAdd}, {&x, &places, &updates});
  HostTensor tuples = scattered({900, 1}, 500), slices = counted({900, 90});
  same_on_all_threads<GatherNd>({}, {&x, &tuples});
  same_on_all_threads<ScatterNd>({ScatterReduction::kNone}, {&x, &tuples, &slices});
  same_on_all_threads<TopK>({.k = 7, .axis = 0}, {&x});
  same_on_all_threads<CumSum>({.axis = 0, .reverse = true}, {&x});
  HostTensor square = counted({400, 10, 10}), ends({2}, std::vector<float>{0, 1});
  same_on_all_threads<Det>({}, {&square});
  same_on_all_threads<OneHot>({.depth = 90}, {&places, &ends});
}

TEST(no_index_leads_outside) {
  HostTensor x = counted({4, 3});
  for (const int64_t wrong : {int64_t{4}, int64_t{-5}, kLowest, kHighest}) {
    HostTensor index({1}, std::vector<int64_t>{wrong});
    HostTensor element({1, 1}, std::vector<int64_t>{wrong});
    HostTensor row = counted({1, 3}), single = counted({1, 1});
    const std::string expected = concat("indices must lie in [-4, 3] for axis 0 of x [4, 3], got ",
                                        wrong, " at flat position 0");
    CHECK_EQ(run_op<Gather>({}, {&x, &index}).status.message, expected);
    CHECK_EQ(run_op<GatherElements>({}, {&x, &element}).status.message, expected);
    CHECK_EQ(run_op<GatherNd>({}, {&x, &element}).status.message, expected);
    CHECK_EQ(run_op<ScatterElements>({}, {&x, &element, &single}).status.message, expected);
    CHECK_EQ(run_op<ScatterNd>({}, {&x, &element, &row}).status.message, expected);
    HostTensor ends({2}, std::vector<float>{2, 1});
    RunResult off = run_op<OneHot>({.depth = 4}, {&index, &ends});
    CHECK(off.outputs[0].values<float>() == std::vector<float>({2, 2, 2, 2}));
  }
}

TEST(the_second_index_of_a_tuple_has_an_axis_of_its_own) {
  HostTensor x = counted({4, 3});
  HostTensor tuples({2, 2}, std::vector<int32_t>{3, 2, 0, 3});
  CHECK_EQ(run_op<GatherNd>({}, {&x, &tuples}).status.message,
           "indices must lie in [-3, 2] for axis 1 of x [4, 3], got 3 at flat position 3");
}

TEST(shapes_that_no_tensor_has) {
  HostTensor index({1}, std::vector<int64_t>{0}), ends({2}, std::vector<float>{0, 1});
  CHECK(run_op<OneHot>({.depth = kHighest}, {&index, &ends}).status.code == Code::kShape);
  HostTensor x = counted({3});
  CHECK_EQ(run_op<TopK>({.k = kHighest}, {&x}).status.message,
           concat("topK: k must be at most the size of axis 0, got k ", kHighest, " and x [3]"));
}
