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

/// Images as float32 in memory of the call, where a kernel wants neighbours in vectors
/// whatever their dtype.
class WidenedImages {
 public:
  /// The first operand must be float16 or bfloat16.
  WidenedImages(const ConvGeometry&, const ConvCall&, const KernelContext&);
  const float* data() const { return copy_.get(); }
  uint64_t bytes() const { return bytes_; }

 private:
  std::unique_ptr<float[]> copy_;
  uint64_t bytes_ = 0;
};

/// Whether conv2d_depthwise() takes this call: depthwise, for NHWC one filter per channel, float16
/// sums in hardware.
bool conv2d_depthwise_offered(const ConvGeometry&, const ConvOptions&, const ConvCall&);
ConvReport conv2d_depthwise(const ConvGeometry&, const ConvOptions&, const ConvCall&,
                            const KernelContext&);

/// Whether conv2d_planes() takes this call and is faster than conv2d_product(): NCHW, float32 sums.
bool conv2d_planes_offered(const ConvGeometry&, const ConvOptions&, const ConvCall&);
ConvReport conv2d_planes(const ConvGeometry&, const ConvOptions&, const ConvCall&,
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
