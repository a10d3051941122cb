// Functions that CPU and CUDA kernels share. HALFTONE_HD gives internal linkage and forced
// inlining, so that a copy compiled for AVX-512 is never taken by code that runs on an older CPU.
#pragma once

#if defined(__CUDACC__)
#define HALFTONE_HD static __forceinline__ __host__ __device__
#elif defined(__GNUC__)
#define HALFTONE_HD [[maybe_unused]] static inline __attribute__((always_inline))
#else
#define HALFTONE_HD [[maybe_unused]] static inline
#endif
