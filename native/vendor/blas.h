// One matrix product of the vendor's BLAS library (cuBLASLt), argument by argument. No vendor
// header is included: the numbers below are the vendor's own, which
// native/backends/cuda/vendor_blas.cc asserts.
//
// Everything here is column-major, as the vendor has it:
//
//   D[m, n] = epilogue(alpha * op(A)[m, k] * op(B)[k, n] + beta * C[m, n] + bias[m])
//
// Element (i, j) of a matrix lies at i + j * ld. Our tensors are row-major, which is the same
// memory read as the transposed matrix: ops/gemm/product_cuda.cu does the exchange.
#pragma once
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

#include "core/dtype.h"
#include "core/status.h"

namespace halftone::vendor {

/// cublasComputeType_t.
enum class BlasCompute : int32_t {
  k16F = 64,  // float16 sums wanted; an engine with wider ones may be chosen (see impl_mask)
  k16FPedantic = 65,  // float16 arithmetic in every step, no tensor cores
  k32F = 68,
  kFastTf32 = 77,  // float32 in memory, operands rounded to tf32, float32 sums
  k64F = 70,
  k32I = 72,
};

/// cublasLtEpilogue_t. kGelu* is the tanh approximation.
enum class BlasEpilogue : int32_t {
  kNone = 1,
  kRelu = 2,
  kBias = 4,
  kReluBias = 6,
  kGelu = 32,
  kGeluBias = 36,
};
constexpr bool has_bias(BlasEpilogue e) { return (static_cast<int32_t>(e) & 4) != 0; }

/// cublasLtNumericalImplFlags_t: which arithmetic an algorithm really uses. As
/// BlasMatmul::impl_mask: an algorithm is allowed when all of its flags are in the mask.
inline constexpr uint64_t kImplFma = 1, kImplHmma = 2, kImplImma = 4, kImplDmma = 8,
                          kImplTensorOps = 0xfe, kImplOps = 0xff;
inline constexpr uint64_t kImplAccumulator16F = 1u << 8, kImplAccumulator32F = 2u << 8,
                          kImplAccumulator64F = 4u << 8, kImplAccumulator32I = 8u << 8,
                          kImplAccumulators = 0xffu << 8;
inline constexpr uint64_t kImplInput16F = 1u << 16, kImplInput16BF = 2u << 16,
                          kImplInputTf32 = 4u << 16, kImplInput32F = 8u << 16,
                          kImplInput64F = 16u << 16, kImplInput8I = 32u << 16,
                          kImplInputs = 0xffu << 16;
inline constexpr uint64_t kImplAny = ~uint64_t{0};

/// cublasLtReductionScheme_t: how the parts of a k that was split are added. kReduceInplace and
/// kReduceOutputType round each part to the type of D; kReduceComputeType does not. Not splitting
/// is always allowed.
inline constexpr uint32_t kReduceInplace = 1, kReduceComputeType = 2, kReduceOutputType = 4,
                          kReduceAny = 7;

/// A matrix as it lies in memory, before op().
struct BlasMatrix {
  DType type = DType::kF32;
  int64_t ld = 0;            // elements from one column to the next
  int64_t batch_stride = 0;  // elements from one matrix of a batch to the next; 0: the same one
  int32_t align = 256;  // bytes: the address of its first element is a multiple of it; 1 ... 256

  bool operator==(const BlasMatrix&) const = default;
};

/// All that selects an algorithm. C has the place in memory of D, or its own of the same layout.
struct BlasMatmul {
  int64_t m = 0, n = 0, k = 0;
  bool trans_a = false, trans_b = false;
  BlasMatrix a, b, c, d;
  int32_t batch = 1;
  BlasCompute compute = BlasCompute::k32F;
  DType scale = DType::kF32;  // of alpha and beta
  BlasEpilogue epilogue = BlasEpilogue::kNone;
  DType bias_type = DType::kF32;  // of [m] values, the same for every column and matrix
  int32_t bias_align = 256;
  uint64_t impl_mask = kImplAny;
  uint32_t reduction_mask = kReduceComputeType;
  uint64_t workspace_limit = 0;  // bytes

