// Our own int8 convolution on CUDA: dp4a kernels for every layout, group count and sign.
#pragma once
#include "device/context.h"
#include "ops/conv2d/conv_plain.h"

namespace halftone {

/// What ran, for made_by(): library "halftone-cuda", multiply and accumulate "int32".
struct ConvDp4aReport {
  const char* kernel = "conv2d_empty";
  uint64_t workspace_bytes = 0;
};

/// Enqueues conv2d with compute 'int32': y = activation(sum of x * w + bias + residual), int32
/// modulo 2^32, padding is 0. call: a and b int8 or uint8 in any pairing, bias and residual int32
/// or absent, out int32; all in device memory.
Status conv2d_dp4a(DeviceContext&, const ConvGeometry&, const ConvOptions&, const ConvCall&,
                   ConvDp4aReport*);

}  // namespace halftone
