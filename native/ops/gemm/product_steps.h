// The steps of a product that are kernels of our own: see product_kernel.cuh.
#pragma once
#include "ops/gemm/product_blas.h"

namespace halftone {

/// All `matrices` of an operand as dense lines of k, padded to multiples of 16 with zeros; uint8
/// becomes int8, less 128. `out`: matrices * padded(lines) * padded(k) elements.
struct PackCall {
  const TensorView* tensor = nullptr;
  int64_t matrices = 0, lines = 0, k = 0;
  bool by_lines = false;  // the k elements of a line lie side by side
  void* out = nullptr;
};
Status enqueue_pack(DeviceContext& context, const PackCall& call);

/// sums[line] = the sum of its k bytes, modulo 2^32; k a multiple of 4.
Status enqueue_line_sums(DeviceContext& context, const void* bytes, int64_t lines, int64_t k,
                         int32_t* sums);

/// y = c, broadcast. Elements of 2 or 4 bytes.
Status enqueue_broadcast(DeviceContext& context, const TensorView& c, const TensorView& y);

/// Sums of lines for operands with zero points: element strides from one matrix of a batch to the
/// next.
struct ZeroPoints {
  const int32_t *a_sums = nullptr, *b_sums = nullptr;
  int64_t a_stride = 0, b_stride = 0;
  uint32_t za = 0, zb = 0;
};

/// The y of `count` products of `batches`, from the `y_at`-th on. With beta = 0 or without, p.c
/// must be null.
struct FinishCall {
  Target sums;  // data nullptr: all are 0
  int64_t y_at = 0, count = 0;
  ZeroPoints zeros;
};
Status enqueue_finish(DeviceContext& context, const CudaProduct& p, const ProductBatches& batches,
                      const FinishCall& call);

}  // namespace halftone