  bool operator==(const BlasMatmul&) const = default;
};

/// For caches keyed by BlasMatmul.
struct BlasMatmulHash {
  size_t operator()(const BlasMatmul& p) const {
    uint64_t h = 0xcbf29ce484222325u;  // FNV-1a over the fields, eight bytes at a time
    const auto mix = [&](auto... values) {
      ((h = (h ^ static_cast<uint64_t>(values)) * 0x100000001b3u), ...);
    };
    mix(p.m, p.n, p.k, p.trans_a, p.trans_b, p.batch, p.compute, p.scale, p.epilogue, p.bias_type,
        p.bias_align, p.impl_mask, p.reduction_mask, p.workspace_limit);
    for (const BlasMatrix* x : {&p.a, &p.b, &p.c, &p.d})
      mix(x->type, x->ld, x->batch_stride, x->align);
    return static_cast<size_t>(h ^ h >> 32);
  }
};

/// An algorithm that can run a BlasMatmul.
struct BlasAlgorithm {
  uint64_t opaque[8] = {};  // cublasLtMatmulAlgo_t
  uint64_t workspace_bytes = 0;
  int32_t id = 0, split_k = 1;
  uint32_t tile = 0, stages = 0;  // ids of cublasLtMatmulTile_t and cublasLtMatmulStages_t
  uint32_t reduction = 0;         // scheme of the split
  uint64_t impl = 0;              // numerical flags; 0: the library does not say
};

/// alpha or beta in the scale type's own bytes: a float16, float32, float64 or int32.
struct BlasScalar {
  alignas(8) unsigned char bytes[8] = {};

  template <class T>
  static BlasScalar of(T value) {
    BlasScalar s;
    static_assert(sizeof value <= sizeof s.bytes);
    std::memcpy(s.bytes, &value, sizeof value);
    return s;
  }
  template <class T>
  T as() const {
    T value;
    std::memcpy(&value, bytes, sizeof value);
    return value;
  }
};
/// `value` in the scale type `type`; an int32 must be a whole number of that range.
inline BlasScalar blas_scalar(DType type, double value) {
  switch (type) {
    case DType::kF16:
      return BlasScalar::of(to_f16(value));
    case DType::kF64:
      return BlasScalar::of(value);
    case DType::kS32:
      return BlasScalar::of(static_cast<int32_t>(value));
    default:
      return BlasScalar::of(static_cast<float>(value));
  }
}

/// Where the matrices are. `c` is not read when beta is 0. `workspace` is aligned to 256 bytes.
struct BlasOperands {
  BlasScalar alpha, beta;
  const void *a = nullptr, *b = nullptr, *c = nullptr;
  void* d = nullptr;
  const void* bias = nullptr;
  void* workspace = nullptr;
  size_t workspace_bytes = 0;
};

/// The library's state on one device. Calls with one handle must not overlap.
struct Blas;
Status blas_create(Blas** out);
void blas_destroy(Blas*);

/// The library's version as text: "13.1.1". "" when it is not known.
const char* blas_version();

/// The algorithms for `problem`, best guess first, at most `most`. No candidate is not an error:
/// the library cannot do it.
Status blas_candidates(Blas*, const BlasMatmul& problem, int most,
                       std::vector<BlasAlgorithm>* candidates);

/// Enqueues the product on `stream` (a cudaStream_t).
Status blas_run(Blas*, const BlasMatmul& problem, const BlasAlgorithm&, const BlasOperands&,
                void* stream);

/// The largest power of two up to 256 that divides an address.
inline int32_t alignment_of(const void* p) {
  const uintptr_t bits = reinterpret_cast<uintptr_t>(p) | 256;
  return static_cast<int32_t>(bits & (~bits + 1));
}

}  // namespace halftone::vendor
