#include <mutex>

#include "core/kernel.h"
#include "ops/abs_histogram/abs_histogram.h"
#include "ops/abs_histogram/abs_histogram_bin.h"

namespace halftone {
namespace {

constexpr int64_t kBlock = 1024;  // elements widened, and put into bins, at once

/// n elements from `begin` on as float32: in place, or widened into `buffer`.
const float* floats(const TensorView& x, int64_t begin, int64_t n, float* buffer) {
  if (x.dtype == DType::kF32) return x.as<float>() + begin;
  if (x.dtype == DType::kF16)
    convert(x.as<f16>() + begin, buffer, n);
  else
    convert(x.as<bf16>() + begin, buffer, n);
  return buffer;
}

Status abs_histogram_cpu(const AbsHistogram::Params& p, const KernelContext& context) {
  const TensorView& x = context.in(0);
  const float max = context.in(1).as<float>()[0];
  const int32_t bins = static_cast<int32_t>(p.bins);
  const size_t slots = static_cast<size_t>(bins) + 2;
  const std::string kernel = concat("abs_histogram_", info(x.dtype).short_name);
  context.made_by(kernel.c_str(), name(x.dtype), "float32", "int64");
  std::vector<int64_t> all(slots);
  std::mutex mutex;
  // Pieces so large that adding their counts costs little; less than 2^32 elements each.
  const int64_t grain = std::max<int64_t>(1 << 18, 8 * p.bins);
  context.parallel_for(x.elements(), grain, [&](int64_t first, int64_t last) {
    // Neighbours often fall into one bin: two sets of counts keep them from waiting for each other.
    std::vector<uint32_t> even(slots), odd(slots);
    alignas(64) float wide[kBlock];
    alignas(64) int32_t at[kBlock];
    for (int64_t begin = first; begin < last; begin += kBlock) {
      const int64_t n = std::min(kBlock, last - begin);
      const float* v = floats(x, begin, n, wide);
      for (int64_t i = 0; i < n; ++i) at[i] = abs_histogram_bin(v[i], max, bins);
      for (int64_t i = 0; i + 1 < n; i += 2) {
        ++even[static_cast<size_t>(at[i])];
        ++odd[static_cast<size_t>(at[i + 1])];
      }
      if (n % 2 != 0) ++even[static_cast<size_t>(at[n - 1])];
    }
    std::lock_guard lock(mutex);
    for (size_t i = 0; i < slots; ++i) all[i] += int64_t{even[i]} + odd[i];
  });
  std::copy_n(all.begin(), bins, context.out(0).as<int64_t>());
  context.out(1).as<int64_t>()[0] = all[slots - 2];
  context.out(2).as<int64_t>()[0] = all[slots - 1];
  return {};
}

}  // namespace

std::vector<CpuOp> abs_histogram_cpu_ops() { return {cpu_op<AbsHistogram, abs_histogram_cpu>()}; }

}  // namespace halftone
