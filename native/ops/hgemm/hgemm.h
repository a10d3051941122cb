// hgemm: the all-float16 product of cublasHgemm.
#pragma once
#include "ops/gemm/compute.h"
#include "ops/gemm/product.h"

namespace halftone {

/// y = alpha * op(a) * op(b) + beta * c, everything in float16: cublasHgemm,
/// cublasHgemmStridedBatched. a [..., m, k], b [..., k, n] -> y [..., m, n]. Leading axes are
/// equal, or one of a and b has none and serves all.
///
/// acc = fma_f16(a, b, acc) from +0 with k ascending; t = half_rn(alpha * acc); y = fma_f16(beta,
/// c, t), or t without c. alpha and beta are rounded to float16 first. Sums stagnate and overflow
/// as float16 does: gemmEx sums in float32.
struct Hgemm {
  static constexpr const char* kName = "hgemm";
  static constexpr const char* kDoc =
      "alpha * op(a) * op(b) + beta * c, all in float16. cublasHgemm.";
  static constexpr Port kInputs[] = {
      {.name = "a", .doc = "[..., m, k], or [..., k, m] with transA; float16"},
      {.name = "b", .doc = "[..., k, n], or [..., n, k] with transB; float16"},
      {.name = "c", .doc = "broadcasts to y; float16", .optional = true}};
  static constexpr const char* kOutputs[] = {"y"};

  struct Params {
    bool transA = false, transB = false;
    double alpha = 1, beta = 1;

    template <class V>
    void fields(V&& v) {
      v("transA", transA, {.doc = "exchange the last two axes of a first"});
      v("transB", transB, {.doc = "exchange the last two axes of b first"});
      v("alpha", alpha, {.doc = "factor of the product, rounded to float16"});
      v("beta", beta, {.doc = "factor of c, rounded to float16; c is not read when it is 0"});
    }
  };

  static Status resolve(const Params& p, const Inputs& in, Product* product) {
    for (int i = 0; i < 2; ++i)
      if (in[i].dtype != DType::kF16)
        return dtype_error(kInputs[i].name, " must be float16, got ", name(in[i].dtype),
                           "; gemmEx takes other dtypes");
    HALFTONE_TRY(check_beta(in, p.beta));
    HALFTONE_TRY(product_shapes(in[0].shape, in[1].shape, p.transA, p.transB, Batching::kStrided,
                                false, product));
    return in.has(2) ? check_addend(in[2], DType::kF16, product->out) : Status{};
  }

  static Status infer(const Params& p, const Inputs& in, Outputs& out) {
    Product product;
    HALFTONE_TRY(resolve(p, in, &product));
    out.push_back({DType::kF16, product.out});
    return {};
  }
};

}  // namespace halftone
