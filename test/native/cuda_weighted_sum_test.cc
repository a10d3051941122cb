// weightedSum on the emulated device against the CPU, bit for bit: the order of the sums is the
// same, also where the terms take several launches.
#include "cuda_compare.h"
#include "interesting.h"
#include "ops/weighted_sum/weighted_sum.h"

using namespace halftone;
using namespace halftone::test;

TEST(counts_and_lengths_of_every_float) {
  for (const DType t : {DType::kF32, DType::kF16, DType::kBF16, DType::kF64})
    dispatch(t, [&](auto tag) {
      using T = typename decltype(tag)::type;
      const std::vector<T> values = interesting<T>();
      for (const int count : {1, 2, 3, 16, 17, 40})
        for (const int64_t n : {0, 1, 7, 64, 1003}) {
          std::vector<HostTensor> xs;
          std::vector<float> weights;
          size_t next = static_cast<size_t>(count * 7);
          for (int k = 0; k < count; ++k) {
            weights.push_back(0.1f * static_cast<float>(k % 5) - 0.2f);
            HostTensor x(t, {n});
            // A step that is prime to the count walks through all of them.
            for (int64_t i = 0; i < n; ++i)
              x.as<T>()[i] = values[next = (next + 7919) % values.size()];
            xs.push_back(x);
          }
          HostTensor w(Shape{count}, weights);
          std::vector<HostTensor*> in = {&w};
          for (HostTensor& x : xs) in.push_back(&x);
          const RunResult r =
              same_as_cpu<WeightedSum>(concat(name(t), " ", count, " of [", n, "]"), {}, in);
          CHECK_EQ(std::string(r.provenance.accumulate), t == DType::kF64 ? "float64" : "float32");
        }
    });
}

TEST(more_elements_than_threads) {
  HostTensor x(DType::kF16, {80001}), w(Shape{2}, std::vector<float>{0.3f, -2});
  for (int64_t i = 0; i < 80001; ++i) x.as<f16>()[i] = to_f16(static_cast<float>(i) / 7);
  same_as_cpu<WeightedSum>("80001 halves", {}, {&w, &x, &x});
}

TEST(keeps_the_sign_of_a_zero) {
  HostTensor w(Shape{1}, std::vector<float>{1}), x(Shape{2}, std::vector<float>{-0.0f, 0.0f});
  RunResult r = run_cuda<WeightedSum>({}, {&w, &x});
  CHECK_OK(r.status);
  CHECK(std::signbit(r.outputs[0].as<float>()[0]));
  CHECK(!std::signbit(r.outputs[0].as<float>()[1]));
}
