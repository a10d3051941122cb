// Matrix products on a CUDA device, shared by matmul, linear and the gemm family: which call of
// cuBLASLt, or which of our own kernels, computes what an op asks for.
#pragma once
#include "device/context.h"
#include "ops/gemm/compute.h"
#include "ops/gemm/finish_activation.h"
#include "ops/gemm/product.h"

namespace halftone {

/// Which instructions multiply 8-bit integers.
enum class ByteEngine { kAuto, kDp4a, kTensorCores };

/// y = activation(alpha * op(a) * op(b) + beta * c + bias), row-major. Arithmetic: that of the op's
/// schema, for `compute` as resolve_compute() gives it (kDefault: float64).
struct CudaProduct {
  const char* op = "";  // "matmul": the first part of the kernel's name
  TensorView a, b, y;
  Product product;
  bool trans_a = false, trans_b = false;
  Compute compute = Compute::kFloat32;
  double alpha = 1, beta = 0;
  const TensorView* c = nullptr;     // broadcasts to y; not read when beta, rounded, is 0
  const TensorView* bias = nullptr;  // [n], the dtype of y
  FinishActivation activation = FinishActivation::kNone;
  // Of integers.
  int32_t a_zero = 0, b_zero = 0;
  ByteEngine bytes = ByteEngine::kAuto;
};

/// What of it this device cannot do; pointers are not looked at.
Status product_supports(const CudaProduct& p, const vendor::DeviceProperties& device);

/// Enqueues it and says how it was made.
Status run_cuda_product(DeviceContext& context, const CudaProduct& p);

}  // namespace halftone
