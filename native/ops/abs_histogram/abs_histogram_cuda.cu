#include "device/context.h"
#include "ops/abs_histogram/abs_histogram.h"
#include "ops/abs_histogram/abs_histogram_kernel.cuh"
#include "ops/quantize/code_dispatch.h"

namespace halftone {
namespace {

/// Sets of counts for each block: four of the default 2048 bins take 32 KiB, which leaves room for
/// several blocks on a multiprocessor; one set up to the 48 KiB that need no opting in.
int32_t copies_of(int64_t bins) {
  const int64_t bytes = bins * static_cast<int64_t>(sizeof(uint32_t));
  if (bytes > 48 * 1024) return 0;
  return bytes <= 8 * 1024 ? 4 : bytes <= 16 * 1024 ? 2 : 1;
}

Status abs_histogram_cuda(const AbsHistogram::Params& p, DeviceContext& context) {
  const TensorView& x = context.in(0);
  const std::string kernel = concat("abs_histogram_", info(x.dtype).short_name);
  context.made_by({kernel.c_str(), name(x.dtype), "float32", "int64"});
  for (int i = 0; i < 3; ++i) {
    const TensorView& counts = context.out(i);
    HALFTONE_TRY(vendor::fill_async(counts.data, 0,
                                    static_cast<size_t>(counts.elements()) * sizeof(int64_t),
                                    context.stream()));
  }
  const int64_t n = x.elements();
  if (n == 0) return {};
  // Each block adds all its counts at the end, so it takes many elements first: 64 for each thread.
  const unsigned grid = device::elementwise_grid(context.properties(), n, 64);
  const int32_t bins = static_cast<int32_t>(p.bins), copies = copies_of(p.bins);
  return dispatch_real(x.dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    return device::launch(
        "abs_histogram", abs_histogram<T>, grid, device::kElementwiseThreads,
        static_cast<size_t>(bins) * static_cast<size_t>(copies) * sizeof(uint32_t),
        context.stream(), x.as<T>(), context.in(1).as<float>(), bins, copies,
        context.out(0).as<unsigned long long>(), context.out(1).as<unsigned long long>(),
        context.out(2).as<unsigned long long>(), n, device::aligned16(x.data));
  });
}

}  // namespace

std::vector<CudaOp> abs_histogram_cuda_ops() {
  return {cuda_op<AbsHistogram, abs_histogram_cuda>()};
}

}  // namespace halftone
