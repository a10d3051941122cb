// Convolutions by the definition, one thread per result: any layout, geometry and arithmetic, empty
// sums included. They run where no fast kernel applies, and repair what those cannot get right:
// results whose windows reach into the padding, which fast kernels multiply as zeros where the
// definition skips it. That shows as a NaN (0 * Infinity, 0 * NaN) and, in float16 sums, which are
// exact to the bit, as the sign of a zero.
#pragma once
#include <bit>

#include "device/half.h"
#include "ops/conv2d/conv_geometry.h"
#include "ops/conv2d/conv_sums.h"

namespace halftone {

// ---- arithmetic ----

/// Float32 with 10 fraction bits: nearest, ties away from zero, as cvt.rna.tf32.f32. NaN and
/// infinity are kept.
HALFTONE_HD float device_round_tf32(float v) {
  const uint32_t u = std::bit_cast<uint32_t>(v);
  if ((u & 0x7f800000u) == 0x7f800000u) return v;
  return std::bit_cast<float>((u + 0x1000u) & 0xffffe000u);
}

/// Inputs widened exactly; a chain of float32 fused multiply-adds.
struct DirectF32 {
  using Acc = float;
  template <class A, class B>
  HALFTONE_HD float term(A a, B b, float acc) {
    return fmaf(device::to_float(a), device::to_float(b), acc);
  }
};
/// The same after rounding both factors to tf32.
struct DirectTf32 {
  using Acc = float;
  HALFTONE_HD float term(float a, float b, float acc) {
    return fmaf(device_round_tf32(a), device_round_tf32(b), acc);
  }
};
/// One float16 rounding per term.
struct DirectF16 {
  using Acc = f16;
  HALFTONE_HD f16 term(f16 a, f16 b, f16 acc) { return device::fma(a, b, acc); }
};

/// Exact modulo 2^32: unsigned, because signed overflow is undefined.
struct DirectS32 {
  using Acc = uint32_t;
  template <class A, class B>
  HALFTONE_HD uint32_t term(A a, B b, uint32_t acc) {
    return acc + static_cast<uint32_t>(static_cast<int32_t>(a) * static_cast<int32_t>(b));
  }
};

/// Bias, residual and activation of a convolution's results. `bias` may be null, and so may
/// `residual`, which lies as the results and has their dtype.
struct ConvFinish {
  const void* bias = nullptr;
  DType bias_type = DType::kF32;
  bool relu = false;
  const void* residual = nullptr;
};

HALFTONE_HD float finish_bias(const ConvFinish& f, int64_t k) {
  if (f.bias_type == DType::kF16) return device::to_float(static_cast<const f16*>(f.bias)[k]);
  if (f.bias_type == DType::kBF16) return device::to_float(static_cast<const bf16*>(f.bias)[k]);
  return static_cast<const float*>(f.bias)[k];
}
/// The result at element `at`, of channel k. Float32 sums: bias, residual and activation in
/// float32, then the one rounding.
template <class Y>
HALFTONE_HD Y finish(const ConvFinish& f, int64_t k, int64_t at, float sum) {
  if (f.bias) sum += finish_bias(f, k);
  if (f.residual) sum += device::to_float(static_cast<const Y*>(f.residual)[at]);
  return device::from_float<Y>(f.relu && sum <= 0 ? 0.0f : sum);
}
/// Float16 sums: one float16 addition each.
template <class Y>
HALFTONE_HD Y finish(const ConvFinish& f, int64_t k, int64_t at, f16 sum) {
  if (f.bias) sum = device::add(sum, static_cast<const f16*>(f.bias)[k]);
  if (f.residual) sum = device::add(sum, static_cast<const f16*>(f.residual)[at]);
  return f.relu && device::to_float(sum) <= 0 ? Y{} : sum;
}

/// Integer sums, modulo 2^32.
template <class Y>
HALFTONE_HD Y finish(const ConvFinish& f, int64_t k, int64_t at, uint32_t sum) {
  if (f.bias) sum += static_cast<uint32_t>(static_cast<const int32_t*>(f.bias)[k]);
  if (f.residual) sum += static_cast<uint32_t>(static_cast<const int32_t*>(f.residual)[at]);
  const Y v = static_cast<Y>(sum);
  return f.relu && v < 0 ? 0 : v;
}

// ---- kernels ----

/// Which results are computed.
enum class Repair : int32_t {
  kAll,        // every one
  kNan,        // those that are NaN and whose window is not full
  kNanOrZero,  // and those that are zero
};

template <Repair kWhich, class Y>
HALFTONE_HD bool wants_repair(Y was) {
  const float v = device::to_float(was);
  return v != v || (kWhich == Repair::kNanOrZero && v == 0);
}

/// The place of result `i`, numbered in the order in which it lies in memory.
struct Place4 {
  int64_t n, c, h, w;
};
HALFTONE_HD Place4 place_of(int64_t i, const AxisOrder& axes, const int64_t (&sizes)[4]) {
  // By comparisons: an array that axes index would lie in memory.
  Place4 p{};
  for (int a = 3; a >= 0; --a) {
    const int64_t at = i % sizes[a];
    i /= sizes[a];
    if (axes.n == a) p.n = at;
    if (axes.c == a) p.c = at;
    if (axes.h == a) p.h = at;
    if (axes.w == a) p.w = at;
  }
  return p;
}

/// Sizes of the result along its axes, as they lie in memory, and what those axes are.
struct ResultAxes {
  AxisOrder axes{0, 1, 2, 3};
  int64_t sizes[4] = {};
  int64_t total = 0;
};

inline constexpr unsigned kDirectThreads = 256;

/// x, w -> y. `gate`: null, or a flag; nothing is done when it is 0.
template <class Sums, class X, class W, class Y, Repair kWhich>
__global__ void __launch_bounds__(kDirectThreads)
    conv2d_direct(ConvGeometry g, ResultAxes result, const X* x, const W* w, ConvFinish f, Y* y,
                  const int* gate) {
  if (gate && *gate == 0) return;
  const int64_t threads = static_cast<int64_t>(gridDim.x) * blockDim.x;
  for (int64_t i = static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x; i < result.total;
       i += threads) {
    const Place4 p = place_of(i, result.axes, result.sizes);
    if constexpr (kWhich != Repair::kAll)
      if ((g.h.full(p.h) && g.w.full(p.w)) || !wants_repair<kWhich>(y[i])) continue;
    y[i] = finish<Y>(f, p.c, i, output_sum<Sums>(g, x, w, p.n, p.c, p.h, p.w));
  }
}

/// dy, w -> dx.
template <class Sums, class D, class W, class X, Repair kWhich>
__global__ void __launch_bounds__(kDirectThreads)
    conv2d_backward_input_direct(ConvGeometry g, ResultAxes result, const D* dy, const W* w, X* dx,
                                 const int* gate) {
  if (gate && *gate == 0) return;
  const int64_t threads = static_cast<int64_t>(gridDim.x) * blockDim.x;
  for (int64_t i = static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x; i < result.total;
       i += threads) {
    const Place4 p = place_of(i, result.axes, result.sizes);
    if constexpr (kWhich != Repair::kAll)
      if (!wants_repair<kWhich>(dx[i])) continue;
    dx[i] = finish<X>(ConvFinish{}, 0, i, input_sum<Sums>(g, dy, w, p.n, p.c, p.h, p.w));
  }
}

/// x, dy -> dw.
template <class Sums, class X, class D, class W, Repair kWhich>
__global__ void __launch_bounds__(kDirectThreads)
    conv2d_backward_filter_direct(ConvGeometry g, ResultAxes result, const X* x, const D* dy, W* dw,
                                  const int* gate) {
  if (gate && *gate == 0) return;
  const int64_t threads = static_cast<int64_t>(gridDim.x) * blockDim.x;
  for (int64_t i = static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x; i < result.total;
       i += threads) {
    const Place4 p = place_of(i, result.axes, result.sizes);
    if constexpr (kWhich != Repair::kAll)
      if (!wants_repair<kWhich>(dw[i])) continue;
    dw[i] = finish<W>(ConvFinish{}, 0, i, filter_sum<Sums>(g, x, dy, p.n, p.c, p.h, p.w));
  }
}

}  // namespace halftone
