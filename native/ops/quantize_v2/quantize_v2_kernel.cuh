// TensorFlow's quantized types: kernels that derive a channel's constants, and elements for
// device::map_channels. All arithmetic is that of range.h.
#pragma once
#include "device/channels.h"
#include "device/half.h"
#include "ops/quantize_v2/range.h"

namespace halftone {

/// One thread for each channel; the ends of the ranges go to `to_min` and `to_max` too.
__global__ void __launch_bounds__(256)
    quantize_v2_ranges(QuantizeV2::Params p, const float* min, const float* max, int64_t channels,
                       QuantizeRange* out, float* to_min, float* to_max) {
  const int64_t c = static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (c >= channels) return;
  const QuantizeRange r = quantize_range(p, min[c], max[c]);
  out[c] = r;
  to_min[c] = r.min;
  to_max[c] = r.max;
}

/// One thread for each channel.
__global__ void __launch_bounds__(256)
    dequantize_v2_ranges(DequantizeV2::Params p, DType q, const float* min, const float* max,
                         int64_t channels, DequantizeRange* out) {
  const int64_t c = static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (c < channels) out[c] = dequantize_range(p, q, min[c], max[c]);
}

/// The codes that bound a QuantizedRelu.
struct ReluCodes {
  int64_t low, high;
};
__global__ void quantized_relu_codes(double max_value, DType codes, const float* min,
                                     const float* max, ReluCodes* out) {
  const CodeRange all = code_range(codes);
  const double count = steps(codes);
  out->low = code_in_range(0.0f, *min, *max, all, count);
  out->high = std::isinf(max_value)
                  ? all.high
                  : code_in_range(static_cast<float>(max_value), *min, *max, all, count);
}

__global__ void requantize_v2_range(const float* min, const float* max, const float* to_min,
                                    const float* to_max, RequantizeRange* out) {
  *out = requantize_range(*min, *max, *to_min, *to_max);
}

template <class Out>
struct QuantizeV2Element {
  const QuantizeRange* ranges;
  QuantizeStep step;
  float half;
  CodeRange ends;

  using Channel = QuantizeRange;
  __device__ Channel channel(int64_t c) const { return ranges[c]; }
  __device__ Out operator()(const Channel& r, float x) const {
    using W = std::conditional_t<sizeof(Out) == 4, double, float>;  // holds the ends exactly
    const W t = static_cast<W>(quantize_real(step, r, half, x));
    return static_cast<Out>(rounds_even(step) ? quantize_code<false>(t, 0, ends.low, ends.high)
                                              : quantize_code<true>(t, 0, ends.low, ends.high));
  }
};

template <class In, class Out>
struct DequantizeV2Element {
  const DequantizeRange* ranges;

  using Channel = DequantizeRange;
  __device__ Channel channel(int64_t c) const { return ranges[c]; }
  __device__ Out operator()(const Channel& r, In q) const {
    return device::from_float<Out>(dequantize_real(r, static_cast<float>(q)));
  }
};

template <class T>
struct QuantizedReluElement {
  const ReluCodes* codes;

  struct Channel {
    T low, high;
  };
  __device__ Channel channel(int64_t) const {
    return {static_cast<T>(codes->low), static_cast<T>(codes->high)};
  }
  __device__ T operator()(const Channel& c, T x) const {
    const T above = x < c.low ? c.low : x;
    return c.high < above ? c.high : above;
  }
};

struct RequantizeV2Element {
  const RequantizeRange* range;

  using Channel = RequantizeRange;
  __device__ Channel channel(int64_t) const { return *range; }
  __device__ uint8_t operator()(const Channel& r, int32_t x) const { return requantize_code(x, r); }
};

}  // namespace halftone
