// What the real cuBLASLt makes of a BlasMatmul: its descriptors are plain host memory, so all of it
// but the search for algorithms runs without a GPU.
#include <cublasLt.h>

#include <cstdint>
#include <string>

#include "backends/cuda/blas_descriptors.h"
#include "check.h"

using namespace halftone;
using namespace halftone::vendor;

namespace {

template <class T>
T get(cublasLtMatmulDesc_t d, cublasLtMatmulDescAttributes_t attribute) {
  T value{};
  size_t written = 0;
  CHECK_EQ(cublasLtMatmulDescGetAttribute(d, attribute, &value, sizeof value, &written),
           CUBLAS_STATUS_SUCCESS);
  CHECK_EQ(written, sizeof value);
  return value;
}
template <class T>
T get(cublasLtMatrixLayout_t d, cublasLtMatrixLayoutAttribute_t attribute) {
  T value{};
  size_t written = 0;
  CHECK_EQ(cublasLtMatrixLayoutGetAttribute(d, attribute, &value, sizeof value, &written),
           CUBLAS_STATUS_SUCCESS);
  CHECK_EQ(written, sizeof value);
  return value;
}
template <class T>
T get(cublasLtMatmulPreference_t d, cublasLtMatmulPreferenceAttributes_t attribute) {
  T value{};
  size_t written = 0;
  CHECK_EQ(cublasLtMatmulPreferenceGetAttribute(d, attribute, &value, sizeof value, &written),
           CUBLAS_STATUS_SUCCESS);
  CHECK_EQ(written, sizeof value);
  return value;
}

/// m 3, n 5, k 7; A transposed.
BlasMatmul example() {
  BlasMatmul p;
  p.m = 3;
  p.n = 5;
  p.k = 7;
  p.trans_a = true;
  p.a = {DType::kF16, 8, 24, 16};
  p.b = {DType::kF16, 9, 45, 8};
  p.c = {DType::kF32, 4, 20, 4};
  p.d = {DType::kF32, 4, 20, 64};
  p.batch = 6;
  return p;
}

struct Layout {
  uint32_t type;
  uint64_t rows, cols;
  int64_t ld;
  int32_t batch;
  int64_t stride;
};
void check_layout(cublasLtMatrixLayout_t layout, const Layout& expected) {
  CHECK_EQ(get<uint32_t>(layout, CUBLASLT_MATRIX_LAYOUT_TYPE), expected.type);
  CHECK_EQ(get<int32_t>(layout, CUBLASLT_MATRIX_LAYOUT_ORDER), CUBLASLT_ORDER_COL);
  CHECK_EQ(get<uint64_t>(layout, CUBLASLT_MATRIX_LAYOUT_ROWS), expected.rows);
  CHECK_EQ(get<uint64_t>(layout, CUBLASLT_MATRIX_LAYOUT_COLS), expected.cols);
  CHECK_EQ(get<int64_t>(layout, CUBLASLT_MATRIX_LAYOUT_LD), expected.ld);
  CHECK_EQ(get<int32_t>(layout, CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT), expected.batch);
  CHECK_EQ(get<int64_t>(layout, CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET), expected.stride);
}

}  // namespace

TEST(layouts_are_as_stored_before_the_transposition) {
  BlasDescriptors d;
  CHECK_OK(d.build(example(), nullptr));
  check_layout(d.a(), {CUDA_R_16F, 7, 3, 8, 6, 24});  // k x m, since A is transposed
  check_layout(d.b(), {CUDA_R_16F, 7, 5, 9, 6, 45});
  check_layout(d.c(), {CUDA_R_32F, 3, 5, 4, 6, 20});
  check_layout(d.d(), {CUDA_R_32F, 3, 5, 4, 6, 20});
  BlasMatmul one = example();
  one.trans_a = false;
  one.trans_b = true;
  one.batch = 1;
  one.a.ld = 3;
  BlasDescriptors other;
  CHECK_OK(other.build(one, nullptr));
  check_layout(other.a(), {CUDA_R_16F, 3, 7, 3, 1, 0});
  check_layout(other.b(), {CUDA_R_16F, 5, 7, 9, 1, 0});
}

