// Chains of one instruction, to measure how many of them the device completes in a second.
//
// A chain turns a pair (x, y) by a small angle, x += turn * y; y -= turn * x: two instructions of
// which each needs the one before. Its values stay bounded, never settle, and are the same bits on
// the host: what a kernel returned can be checked, so its work cannot have been left out.
#pragma once
#include <cmath>

#include "device/half.h"

namespace halftone::cuda {

// 8 chains in each thread and 8 warps on each of four schedulers: 64 independent instructions, for
// pipes that take one every cycle or two and need 4 to 8 cycles for it.
inline constexpr int kPeakChains = 8;
inline constexpr int kPeakThreads = 1024;
// Turns between two tests of the loop's end: 2 * 8 * 8 = 128 instructions to 3 or 4 of the loop.
inline constexpr int kPeakUnroll = 8;

/// FFMA.
struct FmaF32 {
  using Value = float;
  static constexpr int kOperations = 2;
  HALFTONE_HD Value start(uint32_t n) { return 1.0f + 0.0078125f * static_cast<float>(n % 128); }
  HALFTONE_HD Value turn() { return 0.25f; }
  HALFTONE_HD Value add(Value turn, Value y, Value x) { return fmaf(turn, y, x); }
  HALFTONE_HD Value subtract(Value turn, Value x, Value y) { return fmaf(-turn, x, y); }
  HALFTONE_HD uint32_t bits(Value v) {
#if defined(__CUDA_ARCH__)
    return __float_as_uint(v);
#else
    return std::bit_cast<uint32_t>(v);
#endif
  }
};

/// HFMA2: two multiply-adds.
struct FmaF16x2 {
  using Value = device::f16x2;
  static constexpr int kOperations = 4;
  HALFTONE_HD Value start(uint32_t n) {
    const uint16_t one = 0x3c00;  // and the following values are 2^-10 apart
    return {{static_cast<uint16_t>(one + n % 512)}, {static_cast<uint16_t>(one + n % 511)}};
  }
  HALFTONE_HD Value turn() { return device::pair(f16{0x3400}); }  // 0.25
  HALFTONE_HD Value add(Value turn, Value y, Value x) { return device::fma(turn, y, x); }
  HALFTONE_HD Value subtract(Value turn, Value x, Value y) {
    // The sign is that of the product: exact, and a modifier of the instruction.
    const uint16_t sign = 0x8000;
    return device::fma(Value{{static_cast<uint16_t>(turn.x.bits ^ sign)},
                             {static_cast<uint16_t>(turn.y.bits ^ sign)}},
                       x, y);
  }
  HALFTONE_HD uint32_t bits(Value v) {
    return static_cast<uint32_t>(v.y.bits) << 16 | static_cast<uint32_t>(v.x.bits);
  }
};

/// dp4a: four products of signed bytes, added to an int32 modulo 2^32.
struct Dot4S8 {
  using Value = int32_t;
  static constexpr int kOperations = 8;
  HALFTONE_HD Value start(uint32_t n) {
    return static_cast<int32_t>(0x01020304u + 0x9e3779b9u * n);
  }
  HALFTONE_HD Value turn() { return 0x7f03fb81; }  // bytes 127, 3, -5, -127
  HALFTONE_HD Value add(Value turn, Value y, Value x) { return device::dot4_s8s8(turn, y, x); }
  HALFTONE_HD Value subtract(Value turn, Value x, Value y) { return device::dot4_s8s8(turn, x, y); }
  HALFTONE_HD uint32_t bits(Value v) { return static_cast<uint32_t>(v); }
};

/// What thread `n` of peak_chains computes: 2 * kPeakChains * kPeakUnroll * rounds instructions of
/// kOperations operations each, and all final values in one word. rounds >= 0.
template <class Step>
HALFTONE_HD uint32_t peak_thread(uint32_t n, typename Step::Value turn, int64_t rounds) {
  typename Step::Value x[kPeakChains], y[kPeakChains];
#if defined(__CUDA_ARCH__)
#pragma unroll
#endif
  for (int i = 0; i < kPeakChains; ++i) {
    x[i] = Step::start(n * 2 * kPeakChains + static_cast<uint32_t>(2 * i));
    y[i] = Step::start(n * 2 * kPeakChains + static_cast<uint32_t>(2 * i + 1));
  }
#if defined(__CUDA_ARCH__)
#pragma unroll 1
#endif
  for (int64_t r = 0; r < rounds; ++r) {
#if defined(__CUDA_ARCH__)
#pragma unroll
#endif
    for (int u = 0; u < kPeakUnroll; ++u) {
#if defined(__CUDA_ARCH__)
#pragma unroll
#endif
      for (int i = 0; i < kPeakChains; ++i) x[i] = Step::add(turn, y[i], x[i]);
#if defined(__CUDA_ARCH__)
#pragma unroll
#endif
      for (int i = 0; i < kPeakChains; ++i) y[i] = Step::subtract(turn, x[i], y[i]);
    }
  }
  uint32_t all = 0;
#if defined(__CUDA_ARCH__)
#pragma unroll
#endif
  for (int i = 0; i < kPeakChains; ++i)
    all = (all ^ Step::bits(x[i])) * 16777619u ^ Step::bits(y[i]);  // FNV's prime mixes
  return all;
}

/// out: one word of each thread. `turn` (one value, Step::turn()) comes from memory, so that it is
/// in a register like the other operands.
template <class Step>
__global__ void __launch_bounds__(kPeakThreads)
    peak_chains(const typename Step::Value* turn, uint32_t* out, int64_t rounds) {
  const uint32_t n = blockIdx.x * blockDim.x + threadIdx.x;
  out[n] = peak_thread<Step>(n, *turn, rounds);
}

}  // namespace halftone::cuda
