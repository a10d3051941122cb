// full, arange and random on the emulated device against the CPU, bit for bit: the numbers of a
// seed are the same on all devices.
#include "cuda_compare.h"
#include "ops/create/create.h"

using namespace halftone;
using namespace halftone::test;

TEST(full_of_every_dtype_and_length) {
  for (const auto& d : kDTypes) {
    if (is_stored(d.dtype)) continue;
    for (const int64_t n : {0, 1, 2, 15, 16, 17, 31, 1000, 100003})
      same_as_cpu<Full>(concat(d.name, " [", n, "]"),
                        {.shape = {n}, .value = is_float(d.dtype) ? 0.1 : 1, .dtype = d.dtype}, {});
  }
  same_as_cpu<Full>("a scalar", {.shape = {}, .value = -7, .dtype = DType::kS16}, {});
}

TEST(arange_of_every_dtype) {
  for (const auto& d : kDTypes) {
    if (d.dtype == DType::kBool || is_stored(d.dtype)) continue;
    for (const double n : {0.0, 1.0, 100.0})
      same_as_cpu<Arange>(concat(d.name, " [", n, "]"),
                          {.start = 3, .stop = 3 + n, .dtype = d.dtype}, {});
  }
  same_as_cpu<Arange>("fractions", {.start = -1, .stop = 1, .step = 1.0 / 3000}, {});
  same_as_cpu<Arange>("one end of int64 to the other",
                      {.start = -0x1p63, .stop = 0x1p62, .step = 0x1p60, .dtype = DType::kS64}, {});
  same_as_cpu<Arange>("one element, with a step that is no int64",
                      {.start = 5, .stop = 6, .step = 1e300, .dtype = DType::kS32}, {});
}

TEST(random_numbers_of_every_dtype_and_length) {
  for (const auto& d : kDTypes) {
    // Draws are int64: uint64 is not offered.
    if (d.dtype == DType::kBool || d.dtype == DType::kU64 || is_stored(d.dtype)) continue;
    for (const int64_t n : {0, 1, 2, 3, 4, 5, 7, 1021, 40001}) {
      const std::string label = concat(d.name, " [", n, "]");
      same_as_cpu<Random>(concat("uniform ", label),
                          {.shape = {n}, .dtype = d.dtype, .seed = -3, .low = 5, .high = 99}, {});
      if (is_float(d.dtype)) {
        const RunResult r = same_as_cpu<Random>(concat("normal ", label),
                                                {.shape = {n},
                                                 .dtype = d.dtype,
                                                 .seed = 1,
                                                 .distribution = Distribution::kNormal,
                                                 .mean = 0.5,
                                                 .std = 3},
                                                {});
        CHECK_EQ(std::string(r.provenance.kernel),
                 concat("random_", d.short_name, "_normal_philox seed=1"));
      }
    }
  }
  // Next to each other in bfloat16: many draws reach the end and become the number below it.
  same_as_cpu<Random>(
      "two neighbours",
      {.shape = {5000}, .dtype = DType::kBF16, .seed = 2, .low = -0x1p-7, .high = 0x1p-133}, {});
}
