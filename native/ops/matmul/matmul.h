// matmul: the product of NumPy and ONNX, with the arithmetic as a parameter.
#pragma once
#include "ops/gemm/compute.h"
#include "ops/gemm/product.h"

namespace halftone {

/// y = op(a) * op(b). numpy.matmul, ONNX MatMul-13 and MatMulInteger-10 without zero points.
/// a [..., m, k], b [..., k, n] -> y [..., m, n]; leading axes broadcast; a [k] is a row and b [k]
/// a column, whose axis is left out of y. transA, transB: the last two axes are exchanged first.
///
///   a, b                         compute                       y
///   float32                      float32 (default), tf32       float32
///   float16                      float32 (default)             float16 (default), float32
///   float16                      float16                       float16
///   bfloat16                     float32                       bfloat16 (default), float32
///   float64                      (default)                     float64
///   int8, uint8 in any pairing   int32                         int32, modulo 2^32
///
/// 'float32': operands are widened exactly; float32 sums; one rounding to y. 'tf32': operands are
/// rounded to 10 fraction bits first (nearest, ties away). 'float16': acc = fma_f16(a, b, acc) from
/// +0 with k ascending. With k = 0 y is 0.
struct Matmul {
  static constexpr const char* kName = "matmul";
  static constexpr const char* kDoc = "Matrix product with NumPy's broadcasting. ONNX MatMul-13.";
  static constexpr Port kInputs[] = {
      {.name = "a",
       .doc = "[..., m, k] or [k]; float32, float16, bfloat16, float64, int8 or uint8"},
      {.name = "b", .doc = "[..., k, n] or [k]; the dtype of a (int8 and uint8 may be mixed)"}};
  static constexpr const char* kOutputs[] = {"y"};

  struct Params {
    bool transA = false, transB = false;
    Compute compute = Compute::kDefault;
    MaybeDType outputDType;

    template <class V>
    void fields(V&& v) {
      v("transA", transA, {.doc = "exchange the last two axes of a first"});
      v("transB", transB, {.doc = "exchange the last two axes of b first"});
      v("compute", compute,
        {.doc = "type of the sums; null: int32 for integers, float32 for others"});
      v("outputDType", outputDType, {.doc = "null: int32 for integers, the dtype of a for others"});
    }
  };

  static Status resolve(const Params& p, const Inputs& in, Product* product, Compute* compute,
                        DType* out) {
    const DType a = in[0].dtype, b = in[1].dtype;
    const bool a8 = a == DType::kS8 || a == DType::kU8, b8 = b == DType::kS8 || b == DType::kU8;
    if (!a8 && a != DType::kF32 && a != DType::kF16 && a != DType::kBF16 && a != DType::kF64)
      return dtype_error("a must be float32, float16, bfloat16, float64, int8 or uint8, got ",
                         name(a));
    if (a != b && !(a8 && b8))
      return dtype_error("b must ", a8 ? "be int8 or uint8 as a" : "have the dtype of a",
                         ", got a ", name(a), " and b ", name(b));
    HALFTONE_TRY(resolve_compute(a, p.compute, compute));
    const DType usual = a8 ? DType::kS32 : a;
    *out = p.outputDType.or_else(usual);
    const bool widened = *out == DType::kF32 && (a == DType::kF16 || a == DType::kBF16) &&
                         *compute == Compute::kFloat32;
    if (*out != usual && !widened)
      return unsupported("outputDType '", name(*out), "' is not offered for ", name(a),
                         " with compute '", name(*compute), "': '", name(usual), "' is");
    return product_shapes(in[0].shape, in[1].shape, p.transA, p.transB, Batching::kBroadcast, true,
                          product);
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
