#include "ops/conv2d/conv_fast.h"

namespace halftone {

WidenedImages::WidenedImages(const ConvGeometry& g, const ConvCall& call,
                             const KernelContext& context) {
  const int64_t n = g.batch * g.in_channels * g.h.in * g.w.in;
  copy_ = std::make_unique_for_overwrite<float[]>(static_cast<size_t>(n));
  bytes_ = static_cast<uint64_t>(n) * sizeof(float);
  context.parallel_for(n, 1 << 15, [&](int64_t first, int64_t last) {
    float* to = copy_.get() + first;
    if (call.a_type == DType::kF16)
      convert(static_cast<const f16*>(call.a) + first, to, last - first);
    else
      convert(static_cast<const bf16*>(call.a) + first, to, last - first);
  });
}

}  // namespace halftone
