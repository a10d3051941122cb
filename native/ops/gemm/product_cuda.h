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

/// An op that is one product of its first two inputs. kDescribe fills in what else the params say,
/// given op, a, b and y; kThird is where a third input goes.
template <class Op, Status (*kDescribe)(const typename Op::Params&, CudaProduct*),
          const TensorView* CudaProduct::* kThird = nullptr>
struct ProductOp {
  static Status describe(const void* params, const TensorView& a, const TensorView& b,
                         const TensorView& y, CudaProduct* p) {
    p->op = Op::kName;
    p->a = a;
    p->b = b;
    p->y = y;
    return kDescribe(*static_cast<const typename Op::Params*>(params), p);
  }
  static Status supports(const void* params, const CudaCall& call) {
    CudaProduct p;
    HALFTONE_TRY(describe(params, call.in[0], call.in[1], call.out[0], &p));
    return product_supports(p, call.device);
  }
  static Status run(const void* params, DeviceContext& context) {
    CudaProduct p;
    HALFTONE_TRY(describe(params, context.in(0), context.in(1), context.out(), &p));
    if constexpr (kThird != nullptr)
      if (context.has(2)) p.*kThird = &context.in(2);
    return run_cuda_product(context, p);
  }
  static CudaOp op() { return {&make_schema<Op>, &supports, &run}; }
};

/// What the gemm family has in common: the transposes, and matrices of a batch side by side.
template <class Params>
Status gemm_shapes(const Params& params, CudaProduct* p) {
  p->trans_a = params.transA;
  p->trans_b = params.transB;
  return product_shapes(p->a.shape, p->b.shape, params.transA, params.transB, Batching::kStrided,
                        false, &p->product);
}

}  // namespace halftone
