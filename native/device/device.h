// The device API that kernels and launchers are written against: CUDA's own under nvcc, an
// emulation on the host (emu.h) under any other compiler.
#pragma once
#include <cstddef>
#include <cstdint>

#include "core/half.h"
#include "core/host_device.h"
#include "core/status.h"
#include "vendor/runtime.h"

#if defined(__CUDACC__)
#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <cuda_runtime.h>
#else
#include <functional>
#include <initializer_list>

#include "device/emu.h"
#endif

namespace halftone::device {

/// Blocks along x that `n` items need; n <= 2^31 - 1 blocks' worth.
constexpr unsigned blocks_for(int64_t n, int64_t per_block) {
  return static_cast<unsigned>((n + per_block - 1) / per_block);
}

#if defined(__CUDACC__)

/// The block's dynamic shared memory, aligned to 16 bytes.
template <class T>
__device__ __forceinline__ T* dynamic_shared() {
  extern __shared__ uint4 halftone_dynamic_shared[];
  return reinterpret_cast<T*>(halftone_dynamic_shared);
}

/// Enqueues kernel<<<grid, block, shared_bytes, stream>>>(args...). The one place that launches.
template <class... P, class... A>
Status launch(const char* name, void (*kernel)(P...), dim3 grid, dim3 block, size_t shared_bytes,
              vendor::Stream stream, A... args) {
  if (shared_bytes > 48 * 1024)  // more than the default has to be asked for
    HALFTONE_TRY(vendor::runtime_status(
        cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize,
                             static_cast<int>(shared_bytes)),
        name));
  kernel<<<grid, block, shared_bytes, static_cast<cudaStream_t>(stream)>>>(static_cast<P>(args)...);
  return vendor::runtime_status(cudaGetLastError(), name);
}

#else

}  // namespace halftone::device
namespace halftone::emu {
/// Runs `work` now, or records it when the stream is being captured
/// (backends/emu/vendor_runtime.cc).
Status submit(void* stream, std::function<Status()> work);
/// Whether the stream's device has as much shared memory.
Status launchable(void* stream, const char* kernel, size_t shared_bytes);
/// Whether each of the pointers that is not null lies in the device's memory.
Status on_device(void* stream, const char* call, std::initializer_list<const void*> pointers);

/// A kernel's argument where it is a pointer, else nullptr.
template <class T>
const void* pointer_of(const T& argument) {
  if constexpr (std::is_pointer_v<T>)
    return argument;
  else
    return nullptr;
}
}  // namespace halftone::emu
namespace halftone::device {

template <class T>
T* dynamic_shared() {
  return static_cast<T*>(emu::dynamic_shared());
}

template <class... P, class... A>
Status launch(const char* name, void (*kernel)(P...), dim3 grid, dim3 block, size_t shared_bytes,
              vendor::Stream stream, A... args) {
  HALFTONE_TRY(emu::launchable(stream, name, shared_bytes));
  HALFTONE_TRY(emu::on_device(stream, name, {emu::pointer_of<P>(static_cast<P>(args))...}));
  return emu::submit(stream, [=]() -> Status {
    auto body = [&] { kernel(static_cast<P>(args)...); };
    const char* fault = emu::run_grid(
        grid, block, shared_bytes, [](void* b) { (*static_cast<decltype(body)*>(b))(); }, &body);
    if (fault) return error(Code::kDevice, name, ": ", fault);
    return {};
  });
}

#endif

// ---- 16-byte accesses ----

/// N values that are read and written together. 16 bytes is the widest access of a thread.
template <class T, int N>
struct alignas(sizeof(T) * N) Pack {
  T v[N];
};
template <class T>
inline constexpr int kPerPack = 16 / static_cast<int>(sizeof(T));

HALFTONE_HD bool aligned16(const void* p) { return (reinterpret_cast<uintptr_t>(p) & 15) == 0; }

// ---- products of four bytes ----

/// c + the sum of the four products of the signed bytes of a and b, modulo 2^32. One instruction
/// (sm_61 and newer).
HALFTONE_HD int32_t dot4_s8s8(int32_t a, int32_t b, int32_t c) {
#if defined(__CUDA_ARCH__)
  return __dp4a(a, b, c);
#else
  for (int i = 0; i < 4; ++i)
    c = static_cast<int32_t>(
        static_cast<uint32_t>(c) +
        static_cast<uint32_t>(static_cast<int8_t>(static_cast<uint32_t>(a) >> 8 * i) *
                              static_cast<int8_t>(static_cast<uint32_t>(b) >> 8 * i)));
  return c;
#endif
}
/// The same with unsigned bytes in both.
HALFTONE_HD int32_t dot4_u8u8(int32_t a, int32_t b, int32_t c) {
#if defined(__CUDA_ARCH__)
  return static_cast<int32_t>(
      __dp4a(static_cast<uint32_t>(a), static_cast<uint32_t>(b), static_cast<uint32_t>(c)));
#else
  for (int i = 0; i < 4; ++i)
    c = static_cast<int32_t>(static_cast<uint32_t>(c) +
                             (static_cast<uint32_t>(a) >> 8 * i & 255u) *
                                 (static_cast<uint32_t>(b) >> 8 * i & 255u));
  return c;
#endif
}
/// a unsigned, b signed. CUDA has no intrinsic for it, PTX has the instruction.
HALFTONE_HD int32_t dot4_u8s8(int32_t a, int32_t b, int32_t c) {
#if defined(__CUDA_ARCH__)
  int32_t d;
  asm("dp4a.u32.s32 %0, %1, %2, %3;" : "=r"(d) : "r"(a), "r"(b), "r"(c));
  return d;
#else
  for (int i = 0; i < 4; ++i)
    c = static_cast<int32_t>(
        static_cast<uint32_t>(c) +
        static_cast<uint32_t>(static_cast<int32_t>(static_cast<uint32_t>(a) >> 8 * i & 255u) *
                              static_cast<int8_t>(static_cast<uint32_t>(b) >> 8 * i)));
  return c;
#endif
}

/// The instruction for these signs: c + four products.
template <bool kAUnsigned, bool kBUnsigned>
HALFTONE_HD int32_t dot4(int32_t a, int32_t b, int32_t c) {
  if constexpr (kAUnsigned && kBUnsigned) return dot4_u8u8(a, b, c);
  if constexpr (kAUnsigned && !kBUnsigned) return dot4_u8s8(a, b, c);
  if constexpr (!kAUnsigned && kBUnsigned) return dot4_u8s8(b, a, c);
  if constexpr (!kAUnsigned && !kBUnsigned) return dot4_s8s8(a, b, c);
}

}  // namespace halftone::device
