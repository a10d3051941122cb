// float16 and bfloat16 on the device: conversions, and arithmetic on pairs. On the host the same
// functions are built from core/half.h, so that emulated kernels round as the hardware does.
//
// NaN: the device's conversions give the one quiet NaN 0x7fff, the host's keep sign and payload.
#pragma once
#include "core/half.h"
#include "device/device.h"

namespace halftone::device {

// ---- single values: to float exactly, from float to nearest even ----

HALFTONE_HD float to_float(float v) { return v; }
HALFTONE_HD float to_float(f16 v) {
#if defined(__CUDA_ARCH__)
  return __half2float(__ushort_as_half(v.bits));
#else
  return halftone::to_float(v);
#endif
}
HALFTONE_HD float to_float(bf16 v) {
#if defined(__CUDA_ARCH__)
  return __uint_as_float(static_cast<unsigned>(v.bits) << 16);
#else
  return halftone::to_float(v);
#endif
}

/// Rounds to T (float, f16, bf16): nearest, ties to even; overflows to infinity.
template <class T>
HALFTONE_HD T from_float(float v) {
  if constexpr (sizeof(T) == sizeof(float)) {
    return v;
  } else if constexpr (std::is_same_v<T, f16>) {
#if defined(__CUDA_ARCH__)
    return {__half_as_ushort(__float2half_rn(v))};
#else
    return to_f16(v);
#endif
  } else {
#if defined(__CUDA_ARCH__)
    return {__bfloat16_as_ushort(__float2bfloat16_rn(v))};
#else
    return to_bf16(v);
#endif
  }
}

/// a * b + c, rounded once to float16.
HALFTONE_HD f16 fma(f16 a, f16 b, f16 c) {
#if defined(__CUDA_ARCH__)
  return {__half_as_ushort(
      __hfma(__ushort_as_half(a.bits), __ushort_as_half(b.bits), __ushort_as_half(c.bits)))};
#else
  return fma_f16(a, b, c);
#endif
}
/// a + b, rounded once.
HALFTONE_HD f16 add(f16 a, f16 b) {
#if defined(__CUDA_ARCH__)
  return {__half_as_ushort(__hadd_rn(__ushort_as_half(a.bits), __ushort_as_half(b.bits)))};
#else
  return to_f16(halftone::to_float(a) + halftone::to_float(b));
#endif
}
HALFTONE_HD f16 mul(f16 a, f16 b) {
#if defined(__CUDA_ARCH__)
  return {__half_as_ushort(__hmul_rn(__ushort_as_half(a.bits), __ushort_as_half(b.bits)))};
#else
  return to_f16(halftone::to_float(a) * halftone::to_float(b));
#endif
}

// ---- pairs ----

/// Two float16, `x` in the low half. One register.
struct alignas(4) f16x2 {
  f16 x, y;
};

HALFTONE_HD f16x2 pair(f16 v) { return {v, v}; }

#if defined(__CUDACC__)
namespace detail {
__device__ __forceinline__ __half2 h2(f16x2 v) {
  return __halves2half2(__ushort_as_half(v.x.bits), __ushort_as_half(v.y.bits));
}
__device__ __forceinline__ f16x2 from(__half2 v) {
  return {{__half_as_ushort(__low2half(v))}, {__half_as_ushort(__high2half(v))}};
}
}  // namespace detail
#endif

/// Per half: a * b + c with one rounding. HFMA2.
HALFTONE_HD f16x2 fma(f16x2 a, f16x2 b, f16x2 c) {
#if defined(__CUDA_ARCH__)
  return detail::from(__hfma2(detail::h2(a), detail::h2(b), detail::h2(c)));
#else
  return {fma_f16(a.x, b.x, c.x), fma_f16(a.y, b.y, c.y)};
#endif
}
HALFTONE_HD f16x2 add(f16x2 a, f16x2 b) {
#if defined(__CUDA_ARCH__)
  return detail::from(__hadd2_rn(detail::h2(a), detail::h2(b)));
#else
  return {add(a.x, b.x), add(a.y, b.y)};
#endif
}
HALFTONE_HD f16x2 mul(f16x2 a, f16x2 b) {
#if defined(__CUDA_ARCH__)
  return detail::from(__hmul2_rn(detail::h2(a), detail::h2(b)));
#else
  return {mul(a.x, b.x), mul(a.y, b.y)};
#endif
}

}  // namespace halftone::device
