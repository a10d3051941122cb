#include <memory>
#include <string>

#include "backends/cuda/blas_descriptors.h"

namespace halftone::vendor {
namespace {

static_assert(static_cast<int>(BlasCompute::k16F) == CUBLAS_COMPUTE_16F);
static_assert(static_cast<int>(BlasCompute::k16FPedantic) == CUBLAS_COMPUTE_16F_PEDANTIC);
static_assert(static_cast<int>(BlasCompute::k32F) == CUBLAS_COMPUTE_32F);
static_assert(static_cast<int>(BlasCompute::kFastTf32) == CUBLAS_COMPUTE_32F_FAST_TF32);
static_assert(static_cast<int>(BlasCompute::k64F) == CUBLAS_COMPUTE_64F);
static_assert(static_cast<int>(BlasCompute::k32I) == CUBLAS_COMPUTE_32I);

static_assert(static_cast<int>(BlasEpilogue::kNone) == CUBLASLT_EPILOGUE_DEFAULT);
static_assert(static_cast<int>(BlasEpilogue::kRelu) == CUBLASLT_EPILOGUE_RELU);
static_assert(static_cast<int>(BlasEpilogue::kBias) == CUBLASLT_EPILOGUE_BIAS);
static_assert(static_cast<int>(BlasEpilogue::kReluBias) == CUBLASLT_EPILOGUE_RELU_BIAS);
static_assert(static_cast<int>(BlasEpilogue::kGelu) == CUBLASLT_EPILOGUE_GELU);
static_assert(static_cast<int>(BlasEpilogue::kGeluBias) == CUBLASLT_EPILOGUE_GELU_BIAS);

static_assert(kImplFma == CUBLASLT_NUMERICAL_IMPL_FLAGS_FMA);
static_assert(kImplHmma == CUBLASLT_NUMERICAL_IMPL_FLAGS_HMMA);
static_assert(kImplImma == CUBLASLT_NUMERICAL_IMPL_FLAGS_IMMA);
static_assert(kImplDmma == CUBLASLT_NUMERICAL_IMPL_FLAGS_DMMA);
static_assert(kImplTensorOps == CUBLASLT_NUMERICAL_IMPL_FLAGS_TENSOR_OP_MASK);
static_assert(kImplOps == CUBLASLT_NUMERICAL_IMPL_FLAGS_OP_TYPE_MASK);
static_assert(kImplAccumulator16F == CUBLASLT_NUMERICAL_IMPL_FLAGS_ACCUMULATOR_16F);
static_assert(kImplAccumulator32F == CUBLASLT_NUMERICAL_IMPL_FLAGS_ACCUMULATOR_32F);
static_assert(kImplAccumulator64F == CUBLASLT_NUMERICAL_IMPL_FLAGS_ACCUMULATOR_64F);
static_assert(kImplAccumulator32I == CUBLASLT_NUMERICAL_IMPL_FLAGS_ACCUMULATOR_32I);
static_assert(kImplAccumulators == CUBLASLT_NUMERICAL_IMPL_FLAGS_ACCUMULATOR_TYPE_MASK);
static_assert(kImplInput16F == CUBLASLT_NUMERICAL_IMPL_FLAGS_INPUT_16F);
static_assert(kImplInput16BF == CUBLASLT_NUMERICAL_IMPL_FLAGS_INPUT_16BF);
static_assert(kImplInputTf32 == CUBLASLT_NUMERICAL_IMPL_FLAGS_INPUT_TF32);
static_assert(kImplInput32F == CUBLASLT_NUMERICAL_IMPL_FLAGS_INPUT_32F);
static_assert(kImplInput64F == CUBLASLT_NUMERICAL_IMPL_FLAGS_INPUT_64F);
static_assert(kImplInput8I == CUBLASLT_NUMERICAL_IMPL_FLAGS_INPUT_8I);
static_assert(kImplInputs == CUBLASLT_NUMERICAL_IMPL_FLAGS_OP_INPUT_TYPE_MASK);

static_assert(kReduceInplace == CUBLASLT_REDUCTION_SCHEME_INPLACE);
static_assert(kReduceComputeType == CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE);
static_assert(kReduceOutputType == CUBLASLT_REDUCTION_SCHEME_OUTPUT_TYPE);
static_assert(kReduceAny == CUBLASLT_REDUCTION_SCHEME_MASK);

static_assert(sizeof BlasAlgorithm{}.opaque == sizeof(cublasLtMatmulAlgo_t));

/// A property of an algorithm; `otherwise` where it has none.
template <class T>
T config(const cublasLtMatmulAlgo_t& algo, cublasLtMatmulAlgoConfigAttributes_t attribute,
         T otherwise) {
  T value = otherwise;
  size_t written = 0;
  const cublasStatus_t status =
      cublasLtMatmulAlgoConfigGetAttribute(&algo, attribute, &value, sizeof value, &written);
  return status == CUBLAS_STATUS_SUCCESS && written == sizeof value ? value : otherwise;
}

BlasAlgorithm describe(const cublasLtMatmulHeuristicResult_t& result) {
  BlasAlgorithm out;
  std::memcpy(out.opaque, &result.algo, sizeof out.opaque);
  out.workspace_bytes = result.workspaceSize;
  out.id = config<int32_t>(result.algo, CUBLASLT_ALGO_CONFIG_ID, 0);
  out.split_k = config<int32_t>(result.algo, CUBLASLT_ALGO_CONFIG_SPLITK_NUM, 1);
  out.tile = config<uint32_t>(result.algo, CUBLASLT_ALGO_CONFIG_TILE_ID, 0);
  out.stages = config<uint32_t>(result.algo, CUBLASLT_ALGO_CONFIG_STAGES_ID, 0);
  out.reduction = config<uint32_t>(result.algo, CUBLASLT_ALGO_CONFIG_REDUCTION_SCHEME, 0);
  uint64_t impl = 0;
  size_t written = 0;
  if (cublasLtMatmulAlgoCapGetAttribute(&result.algo, CUBLASLT_ALGO_CAP_NUMERICAL_IMPL_FLAGS, &impl,
                                        sizeof impl, &written) == CUBLAS_STATUS_SUCCESS)
    out.impl = impl;
  return out;
}

}  // namespace

struct Blas {
  cublasLtHandle_t handle = nullptr;
};

Status blas_create(Blas** out) {
  auto blas = std::make_unique<Blas>();
  const cublasStatus_t status = cublasLtCreate(&blas->handle);
  if (status != CUBLAS_STATUS_SUCCESS) return blas_error("cublasLtCreate", status);
  *out = blas.release();
  return {};
}

void blas_destroy(Blas* blas) {
  if (!blas) return;
  // A failure here is an earlier one that was reported where it happened.
  static_cast<void>(cublasLtDestroy(blas->handle));
  delete blas;
}

const char* blas_version() {
  // Never destroyed: other threads may ask while the process ends.
  static const auto* text = [] {
    const size_t v = cublasLtGetVersion();  // 130101: 13.1.1
    return new std::string(concat(v / 10000, ".", v / 100 % 100, ".", v % 100));
  }();
  return text->c_str();
}

Status blas_candidates(Blas* blas, const BlasMatmul& problem, int most,
                       std::vector<BlasAlgorithm>* candidates) {
  candidates->clear();
  BlasDescriptors d;
  HALFTONE_TRY(d.build(problem, nullptr));
  HALFTONE_TRY(d.build_preference(problem));
  std::vector<cublasLtMatmulHeuristicResult_t> results(static_cast<size_t>(most));
  int count = 0;
  const cublasStatus_t status =
      cublasLtMatmulAlgoGetHeuristic(blas->handle, d.operation(), d.a(), d.b(), d.c(), d.d(),
                                     d.preference(), most, results.data(), &count);
  if (status == CUBLAS_STATUS_NOT_SUPPORTED || status == CUBLAS_STATUS_ARCH_MISMATCH) return {};
  if (status != CUBLAS_STATUS_SUCCESS) return blas_error("cublasLtMatmulAlgoGetHeuristic", status);
  for (int i = 0; i < count; ++i)
    if (results[static_cast<size_t>(i)].state == CUBLAS_STATUS_SUCCESS)
      candidates->push_back(describe(results[static_cast<size_t>(i)]));
  return {};
}

Status blas_run(Blas* blas, const BlasMatmul& problem, const BlasAlgorithm& algorithm,
                const BlasOperands& operands, void* stream) {
  BlasDescriptors d;
  HALFTONE_TRY(d.build(problem, operands.bias));
  cublasLtMatmulAlgo_t algo;
  std::memcpy(&algo, algorithm.opaque, sizeof algo);
  const cublasStatus_t status = cublasLtMatmul(
      blas->handle, d.operation(), operands.alpha.bytes, operands.a, d.a(), operands.b, d.b(),
      operands.beta.bytes, operands.c, d.c(), operands.d, d.d(), &algo, operands.workspace,
      operands.workspace_bytes, static_cast<cudaStream_t>(stream));
  return status == CUBLAS_STATUS_SUCCESS ? Status{} : blas_error("cublasLtMatmul", status);
}

}  // namespace halftone::vendor
