// The fast kernels of conv2d. All compute what the plain kernels compute; float32 sums in another
// order.
#pragma once
#include "core/kernel.h"
#include "ops/conv2d/conv_plain.h"

namespace halftone {

/// What ran, for made_by().
struct ConvReport {
  char kernel[96] = {};
  uint64_t workspace_bytes = 0;
};

/// Any convolution as a matrix product of patches and filters, one per group. May throw
/// std::bad_alloc. The output must not be empty.
ConvReport conv2d_product(const ConvGeometry&, const ConvOptions&, const ConvCall&,
                          const KernelContext&);
ConvReport conv2d_backward_input_product(const ConvGeometry&, const ConvOptions&, const ConvCall&,
                                         const KernelContext&);
ConvReport conv2d_backward_filter_product(const ConvGeometry&, const ConvOptions&, const ConvCall&,
                                          const KernelContext&);

}  // namespace halftone
