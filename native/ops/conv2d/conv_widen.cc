#include "ops/conv2d/conv_arithmetic.h"
#include "ops/conv2d/conv_fast.h"

namespace halftone {

WidenedImages::WidenedImages(const ConvGeometry& g, const ConvCall& call,
                             const KernelContext& context, bool tf32) {
  if (call.a_type == DType::kF32 && !tf32) {
    data_ = static_cast<const float*>(call.a);
    return;
  }
  const int64_t n = g.batch * g.in_channels * g.h.in * g.w.in;
  copy_ = std::make_unique_for_overwrite<float[]>(static_cast<size_t>(n));
  bytes_ = static_cast<uint64_t>(n) * sizeof(float);
  data_ = copy_.get();
  context.parallel_for(n, 1 << 15, [&](int64_t first, int64_t last) {
    float* to = copy_.get() + first;
    if (call.a_type == DType::kF16)
      convert(static_cast<const f16*>(call.a) + first, to, last - first);
    if (call.a_type == DType::kBF16)
      convert(static_cast<const bf16*>(call.a) + first, to, last - first);
    if (call.a_type == DType::kF32)
      for (int64_t i = first; i < last; ++i)
        copy_[static_cast<size_t>(i)] = round_tf32(static_cast<const float*>(call.a)[i]);
  });
}

}  // namespace halftone
