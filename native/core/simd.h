// What the loops of *_isa.cc files need that are written with intrinsics.
#pragma once

#if defined(__SSE2__)
#include <immintrin.h>
#endif

/// Internal linkage and forced inlining: a copy compiled for AVX-512 is never taken by code that
/// runs on an older CPU.
#define HALFTONE_INLINE static inline __attribute__((always_inline))

/// Arrays of vectors live in registers only when every loop over them is unrolled.
#if defined(__clang__)
#define HALFTONE_UNROLL _Pragma("unroll")
#else
#define HALFTONE_UNROLL _Pragma("GCC unroll 16")
#endif
