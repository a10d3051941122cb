// absHistogram against its definition, counted one by one in float32.
#include "ops/abs_histogram/abs_histogram.h"

#include "check.h"
#include "quant_oracle.h"

using namespace halftone;
using namespace halftone::test;

namespace {

float element(HostTensor& t, int64_t i) {
  if (t.dtype == DType::kF16) return to_float(t.as<f16>()[i]);
  if (t.dtype == DType::kBF16) return to_float(t.as<bf16>()[i]);
  return t.as<float>()[i];
}

/// counts, then above, then nonFinite.
std::vector<int64_t> expected(HostTensor& x, float max, int64_t bins) {
  std::vector<int64_t> all(static_cast<size_t>(bins) + 2);
  for (int64_t i = 0; i < x.shape.elements(); ++i) {
    const float v = std::fabs(element(x, i));
    int64_t at = bins;
    if (!std::isfinite(v)) {
      at = bins + 1;
    } else if (v <= max) {
      const float share = v == 0 ? 0 : v / max;
      at = std::min(static_cast<int64_t>(std::floor(share * static_cast<float>(bins))), bins - 1);
    }
    ++all[static_cast<size_t>(at)];
  }
  return all;
}

std::vector<int64_t> joined(RunResult& r) {
  std::vector<int64_t> all = r.outputs[0].values<int64_t>();
  all.push_back(r.outputs[1].as<int64_t>()[0]);
  all.push_back(r.outputs[2].as<int64_t>()[0]);
  return all;
}

}  // namespace

TEST(each_element_is_counted_where_it_belongs) {
  Rng rng(1);
  for (const DType type : {DType::kF32, DType::kF16, DType::kBF16})
    for (const int64_t n : {0, 1, 7, 1023, 1025, 300000})
      for (const int64_t bins : {1, 7, 2048, 40000}) {
        HostTensor x(type, {n});
        for (int64_t i = 0; i < n; ++i) {
          const float special[] = {NAN, -INFINITY, -0.0f, 1e-40f, 1.0f, 1.0000001f, -1.0f, 7.0f};
          const float v = rng.between(0, 20) == 0
                              ? special[rng.between(0, 7)]
                              : static_cast<float>(std::pow(rng.unit(), 3) * 2.2 - 1.1);
          if (type == DType::kF16)
            x.as<f16>()[i] = to_f16(v);
          else if (type == DType::kBF16)
            x.as<bf16>()[i] = to_bf16(v);
          else
            x.as<float>()[i] = v;
        }
        for (const float max : {1.0f, 0.37f, 0.0f, 1e-42f, 3e38f, INFINITY, NAN, -1.0f}) {
          HostTensor end(Shape{}, std::vector<float>{max});
          RunResult r = run_op<AbsHistogram>({.bins = bins}, {&x, &end});
          CHECK_OK(r.status);
          CHECK(joined(r) == expected(x, max, bins));
        }
      }
}

// Twice the bins over twice the range: the first half are the counts before.
TEST(a_range_may_grow_by_doubling) {
  Rng rng(2);
  HostTensor x(DType::kF32, {50000});
  for (int64_t i = 0; i < 50000; ++i) x.as<float>()[i] = static_cast<float>((rng.unit() - 0.5) * 3);
  HostTensor end(Shape{1}, std::vector<float>{0.7310586f}),
      twice(Shape{1}, std::vector<float>{2 * 0.7310586f});
  RunResult small = run_op<AbsHistogram>({.bins = 2048}, {&x, &end}),
            large = run_op<AbsHistogram>({.bins = 4096}, {&x, &twice});
  std::vector<int64_t> few = joined(small), many = joined(large);
  // |x| = max, in the last bin of the one and after it in the other, does not occur here.
  for (size_t i = 0; i < 2048; ++i) CHECK_EQ(few[i], many[i]);
}

TEST(threads_do_not_change_the_counts) {
  HostTensor x(DType::kF32, {3000000}), end(Shape{}, std::vector<float>{1});
  for (int64_t i = 0; i < 3000000; ++i) x.as<float>()[i] = static_cast<float>(i % 1000003) * 1e-6f;
  ThreadPool one(1), three(3);
  RunResult a = run_op<AbsHistogram>({}, {&x, &end}, one),
            b = run_op<AbsHistogram>({}, {&x, &end}, three);
  CHECK(joined(a) == joined(b));
}

TEST(refuses_what_is_no_range) {
  HostTensor x(DType::kF32, {2}), two(DType::kF32, {2}), half(DType::kF16, {}),
      codes(DType::kS8, {2});
  CHECK_EQ(run_op<AbsHistogram>({}, {&x, &two}).status.message,
           "absHistogram: max must hold one number ([] or [1]), got max [2]");
  CHECK_EQ(run_op<AbsHistogram>({}, {&x, &half}).status.message,
           "absHistogram: max must be float32, got float16");
  CHECK_EQ(run_op<AbsHistogram>({}, {&codes, &two}).status.message,
           "absHistogram: x must be float32, float16 or bfloat16, got int8");
}
