// The parts of conv2d on CUDA: cuDNN where its arithmetic is the one asked for, else kernels of our
// own.
#pragma once
#include <string>

#include "device/context.h"
#include "ops/conv2d/conv_plain.h"

namespace halftone {

/// Which of the three tensors of a convolution is computed from the other two.
enum class ConvResult : int32_t { kOutput, kInput, kFilter };

/// A call, resolved. Memory is the device's.
struct ConvTask {
  ConvResult result = ConvResult::kOutput;
  ConvOptions options;
  ConvGeometry g;
  ConvCall call;

  Shape a_shape() const;    // of call.a
  Shape b_shape() const;    // of call.b
  Shape out_shape() const;  // of call.out
};

/// What made a result, gathered while it is made.
struct ConvMade {
  bool done = false;
  std::string kernel;
  const char* library = "halftone-cuda";
  std::string version;  // of the library, when it is not ours
  bool tensor_cores = false;
  uint64_t workspace_bytes = 0;
};

// ---- conv2d_dnn_cuda.cu ----

/// By cuDNN, if it has an engine whose arithmetic is that of `task`; else leaves made->done false.
Status conv2d_by_dnn(const ConvTask& task, DeviceContext& context, ConvMade* made);

// ---- conv2d_own_cuda.cu: kernels of our own, for everything that infer() lets through ----

/// One thread per result.
Status conv2d_by_definition(const ConvTask& task, DeviceContext& context, ConvMade* made);
/// conv2d with compute 'float16' by the tiled kernel (conv2d_tiles_cuda.cu); every geometry with at
/// least one term. Bit for bit the CPU's result.
Status conv2d_by_tiles(const ConvTask& task, DeviceContext& context, ConvMade* made);
/// Makes those results again that padding has turned to NaN (and, for `zeros_too`, whose zero may
/// have the wrong sign). `call.out` holds the finished results.
Status conv2d_repair(const ConvTask& task, DeviceContext& context, bool zeros_too);

/// to[i] = from[i] for dense tensors whose axes are ordered as given, widened when `to_type` is
/// wider.
Status conv2d_move(DeviceContext& context, const Shape& from_shape, AxisOrder from_axes,
                   DType from_type, const void* from, AxisOrder to_axes, DType to_type, void* to);
/// out = activation(sums + bias + residual), for sums in out's layout. Float32 sums: additions in
/// float32, one rounding. Float16 sums of compute 'float16': float16 additions.
Status conv2d_finish_sums(const ConvTask& task, DeviceContext& context, const void* sums,
                          DType sums_type);

}  // namespace halftone
