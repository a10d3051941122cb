// A row-major product in the terms of the vendor's BLAS, which is column-major.
#pragma once
#include "ops/gemm/product_batches.h"
#include "ops/gemm/product_cuda.h"
#include "vendor/blas.h"

namespace halftone {

/// Tensor cores take sizes that are multiples of 16 bytes of every type, whatever the device.
inline constexpr int64_t kTile = 16;
constexpr int64_t padded(int64_t n) { return (n + kTile - 1) / kTile * kTile; }

/// The arithmetic of a call of the library. Masks name what must not be used, or where float16
/// sums, tf32 and bytes are asked for, all that may: of tensor cores every kind, those that have no
/// name yet too, as accumulator and input say the rest.
struct Arithmetic {
  vendor::BlasCompute compute;
  DType scale;
  uint64_t impl_mask;
};

inline Arithmetic arithmetic_of(const CudaProduct& p) {
  using namespace vendor;  // the kImpl flags
  switch (p.compute) {
    case Compute::kFloat16:
      return {vendor::BlasCompute::k16F, DType::kF16,
              kImplFma | kImplTensorOps | kImplAccumulator16F | kImplInput16F};
    case Compute::kTf32:
      return {vendor::BlasCompute::kFastTf32, DType::kF32,
              kImplTensorOps | kImplAccumulator32F | kImplInputTf32};
    case Compute::kInt32:
      return {vendor::BlasCompute::k32I, DType::kS32,
              kImplTensorOps | kImplAccumulator32I | kImplInput8I};
    case Compute::kFloat32:
      // float32 operands: not even on tensor cores, which would round them or emulate.
      if (p.a.dtype == DType::kF32)
        return {vendor::BlasCompute::k32F, DType::kF32,
                kImplAny & ~(kImplTensorOps | kImplAccumulator16F | kImplInputTf32 | kImplInput16F |
                             kImplInput16BF)};
      return {vendor::BlasCompute::k32F, DType::kF32, kImplAny & ~kImplAccumulator16F};
    default:
      // Not by narrower types, integers among them, that emulate float64.
      return {vendor::BlasCompute::k64F, DType::kF64,
              kImplAny & ~(kImplHmma | kImplImma | kImplAccumulator16F | kImplAccumulator32F |
                           kImplAccumulator32I | kImplInput8I)};
  }
}

/// An operand in memory: matrices `stride` elements apart.
struct Stored {
  const void* data = nullptr;
  DType type = DType::kF32;
  int64_t ld = 0, stride = 0;
  bool lines_of_k = false;  // the k elements of a row of A, or of a column of B, lie side by side
};

struct Target {
  void* data = nullptr;
  DType type = DType::kF32;
  int64_t ld = 0, stride = 0;
};

/// Of `data` and of what lies any number of times `stride` elements behind it.
inline int32_t alignment(const void* data, int64_t stride, DType type) {
  return vendor::alignment_of(reinterpret_cast<const void*>(
      reinterpret_cast<uintptr_t>(data) | static_cast<uintptr_t>(stride * size_of(type))));
}

struct Sizes {
  int64_t m, n, k;
};

/// The row-major product as the library's column-major one: a row-major matrix is its own
/// transposed in column-major order, and transpose(A B) = transpose(B) transpose(A). So B comes
/// first, and an operand is transposed for the library where it was for us. `moves`: the pointers
/// go on to other matrices.
inline vendor::BlasMatmul describe(const Arithmetic& arithmetic, const Sizes& size, const Stored& a,
                                   const Stored& b, const Target& y, const BatchAxis& axis,
                                   bool moves) {
  vendor::BlasMatmul p;
  p.m = size.n;
  p.n = size.m;
  p.k = size.k;
  p.trans_a = b.lines_of_k;
  p.trans_b = !a.lines_of_k;
  p.batch = static_cast<int32_t>(axis.size);
  const auto stride = [&](int64_t matrices, int64_t elements) {
    return p.batch == 1 ? 0 : matrices * elements;
  };
  const auto align = [&](const auto& x) { return alignment(x.data, moves ? x.stride : 0, x.type); };
  p.a = {b.type, b.ld, stride(axis.b, b.stride), align(b)};
  p.b = {a.type, a.ld, stride(axis.a, a.stride), align(a)};
  p.d = {y.type, y.ld, stride(axis.y, y.stride), align(y)};
  p.c = p.d;
  p.compute = arithmetic.compute;
  p.scale = arithmetic.scale;
  p.impl_mask = arithmetic.impl_mask;
  return p;
}

template <class T>
T* at(T* data, int64_t elements, DType type) {
  using Byte = std::conditional_t<std::is_const_v<T>, const char, char>;
  return static_cast<Byte*>(data) + elements * size_of(type);
}

}  // namespace halftone
