// CUDA's execution model on the host, so that a kernel's own source runs under a debugger, the
// sanitizers and on machines without a GPU. A block's threads are fibers of one OS thread: they run
// one after the other and change at barriers and shuffles. Blocks run one after the other.
//
// What it shows: wrong indexes, tails, barriers that are missing (values, and a race under
// ThreadSanitizer) or not reached by all (a fault), lanes that take part in a shuffle and do not.
// What it cannot show: timing, memory-model weakness between blocks, bank conflicts, tensor cores.
#pragma once
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>

// ---- spelling ----

#define __global__
#define __device__
#define __host__
#define __constant__
#define __forceinline__ inline
#define __launch_bounds__(...)
// One instance per OS thread: streams of several threads emulate at the same time. It keeps its
// contents from block to block, as shared memory is not cleared on a GPU either.
#define __shared__ static thread_local
#define __restrict__ __restrict

struct uint3 {
  unsigned x, y, z;
};
struct dim3 {
  unsigned x, y, z;
  constexpr dim3(unsigned x_ = 1, unsigned y_ = 1, unsigned z_ = 1) : x(x_), y(y_), z(z_) {}
};

#define HALFTONE_EMU_VECTOR(T, name)                         \
  struct alignas(sizeof(T) * 2) name##2 { T x, y; };         \
  struct alignas(sizeof(T) * 4) name##4 { T x, y, z, w; };   \
  inline name##2 make_##name##2(T x, T y) { return {x, y}; } \
  inline name##4 make_##name##4(T x, T y, T z, T w) { return {x, y, z, w}; }
HALFTONE_EMU_VECTOR(int, int)
HALFTONE_EMU_VECTOR(unsigned, uint)
HALFTONE_EMU_VECTOR(float, float)
#undef HALFTONE_EMU_VECTOR

// ---- the scheduler (emu.cc) ----

