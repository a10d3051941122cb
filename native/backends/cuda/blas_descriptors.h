// A BlasMatmul in cuBLASLt's own descriptors. They are plain memory of the host: building them
// needs no GPU, and so they are tested without one.
#pragma once
#include <cublasLt.h>

#include "vendor/blas.h"

namespace halftone::vendor {

/// The cudaDataType_t of a dtype that products know; false for others.
inline bool blas_type(DType type, cudaDataType_t* out) {
  switch (type) {
    case DType::kF16:
      *out = CUDA_R_16F;
      return true;
    case DType::kBF16:
      *out = CUDA_R_16BF;
      return true;
    case DType::kF32:
      *out = CUDA_R_32F;
      return true;
    case DType::kF64:
      *out = CUDA_R_64F;
      return true;
    case DType::kS8:
      *out = CUDA_R_8I;
      return true;
    case DType::kS32:
      *out = CUDA_R_32I;
      return true;
    default:
      return false;
  }
}

/// `call` of cuBLASLt failed: a device error, but for what the library cannot do or has no memory
/// for.
inline Status blas_error(const char* call, cublasStatus_t status) {
  const Code code = status == CUBLAS_STATUS_NOT_SUPPORTED || status == CUBLAS_STATUS_ARCH_MISMATCH
                        ? Code::kUnsupported
                    : status == CUBLAS_STATUS_ALLOC_FAILED  ? Code::kOutOfMemory
                    : status == CUBLAS_STATUS_INVALID_VALUE ? Code::kInternal
                                                            : Code::kDevice;
  return error(code, call, " failed: ", cublasLtGetStatusName(status));
}

/// The operation, its four matrices, and what algorithms may be chosen from.
class BlasDescriptors {
 public:
  BlasDescriptors() = default;
  BlasDescriptors(const BlasDescriptors&) = delete;
  BlasDescriptors& operator=(const BlasDescriptors&) = delete;

  /// `bias` is what will be added, or nullptr for an address of the stated alignment: searching for
  /// algorithms looks at the address alone.
  Status build(const BlasMatmul& p, const void* bias) {
    cudaDataType_t scale;
    if (!blas_type(p.scale, &scale)) return bad_type(p.scale);
    HALFTONE_TRY(check("cublasLtMatmulDescInit",
                       cublasLtMatmulDescInit(&operation_, compute_type(p.compute), scale)));
    const cublasOperation_t trans_a = p.trans_a ? CUBLAS_OP_T : CUBLAS_OP_N;
    const cublasOperation_t trans_b = p.trans_b ? CUBLAS_OP_T : CUBLAS_OP_N;
    HALFTONE_TRY(set(CUBLASLT_MATMUL_DESC_TRANSA, static_cast<int32_t>(trans_a)));
    HALFTONE_TRY(set(CUBLASLT_MATMUL_DESC_TRANSB, static_cast<int32_t>(trans_b)));
    HALFTONE_TRY(set(CUBLASLT_MATMUL_DESC_EPILOGUE, static_cast<uint32_t>(p.epilogue)));
    if (has_bias(p.epilogue)) {
      cudaDataType_t type;
      if (!blas_type(p.bias_type, &type)) return bad_type(p.bias_type);
      if (!bias) bias = reinterpret_cast<const void*>(static_cast<uintptr_t>(p.bias_align));
      HALFTONE_TRY(set(CUBLASLT_MATMUL_DESC_BIAS_POINTER, bias));
      HALFTONE_TRY(set(CUBLASLT_MATMUL_DESC_BIAS_DATA_TYPE, static_cast<int32_t>(type)));
    }
    HALFTONE_TRY(layout(&a_, p.a, p.trans_a ? p.k : p.m, p.trans_a ? p.m : p.k, p.batch));
    HALFTONE_TRY(layout(&b_, p.b, p.trans_b ? p.n : p.k, p.trans_b ? p.k : p.n, p.batch));
    HALFTONE_TRY(layout(&c_, p.c, p.m, p.n, p.batch));
    return layout(&d_, p.d, p.m, p.n, p.batch);
  }

  /// What algorithms may be chosen from.
  Status build_preference(const BlasMatmul& p) {
    HALFTONE_TRY(check("cublasLtMatmulPreferenceInit", cublasLtMatmulPreferenceInit(&preference_)));
    HALFTONE_TRY(set(CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, p.workspace_limit));
    HALFTONE_TRY(set(CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK, p.reduction_mask));
    HALFTONE_TRY(set(CUBLASLT_MATMUL_PREF_IMPL_MASK, p.impl_mask));
    HALFTONE_TRY(set(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, static_cast<uint32_t>(p.a.align)));
    HALFTONE_TRY(set(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES, static_cast<uint32_t>(p.b.align)));
    HALFTONE_TRY(set(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, static_cast<uint32_t>(p.c.align)));
    return set(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES, static_cast<uint32_t>(p.d.align));
  }

  cublasLtMatmulDesc_t operation() { return &operation_; }
  cublasLtMatrixLayout_t a() { return &a_; }
  cublasLtMatrixLayout_t b() { return &b_; }
  cublasLtMatrixLayout_t c() { return &c_; }
  cublasLtMatrixLayout_t d() { return &d_; }
  cublasLtMatmulPreference_t preference() { return &preference_; }

 private:
  static constexpr cublasComputeType_t compute_type(BlasCompute c) {
    return static_cast<cublasComputeType_t>(c);
  }
  static Status bad_type(DType type) {
    return error(Code::kInternal, "cuBLASLt has no products of ", name(type));
  }
  static Status check(const char* call, cublasStatus_t status) {
    return status == CUBLAS_STATUS_SUCCESS ? Status{} : blas_error(call, status);
  }
  template <class T>
  Status set(cublasLtMatmulDescAttributes_t attribute, const T& value) {
    return check("cublasLtMatmulDescSetAttribute",
                 cublasLtMatmulDescSetAttribute(&operation_, attribute, &value, sizeof value));
  }
  template <class T>
  Status set(cublasLtMatmulPreferenceAttributes_t attribute, const T& value) {
    return check(
        "cublasLtMatmulPreferenceSetAttribute",
        cublasLtMatmulPreferenceSetAttribute(&preference_, attribute, &value, sizeof value));
  }
  static Status layout(cublasLtMatrixLayoutOpaque_t* to, const BlasMatrix& m, int64_t rows,
                       int64_t cols, int32_t batch) {
    cudaDataType_t type;
    if (!blas_type(m.type, &type)) return bad_type(m.type);
    HALFTONE_TRY(check("cublasLtMatrixLayoutInit",
                       cublasLtMatrixLayoutInit(to, type, static_cast<uint64_t>(rows),
                                                static_cast<uint64_t>(cols), m.ld)));
    if (batch == 1) return {};
    HALFTONE_TRY(check("cublasLtMatrixLayoutSetAttribute",
                       cublasLtMatrixLayoutSetAttribute(to, CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT,
                                                        &batch, sizeof batch)));
    return check("cublasLtMatrixLayoutSetAttribute",
                 cublasLtMatrixLayoutSetAttribute(to, CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET,
                                                  &m.batch_stride, sizeof m.batch_stride));
  }

  cublasLtMatmulDescOpaque_t operation_ = {};
  cublasLtMatrixLayoutOpaque_t a_ = {}, b_ = {}, c_ = {}, d_ = {};
  cublasLtMatmulPreferenceOpaque_t preference_ = {};
};

}  // namespace halftone::vendor
