// What conv2dInt8 adds to the convolution's kernels: the end of each sum, and the numbers that meet
// it.
#pragma once
#include "device/dp4a_tile.h"
#include "device/half.h"
#include "ops/conv2d_int8/conv2d_int8_finish.h"

namespace halftone {

enum class ConvScale : int32_t { kFloat, kDouble, kFixed };
enum class ConvResultType : int32_t { kS8, kU8, kF32, kF16 };

/// Stores what (sum + offset[channel]) * scale becomes. One type for all variants: they differ in
/// branches that all threads take alike, once per output, and each kernel is compiled once.
struct ConvInt8Finish {
  static constexpr bool kLong = true;
  void* y = nullptr;
  const void* scale = nullptr;
  const int32_t* offset = nullptr;  // nullptr: 0
  int64_t scale_step = 0;           // 0: one scale for all channels
  ConvScale kind = ConvScale::kFloat;
  ConvResultType type = ConvResultType::kS8;
  bool relu = false;  // of floats
  ConvCodes codes;

  __device__ __forceinline__ void operator()(int64_t at, int64_t channel, int32_t sum) const {
    if (offset)
      sum =
          static_cast<int32_t>(static_cast<uint32_t>(sum) + static_cast<uint32_t>(offset[channel]));
    const int64_t i = channel * scale_step;
    if (type == ConvResultType::kF32 || type == ConvResultType::kF16) {
      const float v = conv_real(sum, static_cast<const float*>(scale)[i], relu);
      if (type == ConvResultType::kF32)
        static_cast<float*>(y)[at] = v;
      else
        static_cast<f16*>(y)[at] = device::from_float<f16>(v);
      return;
    }
    const int32_t code = kind == ConvScale::kFloat
                             ? conv_code(sum, static_cast<const float*>(scale)[i], codes)
                         : kind == ConvScale::kDouble
                             ? conv_code(sum, static_cast<const double*>(scale)[i], codes)
                             : conv_code(sum, static_cast<const FixedPoint*>(scale)[i], codes);
    static_cast<uint8_t*>(y)[at] = static_cast<uint8_t>(code);  // the low byte, of either sign
  }
};

/// offset[channel] = bias - zero * (sum of the channel's filter), modulo 2^32. A warp per channel;
/// filters as conv2d_s8_dp4a_tile128 takes them, `line` bytes each; bias may be nullptr.
template <bool kWUnsigned>
__global__ void __launch_bounds__(256)
    conv_int8_offsets(const uint8_t* w, int64_t line, int64_t channels, const int32_t* bias,
                      int32_t zero, int32_t* offset) {
  const int64_t channel = int64_t{blockIdx.x} * 8 + threadIdx.x / 32;
  if (channel >= channels) return;  // a whole warp
  int32_t sum = 0;
  for (int64_t i = threadIdx.x % 32 * 4; i < line; i += 128)
    sum =
        device::dot4<kWUnsigned, false>(device::load_word(w + channel * line + i), 0x01010101, sum);
#pragma unroll
  for (int width = 16; width > 0; width /= 2)
    sum = static_cast<int32_t>(static_cast<uint32_t>(sum) +
                               static_cast<uint32_t>(__shfl_xor_sync(~0u, sum, width)));
  if (threadIdx.x % 32 == 0)
    offset[channel] =
        static_cast<int32_t>((bias ? static_cast<uint32_t>(bias[channel]) : 0u) -
                             static_cast<uint32_t>(zero) * static_cast<uint32_t>(sum));
}

}  // namespace halftone
