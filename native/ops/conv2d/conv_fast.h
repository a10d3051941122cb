// The fast kernels of conv2d. All compute what the plain kernels compute; float32 sums in another
// order.
#pragma once
#include <memory>

#include "core/kernel.h"
#include "ops/conv2d/conv_plain.h"

namespace halftone {

/// What ran, for made_by().
struct ConvReport {
  char kernel[96] = {};
  uint64_t workspace_bytes = 0;
};

/// The first operand as float32 in memory of the call, where a kernel wants neighbours in vectors
/// whatever their dtype.
class WidenedImages {
 public:
  /// float32 is taken as it is, unless it must be rounded to tf32.
  WidenedImages(const ConvGeometry&, const ConvCall&, const KernelContext&, bool tf32);
  const float* data() const { return data_; }
  uint64_t bytes() const { return bytes_; }

 private:
  const float* data_ = nullptr;
  std::unique_ptr<float[]> copy_;
  uint64_t bytes_ = 0;
};

/// Depthwise convolutions with float32 sums: float32, float16, bfloat16; NHWC with one filter per
/// channel.
bool conv2d_depthwise_offered(const ConvGeometry&, const ConvOptions&, const ConvCall&);
ConvReport conv2d_depthwise(const ConvGeometry&, const ConvOptions&, const ConvCall&,
                            const KernelContext&);

/// Any convolution as a matrix product of patches and filters, one per group. May throw
/// std::bad_alloc. The output must not be empty.
ConvReport conv2d_product(const ConvGeometry&, const ConvOptions&, const ConvCall&,
                          const KernelContext&);
ConvReport conv2d_backward_input_product(const ConvGeometry&, const ConvOptions&, const ConvCall&,
                                         const KernelContext&);
ConvReport conv2d_backward_filter_product(const ConvGeometry&, const ConvOptions&, const ConvCall&,
                                          const KernelContext&);

}  // namespace halftone
