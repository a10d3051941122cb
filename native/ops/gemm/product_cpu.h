// From the tensors of an op to the engines: operands, batches and what ran.
#pragma once
#include <cstdio>

#include "ops/gemm/matrix.h"
#include "ops/gemm/product.h"

namespace halftone {

/// A product of two tensors.
struct ProductCall {
  const TensorView &a, &b;
  Product product;
  bool trans_a = false, trans_b = false;
  Compute compute = Compute::kFloat32;
  int32_t a_zero = 0, b_zero = 0;  // of int8 and uint8
};

/// Runs gemm_f32, gemm_f16 or gemm_s8 on it, whatever `compute` and the type of the store ask for.
template <class Sum>
GemmReport run_product(const KernelContext& context, const ProductCall& call,
                       const GemmStore<Sum>& store) {
  const Product& p = call.product;
  GemmSize size{p.batch.elements(), p.m, p.n, p.k};
  Shape batch = p.batch;
  // One B for all: the rows of all batches are the rows of one matrix, which is packed less often.
  if (p.b_batch.elements() == 1 && p.a_batch == p.batch && !call.trans_a) {
    size = {1, size.batch * size.m, size.n, size.k};
    batch = {};
  }
  using In = std::conditional_t<std::is_same_v<Sum, float>, float, int16_t>;
  const BatchOffsets a_offsets(batch.rank ? p.a_batch : Shape{}, batch, p.m * p.k);
  const BatchOffsets b_offsets(p.b_batch, batch, p.k * p.n);
  const MatrixOperand<In> a(call.a.data, pack_from(call.a.dtype, call.compute), !call.trans_a,
                            call.trans_a ? p.m : p.k, a_offsets, call.a_zero);
  const MatrixOperand<In> b(call.b.data, pack_from(call.b.dtype, call.compute), call.trans_b,
                            call.trans_b ? p.k : p.n, b_offsets, call.b_zero);
  if constexpr (std::is_same_v<Sum, float>)
    return call.compute == Compute::kFloat16 ? gemm_f16(context, size, a, b, store)
                                             : gemm_f32(context, size, a, b, store);
  else
    return gemm_s8(context, size, a, b, store);
}

/// made_by() for a product: "matmul_f32_avx512_12x32", "float16", "float32", "float32".
inline void product_made_by(const KernelContext& context, const char* op, const ProductCall& call,
                            const GemmReport& report) {
  char kernel[96], storage[24];
  std::snprintf(kernel, sizeof kernel, "%s_%s", op, report.kernel);
  std::snprintf(storage, sizeof storage, call.a.dtype == call.b.dtype ? "%s" : "%s, %s",
                name(call.a.dtype), name(call.b.dtype));
  context.made_by(kernel, storage, name(call.compute),
                  call.compute == Compute::kTf32 ? "float32" : name(call.compute),
                  report.workspace_bytes);
}

}  // namespace halftone
