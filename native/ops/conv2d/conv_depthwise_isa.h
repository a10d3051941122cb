// Depthwise convolutions: one input channel for each group, so there is nothing for a matrix
// product to share.
#pragma once
#include <cstdint>

#include "core/cpu_features.h"

namespace halftone {

/// NHWC: a row of windows. x points to column 0 of the first tap row that lies inside the image, w
/// to that tap row.
template <class T>
struct DepthwiseRow {
  const T* x = nullptr;
  const T* w = nullptr;
  int64_t rows = 0, row_step = 0;  // tap rows inside; elements from one to the next, in x
  int64_t columns = 0, out = 0, in = 0;
  int64_t stride = 1, dilation = 1, before = 0;
  int64_t channels = 1;
};

/// NCHW: windows of one channel whose taps lie at fixed distances (conv_planes.h).
template <class T>
struct DepthwiseWindows {
  const T* x = nullptr;
  const int64_t* offset = nullptr;  // [taps]: of each tap, from the window
  const T* w = nullptr;
  int64_t taps = 0;
  int64_t windows = 0;
};

/// So many elements may be read behind the last window's taps, and written behind its sum.
inline constexpr int64_t kDepthwiseWidth = 32;

/// T: float, int32_t (values of x and w from -255 to 255), or uint16_t for float16 bits. Terms come
/// in the order of the taps.
///   float: acc = acc + x * w, two roundings. int32_t: modulo 2^32. float16: acc = fma_f16(x, w,
///   acc).
template <class T>
struct DepthwiseKernels {
  /// x [h, in, channels], w [rows, columns, channels], sums [out, channels]. Taps outside of the
  /// image are skipped.
  void (*nhwc)(const DepthwiseRow<T>& row, T* sums) = nullptr;
  /// x [position], w [taps], sums [windows].
  void (*nchw)(const DepthwiseWindows<T>& call, T* sums) = nullptr;
};

HALFTONE_ISA_DECLARE(DepthwiseKernels<float> depthwise_f32();)
HALFTONE_ISA_DECLARE(DepthwiseKernels<int32_t> depthwise_s32();)
/// Without kernels where the CPU has no float16 arithmetic.
HALFTONE_ISA_DECLARE(DepthwiseKernels<uint16_t> depthwise_f16();)

}  // namespace halftone
