// cast on the emulated device against the CPU: all pairs of dtypes at the interesting numbers, with
// and without saturation, and at the lengths around a pack.
#include "cuda_compare.h"
#include "interesting.h"
#include "ops/cast/cast.h"

using namespace halftone;
using namespace halftone::test;

TEST(all_pairs_equal_the_cpu_bit_for_bit) {
  for (const auto& from : kDTypes)
    dispatch(from.dtype, [&](auto tag) {
      using From = typename decltype(tag)::type;
      const std::vector<From> values = interesting<From>();
      HostTensor x(Shape{static_cast<int64_t>(values.size())}, values);
      for (const auto& to : kDTypes)
        for (const bool saturate : {false, true})
          same_as_cpu<Cast>(concat(from.name, " to ", to.name, saturate ? ", saturated" : ""),
                            {.to = to.dtype, .saturate = saturate}, {&x});
    });
}

TEST(all_lengths_around_a_pack) {
  for (const int64_t n : {0, 1, 3, 4, 5, 15, 16, 17, 1023, 1025, 140007}) {
    HostTensor bytes(DType::kU8, {n}), singles(DType::kF32, {n});
    for (int64_t i = 0; i < n; ++i) {
      bytes.as<uint8_t>()[i] = static_cast<uint8_t>(i * 7);
      singles.as<float>()[i] = static_cast<float>(i) / 3;
    }
    same_as_cpu<Cast>(concat("uint8 to int8 [", n, "]"), {.to = DType::kS8}, {&bytes});
    same_as_cpu<Cast>(concat("uint8 to float64 [", n, "]"), {.to = DType::kF64}, {&bytes});
    const RunResult r =
        same_as_cpu<Cast>(concat("float32 to float16 [", n, "]"), {.to = DType::kF16}, {&singles});
    CHECK_EQ(std::string(r.provenance.kernel), "cast_f32_f16");
  }
}
