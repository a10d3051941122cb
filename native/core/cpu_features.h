// What the CPU can do, and which copy of an ISA-specific function to call.
//
// Sources named *_isa.cc are compiled once per level of `Isa` (cmake/isa.cmake), each time with its
// contents in the namespace of that level. Their functions are declared and called like this:
//
//   HALFTONE_ISA_DECLARE(void scale(const float* in, float* out, int64_t n);)     // x_isa.h
//   namespace HALFTONE_ISA_NS { void scale(...) {...} }                           // x_isa.cc
//   HALFTONE_ISA_PICK(scale)(in, out, n);                                         // x_cpu.cc
#pragma once
#include <cstdint>
#include <span>

namespace halftone {

/// Levels of instruction sets, each a superset of those before it.
enum class Isa : int32_t {
  kBaseline = 0,    // what every CPU of the architecture has
  kAvx2 = 1,        // AVX2, FMA, F16C, BMI2
  kAvx512 = 2,      // and AVX-512 F, BW, VL, DQ
  kAvx512Fp16 = 3,  // and AVX-512 FP16
};
inline constexpr int kIsaCount = 4;
inline constexpr const char* kIsaNames[kIsaCount] = {"baseline", "avx2", "avx512", "avx512fp16"};
constexpr const char* name(Isa isa) { return kIsaNames[static_cast<int>(isa)]; }

/// The highest level that the CPU and the operating system offer, that this build contains, and
/// that does not exceed HALFTONE_CPU_ISA=baseline|avx2|avx512|avx512fp16. One atomic load: ask at
/// each call, keep no copy.
Isa cpu_isa();

/// cpu_isa() without the bound of the environment variable or of limit_cpu_isa().
Isa best_cpu_isa();

/// Lowers cpu_isa() to at most `bound` from now on, for tests and benchmarks that compare the
/// levels. Returns the bound it replaces. No kernel may be running.
Isa limit_cpu_isa(Isa bound);

/// The value of HALFTONE_CPU_ISA when it names no level (it is ignored then), else nullptr.
const char* unknown_cpu_isa_request();

/// One instruction set extension, for people to read.
struct CpuFeature {
  const char* name;  // "avx512f"
  bool available;    // in the CPU, and its registers are saved by the operating system
};
/// All extensions that Halftone's kernels use or may come to use on this architecture.
std::span<const CpuFeature> cpu_features();

namespace detail {

template <class F>
F* pick_isa(F* baseline, F* avx2, F* avx512, F* avx512fp16) {
  F* const all[kIsaCount] = {baseline, avx2, avx512, avx512fp16};
  int i = static_cast<int>(cpu_isa());
  while (!all[i]) --i;  // a level that was not compiled; baseline always is
  return all[i];
}

}  // namespace detail
}  // namespace halftone

#define HALFTONE_ISA_DECLARE(...) \
  namespace baseline {            \
  __VA_ARGS__                     \
  }                               \
  namespace avx2 {                \
  __VA_ARGS__                     \
  }                               \
  namespace avx512 {              \
  __VA_ARGS__                     \
  }                               \
  namespace avx512fp16 {          \
  __VA_ARGS__                     \
  }

#if HALFTONE_HAVE_AVX2
#define HALFTONE_IN_AVX2(function) &avx2::function
#else
#define HALFTONE_IN_AVX2(function) nullptr
#endif
#if HALFTONE_HAVE_AVX512
#define HALFTONE_IN_AVX512(function) &avx512::function
#else
#define HALFTONE_IN_AVX512(function) nullptr
#endif
#if HALFTONE_HAVE_AVX512FP16
#define HALFTONE_IN_AVX512FP16(function) &avx512fp16::function
#else
#define HALFTONE_IN_AVX512FP16(function) nullptr
#endif

/// A pointer to the copy of `function` for cpu_isa(). To be used inside namespace halftone.
#define HALFTONE_ISA_PICK(function)                                                  \
  (::halftone::detail::pick_isa<decltype(baseline::function)>(                       \
      &baseline::function, HALFTONE_IN_AVX2(function), HALFTONE_IN_AVX512(function), \
      HALFTONE_IN_AVX512FP16(function)))
