// Vectors as wide as the instruction set that an *_isa.cc file is compiled for, of any element
// type, by the compiler's vector extension.
#pragma once
#include <cstdint>

#include "core/simd.h"

namespace halftone::HALFTONE_ISA_NS {

#if defined(__AVX512BW__)
constexpr int kVectorBytes = 64;
#elif defined(__AVX2__)
constexpr int kVectorBytes = 32;
#else
constexpr int kVectorBytes = 16;
#endif

/// Read and written through pointers to elements, wherever these lie.
template <class T>
struct Vectors {
  using Scalar = T;
  typedef T Vector __attribute__((vector_size(kVectorBytes), aligned(sizeof(T)), may_alias));
  static constexpr int64_t kLanes = kVectorBytes / static_cast<int64_t>(sizeof(T));
};

}  // namespace halftone::HALFTONE_ISA_NS
