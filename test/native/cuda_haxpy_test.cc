// haxpy on the emulated device against the CPU, bit for bit.
#include "check.h"
#include "ops/haxpy/haxpy.h"
#include "run_cuda.h"

using namespace halftone;
using namespace halftone::test;

TEST(equals_the_cpu_on_all_lengths_around_a_pack) {
  uint32_t seed = 1;
  for (const int64_t n : {0, 1, 7, 8, 9, 63, 64, 257, 5000}) {
    HostTensor x(DType::kF16, {n}), y(DType::kF16, {n});
    for (HostTensor* t : {&x, &y})
      for (int64_t i = 0; i < n;
           ++i)  // all bit patterns, but one NaN: they keep no payload on a device
        if (auto bits = static_cast<uint16_t>((seed = seed * 1664525u + 1013904223u) >> 16); true)
          t->as<uint16_t>()[i] = (bits & 0x7fff) > 0x7c00 ? 0x3c00 : bits;
    RunResult cpu = run_op<Haxpy>({.alpha = -1.75}, {&x, &y}),
              cuda = run_cuda<Haxpy>({.alpha = -1.75}, {&x, &y});
    CHECK_OK(cpu.status);
    CHECK_OK(cuda.status);
    CHECK_EQ(std::string(cuda.provenance.kernel), "haxpy_f16_half2");
    for (int64_t i = 0; i < n; ++i) {
      const uint16_t a = cpu.outputs[0].as<uint16_t>()[i], b = cuda.outputs[0].as<uint16_t>()[i];
      const bool both_nan = (a & 0x7fff) > 0x7c00 && (b & 0x7fff) > 0x7c00;
      if (!both_nan) CHECK_EQ(a, b);
    }
  }
}
