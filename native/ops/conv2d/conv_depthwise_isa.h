// Depthwise convolutions: one input channel for each group, so there is nothing for a matrix
// product to share.
#pragma once
#include <cstdint>

#include "core/cpu_features.h"

namespace halftone {

/// One row of windows. x points to (row of the first tap that lies inside the image, column 0);
/// rows is the number of taps inside, w points to the first of them. Sums are acc = acc + x * w
/// with two roundings, over kernel row and column.
struct DepthwiseRow {
  const float* x = nullptr;
  const float* w = nullptr;
  int64_t rows = 0, row_step = 0;  // row_step: elements from one tap row to the next, in x
  int64_t columns = 0, out = 0, in = 0;
  int64_t stride = 1, dilation = 1, before = 0;
  int64_t channels = 1;
};

/// NHWC: x [h, in, channels], w [rows, columns, channels], sums [out, channels].
HALFTONE_ISA_DECLARE(void depthwise_nhwc(const DepthwiseRow& row, float* sums);)
/// NCHW: one channel. x [h, in], w [rows, columns], sums [out].
HALFTONE_ISA_DECLARE(void depthwise_nchw(const DepthwiseRow& row, float* sums);)

}  // namespace halftone