namespace halftone::emu {

inline constexpr unsigned kWarp = 32;

/// Runs body(arg) once for each thread of each block, with `shared_bytes` of dynamic shared memory
/// (filled with a pattern before each block). Returns nullptr, or what went wrong: a barrier that
/// some threads never reach, a shuffle whose mask names a lane that does not take part, too large a
/// block. Static text.
const char* run_grid(dim3 grid, dim3 block, size_t shared_bytes, void (*body)(void*), void* arg);

struct Builtins {
  uint3 thread, block;
  dim3 block_dim, grid_dim;
};
extern thread_local Builtins builtins;

void* dynamic_shared();

/// Waits for all threads of the block that have not returned; the three results of
/// __syncthreads_count, _and, _or.
struct Vote {
  int count, all, any;
};
Vote block_barrier(bool predicate);

/// Waits for the lanes of `mask`. Each hands in 8 bytes; result: what `source` handed in, and
/// whether it took part.
struct Lane {
  uint64_t bits;
  bool taken;
};
Lane warp_exchange(unsigned mask, uint64_t bits, unsigned source);
/// The bits of all lanes of `mask` whose predicate holds.
unsigned warp_ballot(unsigned mask, bool predicate);
unsigned lane_id();

template <class T>
T shuffle(unsigned mask, T value, unsigned source) {
  static_assert(sizeof(T) <= 8 && std::is_trivially_copyable_v<T>);
  uint64_t bits = 0;
  std::memcpy(&bits, &value, sizeof value);
  bits = warp_exchange(mask, bits, source).bits;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

}  // namespace halftone::emu

#define threadIdx (halftone::emu::builtins.thread)
#define blockIdx (halftone::emu::builtins.block)
#define blockDim (halftone::emu::builtins.block_dim)
#define gridDim (halftone::emu::builtins.grid_dim)
inline constexpr int warpSize = 32;

// ---- barriers and warps ----

inline void __syncthreads() { halftone::emu::block_barrier(false); }
inline int __syncthreads_count(int p) { return halftone::emu::block_barrier(p != 0).count; }
inline int __syncthreads_and(int p) { return halftone::emu::block_barrier(p != 0).all; }
inline int __syncthreads_or(int p) { return halftone::emu::block_barrier(p != 0).any; }
inline void __syncwarp(unsigned mask = 0xffffffffu) { halftone::emu::warp_ballot(mask, false); }
inline void __threadfence() {}
inline void __threadfence_block() {}

inline unsigned __ballot_sync(unsigned mask, int p) {
  return halftone::emu::warp_ballot(mask, p != 0);
}
inline int __any_sync(unsigned mask, int p) { return __ballot_sync(mask, p) != 0; }
inline int __all_sync(unsigned mask, int p) { return __ballot_sync(mask, p) == mask; }

// A source lane outside the segment of `width` lanes gives the caller's own value.
template <class T>
T __shfl_sync(unsigned mask, T v, int source, int width = 32) {
  const unsigned lane = halftone::emu::lane_id(), w = static_cast<unsigned>(width);
  return halftone::emu::shuffle(mask, v,
                                (lane & ~(w - 1)) | (static_cast<unsigned>(source) & (w - 1)));
}
template <class T>
T __shfl_xor_sync(unsigned mask, T v, int lanes, int width = 32) {
  const unsigned lane = halftone::emu::lane_id(), other = lane ^ static_cast<unsigned>(lanes);
  const unsigned end = (lane & ~static_cast<unsigned>(width - 1)) + static_cast<unsigned>(width);
  return halftone::emu::shuffle(mask, v, other < end ? other : lane);
}
template <class T>
T __shfl_down_sync(unsigned mask, T v, unsigned delta, int width = 32) {
  const unsigned lane = halftone::emu::lane_id(), other = lane + delta;
  const unsigned end = (lane & ~static_cast<unsigned>(width - 1)) + static_cast<unsigned>(width);
  return halftone::emu::shuffle(mask, v, other < end ? other : lane);
}
template <class T>
T __shfl_up_sync(unsigned mask, T v, unsigned delta, int width = 32) {
  const unsigned lane = halftone::emu::lane_id(), start = lane & ~static_cast<unsigned>(width - 1);
  return halftone::emu::shuffle(mask, v, lane >= start + delta ? lane - delta : lane);
}

// ---- atomics (relaxed, as on the device) ----

template <class T>
T atomicAdd(T* at, T v) {
  if constexpr (std::is_integral_v<T>) return __atomic_fetch_add(at, v, __ATOMIC_RELAXED);
  T old = *at;
  *at = old + v;
  return old;
}
template <class T>
T atomicCAS(T* at, T expected, T desired) {
  __atomic_compare_exchange_n(at, &expected, desired, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED);
  return expected;
}
template <class T>
T atomicExch(T* at, T v) {
  return __atomic_exchange_n(at, v, __ATOMIC_RELAXED);
}
template <class T>
T atomicMax(T* at, T v) {
  T old = __atomic_load_n(at, __ATOMIC_RELAXED);
  while (old < v &&
         !__atomic_compare_exchange_n(at, &old, v, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED)) {
  }
  return old;
}
template <class T>
T atomicMin(T* at, T v) {
  T old = __atomic_load_n(at, __ATOMIC_RELAXED);
  while (v < old &&
         !__atomic_compare_exchange_n(at, &old, v, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED)) {
  }
  return old;
}
template <class T>
T atomicOr(T* at, T v) {
  return __atomic_fetch_or(at, v, __ATOMIC_RELAXED);
}

// ---- bits and arithmetic ----

template <class T>
T __ldg(const T* at) {
  return *at;
}
template <class To, class From>
To __emu_bits(From v) {
  static_assert(sizeof(To) == sizeof(From));
  To r;
  std::memcpy(&r, &v, sizeof r);
  return r;
}
inline int __float_as_int(float v) { return __emu_bits<int>(v); }
inline unsigned __float_as_uint(float v) { return __emu_bits<unsigned>(v); }
inline float __int_as_float(int v) { return __emu_bits<float>(v); }
inline float __uint_as_float(unsigned v) { return __emu_bits<float>(v); }
inline int __popc(unsigned v) { return __builtin_popcount(v); }
// Byte i of the result is byte (order >> 4 * i & 7) of the eight bytes of x, then y.
inline unsigned __byte_perm(unsigned x, unsigned y, unsigned order) {
  const uint64_t bytes = static_cast<uint64_t>(y) << 32 | x;
  unsigned result = 0;
  for (unsigned i = 0; i < 4; ++i)
    result |= static_cast<unsigned>(bytes >> (order >> 4 * i & 7u) * 8 & 255u) << 8 * i;
  return result;
}
inline int __ffs(int v) { return __builtin_ffs(v); }
inline int __clz(int v) { return v == 0 ? 32 : __builtin_clz(static_cast<unsigned>(v)); }
inline float rsqrtf(float v) { return 1.0f / std::sqrt(v); }
