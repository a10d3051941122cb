// absHistogram on the emulated device: the CPU's counts.
#include "cuda_compare.h"
#include "ops/abs_histogram/abs_histogram.h"
#include "quant_oracle.h"

using namespace halftone;
using namespace halftone::test;

TEST(counts_are_those_of_the_cpu) {
  Rng rng(1);
  for (const DType type : {DType::kF32, DType::kF16, DType::kBF16})
    for (const int64_t n : {0, 1, 9, 255, 4096, 70003})
      // 4, 4, 2, 1 and no sets of counts in shared memory.
      for (const int64_t bins : {1, 2048, 3000, 8000, 20000}) {
        HostTensor x(type, {n});
        for (int64_t i = 0; i < n; ++i) {
          const float special[] = {NAN, -INFINITY, -0.0f, 1e-40f, 1.0f, -1.0f, 7.0f, 0.0f};
          const float v = rng.between(0, 9) == 0
                              ? special[rng.between(0, 7)]
                              : static_cast<float>(std::pow(rng.unit(), 3) * 2.2 - 1.1);
          if (type == DType::kF16)
            x.as<f16>()[i] = to_f16(v);
          else if (type == DType::kBF16)
            x.as<bf16>()[i] = to_bf16(v);
          else
            x.as<float>()[i] = v;
        }
        for (const float max : {1.0f, 0.37f, 0.0f, INFINITY, NAN}) {
          HostTensor end(Shape{}, std::vector<float>{max});
          RunResult r = same_as_cpu<AbsHistogram>(concat(name(type), " ", n, " in ", bins),
                                                  {.bins = bins}, {&x, &end});
          int64_t sum = r.outputs[1].as<int64_t>()[0] + r.outputs[2].as<int64_t>()[0];
          for (const int64_t count : r.outputs[0].values<int64_t>()) sum += count;
          CHECK_EQ(sum, n);
        }
      }
}
