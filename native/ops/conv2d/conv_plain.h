// The plain kernels of conv2d and its gradients: loops over the definition, for any layout, dtype
// and geometry. They are the reference for the fast kernels, and run themselves where no fast
// kernel applies.
#pragma once
#include <cstdint>

#include "ops/conv2d/conv2d.h"

namespace halftone {

/// One call: tensors as raw memory. a, b, out are (x, w, y), (dy, w, dx) or (x, dy, dw).
struct ConvCall {
  const void* a = nullptr;
  DType a_type = DType::kF32;
  const void* b = nullptr;
  DType b_type = DType::kF32;
  const void* bias = nullptr;  // may be absent
  DType bias_type = DType::kF32;
  const void* residual = nullptr;  // may be absent; lies as `out` and has its dtype
  void* out = nullptr;
  DType out_type = DType::kF32;
  Compute compute = Compute::kFloat32;
  Activation activation = Activation::kNone;
};

/// Rows are numbered through all but the last spatial axis; [first, last) of them are computed.
/// Rows are independent. conv2d: batch * out_channels * out_h rows. Backward input: batch *
/// in_channels * in_h. Backward filter: out_channels * group_in * kernel_h.
void conv2d_plain(const ConvGeometry&, const ConvCall&, int64_t first, int64_t last);
void conv2d_backward_input_plain(const ConvGeometry&, const ConvCall&, int64_t first, int64_t last);
void conv2d_backward_filter_plain(const ConvGeometry&, const ConvCall&, int64_t first,
                                  int64_t last);

/// One sum of a float convolution, before bias and activation: of y[n, k, oh, ow], dx[n, c, ih,
/// iw], dw[k, c, r, s].
float conv2d_plain_sum(const ConvGeometry&, const ConvCall&, int64_t n, int64_t k, int64_t oh,
                       int64_t ow);
float conv2d_backward_input_plain_sum(const ConvGeometry&, const ConvCall&, int64_t n, int64_t c,
                                      int64_t ih, int64_t iw);
float conv2d_backward_filter_plain_sum(const ConvGeometry&, const ConvCall&, int64_t k, int64_t c,
                                       int64_t r, int64_t s);

}  // namespace halftone
