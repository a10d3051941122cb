#include "core/cpu_features.h"

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <cstring>

#if defined(__x86_64__) || defined(__i386__)
#include <cpuid.h>
#endif

namespace halftone {
namespace {

// ---- what this build contains ----

#if HALFTONE_HAVE_AVX512FP16
constexpr Isa kCompiled = Isa::kAvx512Fp16;
#elif HALFTONE_HAVE_AVX512
constexpr Isa kCompiled = Isa::kAvx512;
#elif HALFTONE_HAVE_AVX2
constexpr Isa kCompiled = Isa::kAvx2;
#else
constexpr Isa kCompiled = Isa::kBaseline;
#endif

// ---- what the CPU offers ----

#if defined(__x86_64__) || defined(__i386__)

// Numbers of bits: Intel 64 and IA-32 Architectures Software Developer's Manual, CPUID, and AMD's
// manual 3, appendix E.
struct X86 {
  bool sse42, avx, avx2, fma, f16c, bmi2;
  bool avx512f, avx512bw, avx512vl, avx512dq, avx512vnni, avx512bf16, avx512fp16, avx_vnni;
  bool amx_tile, amx_int8, amx_bf16;

  X86() {
    unsigned a = 0, b = 0, c = 0, d = 0;
    unsigned c1 = 0;
    if (__get_cpuid(1, &a, &b, &c, &d)) c1 = c;
    // The registers of AVX and above exist for a program only when the operating system saves them:
    // OSXSAVE, then XCR0.
    const uint64_t saved = bit(c1, 27) ? xcr0() : 0;
    const bool ymm = (saved & 0x6) == 0x6;            // SSE and AVX state
    const bool zmm = (saved & 0xe6) == 0xe6;          // and mask, upper ZMM, ZMM16-31 state
    const bool tiles = (saved & 0x60000) == 0x60000;  // tile configuration and data
    unsigned b7 = 0, c7 = 0, d7 = 0, a71 = 0;
    if (__get_cpuid_count(7, 0, &a, &b, &c, &d)) {
      b7 = b, c7 = c, d7 = d;
      const unsigned last_subleaf = a;
      if (last_subleaf >= 1 && __get_cpuid_count(7, 1, &a, &b, &c, &d)) a71 = a;
    }
    sse42 = bit(c1, 20);
    avx = ymm && bit(c1, 28);
    fma = avx && bit(c1, 12);
    f16c = avx && bit(c1, 29);
    avx2 = avx && bit(b7, 5);
    bmi2 = bit(b7, 8);
    avx512f = avx2 && zmm && bit(b7, 16);
    avx512dq = avx512f && bit(b7, 17);
    avx512bw = avx512f && bit(b7, 30);
    avx512vl = avx512f && bit(b7, 31);
    avx512vnni = avx512f && bit(c7, 11);
    avx512bf16 = avx512f && bit(a71, 5);
    avx512fp16 = avx512f && bit(d7, 23);
    avx_vnni = avx2 && bit(a71, 4);
    amx_tile = tiles && bit(d7, 24);
    amx_int8 = amx_tile && bit(d7, 25);
    amx_bf16 = amx_tile && bit(d7, 22);
  }

  Isa isa() const {
    if (!(avx2 && fma && f16c && bmi2)) return Isa::kBaseline;
    if (!(avx512f && avx512bw && avx512vl && avx512dq)) return Isa::kAvx2;
    return avx512fp16 ? Isa::kAvx512Fp16 : Isa::kAvx512;
  }

 private:
  static bool bit(unsigned word, int i) { return word >> i & 1u; }
  static uint64_t xcr0() {
    uint32_t low = 0, high = 0;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return static_cast<uint64_t>(high) << 32 | low;
  }
};

const X86& x86() {
  static const X86 cpu;
  return cpu;
}

Isa cpu_level() { return x86().isa(); }

#else

Isa cpu_level() { return Isa::kBaseline; }

#endif

// ---- the environment variable ----

// The level named by HALFTONE_CPU_ISA, the highest when it is not set, -1 when it names none.
int requested_isa() {
  const char* text = std::getenv("HALFTONE_CPU_ISA");
  if (!text || !*text) return kIsaCount - 1;
  for (int i = 0; i < kIsaCount; ++i)
    if (std::strcmp(text, kIsaNames[i]) == 0) return i;
  return -1;
}

std::atomic<int>& isa_bound() {
  static std::atomic<int> bound{requested_isa() < 0 ? kIsaCount - 1 : requested_isa()};
  return bound;
}

}  // namespace

Isa best_cpu_isa() {
  static const Isa best = std::min(cpu_level(), kCompiled);
  return best;
}

Isa cpu_isa() {
  return std::min(best_cpu_isa(), static_cast<Isa>(isa_bound().load(std::memory_order_relaxed)));
}

Isa limit_cpu_isa(Isa bound) {
  return static_cast<Isa>(isa_bound().exchange(static_cast<int>(bound)));
}

const char* unknown_cpu_isa_request() {
  return requested_isa() < 0 ? std::getenv("HALFTONE_CPU_ISA") : nullptr;
}

std::span<const CpuFeature> cpu_features() {
#if defined(__x86_64__) || defined(__i386__)
  const X86& c = x86();
  static const CpuFeature all[] = {
      {"sse4.2", c.sse42},
      {"avx", c.avx},
      {"avx2", c.avx2},
      {"fma", c.fma},
      {"f16c", c.f16c},
      {"bmi2", c.bmi2},
      {"avx-vnni", c.avx_vnni},
      {"avx512f", c.avx512f},
      {"avx512bw", c.avx512bw},
      {"avx512vl", c.avx512vl},
      {"avx512dq", c.avx512dq},
      {"avx512vnni", c.avx512vnni},
      {"avx512bf16", c.avx512bf16},
      {"avx512fp16", c.avx512fp16},
      {"amx-tile", c.amx_tile},
      {"amx-int8", c.amx_int8},
      {"amx-bf16", c.amx_bf16},
  };
  return all;
#elif defined(__aarch64__)
  // Advanced SIMD belongs to every AArch64 CPU that runs a general operating system.
  static constexpr CpuFeature all[] = {{"neon", true}};
  return all;
#else
  return {};
#endif
}

}  // namespace halftone
