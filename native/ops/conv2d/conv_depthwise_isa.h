// Depthwise convolutions: one input channel for each group, so there is nothing for a matrix
// product to share.
#pragma once
#include <cstdint>

#include "core/cpu_features.h"

namespace halftone {

/// One row of windows. x points to column 0 of the first tap row that lies inside the image, w to
/// that tap row.
template <class T>
struct DepthwiseRow {
  const T* x = nullptr;
  const T* w = nullptr;
  int64_t rows = 0, row_step = 0;  // tap rows inside; elements from one to the next, in x
  int64_t columns = 0, out = 0, in = 0;
  int64_t stride = 1, dilation = 1, before = 0;
  int64_t channels = 1;
};

/// T: float, int32_t, or uint16_t for float16 bits. Terms come in the order kernel row, kernel
/// column.
///   float: acc = acc + x * w, two roundings. int32_t: modulo 2^32. float16: acc = fma_f16(x, w,
///   acc).
template <class T>
struct DepthwiseKernels {
  /// x [h, in, channels], w [rows, columns, channels], sums [out, channels].
  void (*nhwc)(const DepthwiseRow<T>& row, T* sums) = nullptr;
  /// One channel: x [h, in], w [rows, columns], sums [out].
  void (*nchw)(const DepthwiseRow<T>& row, T* sums) = nullptr;
};

HALFTONE_ISA_DECLARE(DepthwiseKernels<float> depthwise_f32();)
HALFTONE_ISA_DECLARE(DepthwiseKernels<int32_t> depthwise_s32();)
/// Without kernels where the CPU has no float16 arithmetic.
HALFTONE_ISA_DECLARE(DepthwiseKernels<uint16_t> depthwise_f16();)

}  // namespace halftone