TEST(operations_carry_every_field) {
  struct Row {
    BlasCompute compute;
    DType scale;
    cublasComputeType_t lt_compute;
    cudaDataType_t lt_scale;
  };
  const Row rows[] = {
      {BlasCompute::k16F, DType::kF16, CUBLAS_COMPUTE_16F, CUDA_R_16F},
      {BlasCompute::k16FPedantic, DType::kF16, CUBLAS_COMPUTE_16F_PEDANTIC, CUDA_R_16F},
      {BlasCompute::k32F, DType::kF32, CUBLAS_COMPUTE_32F, CUDA_R_32F},
      {BlasCompute::kFastTf32, DType::kF32, CUBLAS_COMPUTE_32F_FAST_TF32, CUDA_R_32F},
      {BlasCompute::k32I, DType::kS32, CUBLAS_COMPUTE_32I, CUDA_R_32I},
      {BlasCompute::k64F, DType::kF64, CUBLAS_COMPUTE_64F, CUDA_R_64F},
  };
  for (const Row& row : rows) {
    BlasMatmul p = example();
    p.compute = row.compute;
    p.scale = row.scale;
    BlasDescriptors d;
    CHECK_OK(d.build(p, nullptr));
    const cublasLtMatmulDesc_t o = d.operation();
    CHECK_EQ(get<int32_t>(o, CUBLASLT_MATMUL_DESC_COMPUTE_TYPE), row.lt_compute);
    CHECK_EQ(get<int32_t>(o, CUBLASLT_MATMUL_DESC_SCALE_TYPE), row.lt_scale);
    CHECK_EQ(get<int32_t>(o, CUBLASLT_MATMUL_DESC_POINTER_MODE), CUBLASLT_POINTER_MODE_HOST);
    CHECK_EQ(get<int32_t>(o, CUBLASLT_MATMUL_DESC_TRANSA), CUBLAS_OP_T);
    CHECK_EQ(get<int32_t>(o, CUBLASLT_MATMUL_DESC_TRANSB), CUBLAS_OP_N);
    CHECK_EQ(get<uint32_t>(o, CUBLASLT_MATMUL_DESC_EPILOGUE), CUBLASLT_EPILOGUE_DEFAULT);
  }
}

TEST(a_bias_has_its_pointer_and_type) {
  BlasMatmul p = example();
  p.epilogue = BlasEpilogue::kGeluBias;
  p.bias_type = DType::kF32;
  p.bias_align = 32;
  const float bias[3] = {};
  BlasDescriptors running, searching;
  CHECK_OK(running.build(p, bias));
  const cublasLtMatmulDesc_t o = running.operation();
  CHECK_EQ(get<uint32_t>(o, CUBLASLT_MATMUL_DESC_EPILOGUE), CUBLASLT_EPILOGUE_GELU_BIAS);
  CHECK_EQ(get<int32_t>(o, CUBLASLT_MATMUL_DESC_BIAS_DATA_TYPE), CUDA_R_32F);
  CHECK_EQ(get<const void*>(o, CUBLASLT_MATMUL_DESC_BIAS_POINTER), bias);
  // A search has no bias yet; its address stands for the alignment.
  CHECK_OK(searching.build(p, nullptr));
  CHECK_EQ(alignment_of(get<const void*>(searching.operation(), CUBLASLT_MATMUL_DESC_BIAS_POINTER)),
           32);
}

TEST(preferences_carry_masks_and_alignments) {
  BlasMatmul p = example();
  p.impl_mask = kImplHmma | kImplFma | kImplAccumulator16F | kImplInput16F;
  p.reduction_mask = kReduceComputeType;
  p.workspace_limit = 33554432;
  BlasDescriptors d;
  CHECK_OK(d.build_preference(p));
  const cublasLtMatmulPreference_t f = d.preference();
  CHECK_EQ(get<uint64_t>(f, CUBLASLT_MATMUL_PREF_IMPL_MASK), p.impl_mask);
  CHECK_EQ(get<uint32_t>(f, CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK),
           CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE);
  CHECK_EQ(get<uint64_t>(f, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES), 33554432u);
  CHECK_EQ(get<uint32_t>(f, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES), 16u);
  CHECK_EQ(get<uint32_t>(f, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES), 8u);
  CHECK_EQ(get<uint32_t>(f, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES), 4u);
  CHECK_EQ(get<uint32_t>(f, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES), 64u);
  CHECK_EQ(get<uint32_t>(f, CUBLASLT_MATMUL_PREF_SEARCH_MODE), CUBLASLT_SEARCH_BEST_FIT);
}

TEST(what_the_library_has_no_type_for_is_refused) {
  BlasMatmul p = example();
  p.b.type = DType::kU8;
  BlasDescriptors d;
  const Status status = d.build(p, nullptr);
  CHECK_EQ(status.message, std::string("cuBLASLt has no products of uint8"));
}

TEST(the_version_is_text) {
  const std::string version = blas_version();
  CHECK(version.starts_with("13."));
}

TEST(without_a_device_the_handle_is_an_error_with_the_librarys_words) {
  Blas* blas = nullptr;
  const Status status = blas_create(&blas);
  if (status.ok()) {
    // There is a GPU: then it finds algorithms for an ordinary product.
    BlasMatmul p;
    p.m = p.n = p.k = 64;
    for (BlasMatrix* x : {&p.a, &p.b, &p.c, &p.d}) *x = {DType::kF16, 64, 0, 256};
    std::vector<BlasAlgorithm> found;
    CHECK_OK(blas_candidates(blas, p, 8, &found));
    CHECK(!found.empty());
    blas_destroy(blas);
    return;
  }
  CHECK(status.code == Code::kDevice);
  CHECK_EQ(status.message, std::string("cublasLtCreate failed: CUBLAS_STATUS_NOT_INITIALIZED"));
}
