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

template <class T>
struct Vectors {
  using Scalar = T;
  typedef T Vector __attribute__((vector_size(kVectorBytes)));
  static constexpr int64_t kLanes = kVectorBytes / static_cast<int64_t>(sizeof(T));

  /// From and to elements of any type of this size, wherever they lie.
  HALFTONE_INLINE Vector load(const void* from) {
    Vector v;
    __builtin_memcpy(&v, from, sizeof v);
    return v;
  }
  HALFTONE_INLINE void store(void* to, const Vector& v) { __builtin_memcpy(to, &v, sizeof v); }
};

}  // namespace halftone::HALFTONE_ISA_NS
