// gemmEx: the product with mixed types of cublasSgemmEx and cublasGemmEx.
#pragma once
#include <cmath>

#include "ops/gemm/compute.h"
#include "ops/gemm/product.h"

namespace halftone {

/// y = alpha * op(a) * op(b) + beta * c: cublasGemmEx, cublasGemmStridedBatchedEx (cuBLAS 13.1,
/// table of cublasGemmEx). a [..., m, k], b [..., k, n] -> y [..., m, n]. Leading axes are equal,
/// or one of a and b has none and serves all.
///
///   a, b       compute                  y (outputDType)                alpha, beta
///   float16    float32 (default)        float16 (default), float32     float32
///   float16    float16                  float16                        float16, as hgemm
///   bfloat16   float32                  bfloat16 (default), float32    float32
///   float32    float32 (default), tf32  float32                        float32
///   int8       int32                    int32 (default)                int32: whole numbers
///   int8       int32                    float32                        float32
///
/// Sums as in matmul. Then, in float32: t = alpha * sum; y = fma(beta, c, t), or t without c; one
/// rounding to y. An int32 sum becomes a float32 (rounded to nearest) first. In int32: modulo 2^32.
/// cuBLAS computes int8 -> float32 with float32 sums; the int32 sums here are exact, so they agree
/// while k * 127 * 127 < 2^24 and are closer beyond.
struct GemmEx {
  static constexpr const char* kName = "gemmEx";
  static constexpr const char* kDoc =
      "alpha * op(a) * op(b) + beta * c with separate types of inputs, sums and result. "
      "cublasGemmEx.";
  static constexpr Port kInputs[] = {
      {.name = "a",
       .doc = "[..., m, k], or [..., k, m] with transA; float32, float16, bfloat16 or int8"},
      {.name = "b", .doc = "[..., k, n], or [..., n, k] with transB; the dtype of a"},
      {.name = "c", .doc = "broadcasts to y; the dtype of y", .optional = true}};
  static constexpr const char* kOutputs[] = {"y"};

  struct Params {
    bool transA = false, transB = false;
    double alpha = 1, beta = 1;
    Compute compute = Compute::kDefault;
    MaybeDType outputDType;

    template <class V>
    void fields(V&& v) {
      v("transA", transA, {.doc = "exchange the last two axes of a first"});
      v("transB", transB, {.doc = "exchange the last two axes of b first"});
      v("alpha", alpha, {.doc = "factor of the product"});
      v("beta", beta, {.doc = "factor of c; c is not read when it is 0"});
      v("compute", compute, {.doc = "type of the sums; null: int32 for int8, float32 for others"});
      v("outputDType", outputDType, {.doc = "null: int32 for int8, the dtype of a for others"});
    }
  };

  static Status resolve(const Params& p, const Inputs& in, Product* product, Compute* compute,
                        DType* out) {
    const DType a = in[0].dtype, b = in[1].dtype;
    if (a != b)
      return dtype_error("b must have the dtype of a, got a ", name(a), " and b ", name(b));
    const bool halves = a == DType::kF16 || a == DType::kBF16;
    if (!halves && a != DType::kF32 && a != DType::kS8)
      return unsupported(
          "a and b of ", name(a),
          " are not in cublasGemmEx's table: float32, float16, bfloat16 and int8 are",
          a == DType::kU8 ? "; gemmInt8 takes uint8" : "");
    HALFTONE_TRY(resolve_compute(a, p.compute, compute));
    const DType usual = a == DType::kS8 ? DType::kS32 : a;
    *out = p.outputDType.or_else(usual);
    const bool to_f32 = *out == DType::kF32 && *compute != Compute::kFloat16;
    if (*out != usual && !to_f32)
      return unsupported(
          "outputDType '", name(*out), "' is not offered for ", name(a), " with compute '",
          name(*compute), "': '", name(usual),
          *compute == Compute::kFloat16 || usual == DType::kF32 ? "' is" : "' and 'float32' are");
    if (*out == DType::kS32)
      for (const double scale : {p.alpha, p.beta})
        if (scale != std::floor(scale) || std::fabs(scale) > 2147483647.0)
          return param_error(
              "alpha and beta must be whole numbers within int32 for an int32 result, got alpha ",
              p.alpha, " and beta ", p.beta);
    HALFTONE_TRY(check_beta(in, p.beta));
    HALFTONE_TRY(product_shapes(in[0].shape, in[1].shape, p.transA, p.transB, Batching::kStrided,
                                false, product));
    return in.has(2) ? check_addend(in[2], *out, product->out) : Status{};
  }

  static Status infer(const Params& p, const Inputs& in, Outputs& out) {
    Product product;
    Compute compute;
    TensorDesc y;
    HALFTONE_TRY(resolve(p, in, &product, &compute, &y.dtype));
    y.shape = product.out;
    out.push_back(y);
    return {};
  }
};

}  // namespace halftone
