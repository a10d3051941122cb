// Our own int8 product on CUDA: dp4a kernels for any size, transposition, sign and alignment.
#pragma once
#include "device/context.h"
#include "ops/gemm/product.h"

namespace halftone {

/// y[..., i, j] = sum over k of (op(a)[..., i, k] - a_zero) * (op(b)[..., k, j] - b_zero), int32
/// modulo 2^32. a and b row-major int8 or uint8 in any pairing; leading axes broadcast as `product`
/// says. y is dense and must not overlap a or b.
struct GemmS8 {
  const void* a = nullptr;
  const void* b = nullptr;
  int32_t* y = nullptr;
  DType a_type = DType::kS8, b_type = DType::kS8;
  Product product;  // of product_shapes()
  bool trans_a = false, trans_b = false;
  int32_t a_zero = 0, b_zero = 0;
  // Elements from one stored row to the next, at least a row's length; 0: rows are dense. The
  // matrices of a batch follow one another: rows * ld elements.
  int64_t lda = 0, ldb = 0;
};

/// What ran, for made_by(): library "halftone-cuda", multiply and accumulate "int32".
struct GemmS8Report {
  const char* kernel = "gemm_s8_empty";
  uint64_t workspace_bytes = 0;
};

/// Enqueues the product:
/// - tiles of 128 x 128 sums, k split over blocks while there are fewer tiles than places for
/// blocks;
/// - up to 64 rows of A or columns of B: kernels that read the other operand once for each 16 of
///   them. A tile's 128 lines would take the time of 128 (H200: 2.25 ps per n and k, at 85 % of the
///   dp4a rate), 64 of the skinny kernel's take 1.6 ps (at 60 %), and 14 or fewer take what reading
///   the many takes (0.2 ps). The percentages are estimates from instruction counts.
/// Empty results and k = 0 (all sums 0) are handled. Any device of sm_61 or
/// newer; no alignment is needed, 16-byte aligned rows are faster.
Status gemm_s8_dp4a(DeviceContext&, const GemmS8&, GemmS8Report*);

}  // namespace halftone
