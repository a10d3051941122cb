// linear: the fully connected layer, with its bias and activation in the same step.
#pragma once
#include "ops/gemm/compute.h"
#include "ops/gemm/product.h"

namespace halftone {

/// What is applied to a product before it is stored. 'gelu-tanh': 0.5 x (1 + tanh(sqrt(2 / pi) (x +
/// 0.044715 x^3))), the formula that cuBLASLt calls GELU.
enum class LinearActivation : int32_t { kNone = 0, kRelu = 1, kGeluTanh = 2 };
template <>
struct EnumNames<LinearActivation> {
  static constexpr const char* kName = "LinearActivation";
  static constexpr const char* kDoc =
      "A function applied to the result of a fully connected layer before it is stored.";
  static constexpr const char* kValues[] = {"none", "relu", "gelu-tanh"};
};

/// y = activation(x * transpose(w) + bias): Caffe2's FC, ONNX Gemm-13 with transB; cublasLtMatmul
/// with its epilogue. x [..., k], w [n, k] ([k, n] with transW) -> y [..., n]. bias [n], the dtype
/// of y.
///
///   x, w      compute                  y (outputDType)
///   float32   float32 (default), tf32  float32
///   float16   float32 (default)        float16 (default), float32
///   float16   float16                  float16
///   bfloat16  float32                  bfloat16 (default), float32
///
/// Sums as in matmul. 'float32', 'tf32': the bias is added and the activation applied in float32;
/// one rounding to y. 'float16': the float16 sum plus the bias is rounded to float16, and so is the
/// value of the activation, which is computed in float32.
struct Linear {
  static constexpr const char* kName = "linear";
  static constexpr const char* kDoc =
      "Fully connected layer: x times a matrix of weights, plus a bias, through an activation. "
      "Caffe2 FC.";
  static constexpr Port kInputs[] = {
      {.name = "x", .doc = "[..., k]; float32, float16 or bfloat16"},
      {.name = "w", .doc = "[n, k], or [k, n] with transW; the dtype of x"},
      {.name = "bias", .doc = "[n]; the dtype of y", .optional = true}};
  static constexpr const char* kOutputs[] = {"y"};

  struct Params {
    bool transW = false;
    LinearActivation activation = LinearActivation::kNone;
    Compute compute = Compute::kDefault;
    MaybeDType outputDType;

    template <class V>
    void fields(V&& v) {
      v("transW", transW, {.doc = "w is [k, n], as the second matrix of matmul"});
      v("activation", activation, {.doc = "applied before the result is stored"});
      v("compute", compute, {.doc = "type of the sums; null: float32"});
      v("outputDType", outputDType, {.doc = "null: the dtype of x"});
    }
  };

  /// `product`: of x as a matrix, its leading axes taken together, with w; `out` keeps the axes.
  static Status resolve(const Params& p, const Inputs& in, Product* product, Compute* compute,
                        DType* out) {
    const TensorDesc &x = in[0], &w = in[1];
    if (x.dtype != DType::kF32 && x.dtype != DType::kF16 && x.dtype != DType::kBF16)
      return dtype_error("x must be float32, float16 or bfloat16, got ", name(x.dtype),
                         "; matmul takes other dtypes");
    if (w.dtype != x.dtype)
      return dtype_error("w must have the dtype of x, got x ", name(x.dtype), " and w ",
                         name(w.dtype));
    if (x.shape.rank < 1) return shape_error("x must have 1 or more axes, got x ", x.shape);
    if (w.shape.rank != 2) return shape_error("w must have 2 axes, got w ", w.shape);
    const int last = x.shape.rank - 1, w_k = p.transW ? 0 : 1;
    if (x.shape[last] != w.shape[w_k])
      return shape_error("x.shape[", last, "] must equal w.shape[", w_k, "], got x ", x.shape,
                         " and w ", w.shape, p.transW ? ", transW" : "");
    HALFTONE_TRY(resolve_compute(x.dtype, p.compute, compute));
    *out = p.outputDType.or_else(x.dtype);
    const bool widened = *out == DType::kF32 && *compute == Compute::kFloat32;
    if (*out != x.dtype && !widened)
      return unsupported("outputDType '", name(*out), "' is not offered for ", name(x.dtype),
                         " with compute '", name(*compute), "': '", name(x.dtype), "' is");
    *product = {};
    product->k = x.shape[last];
    product->n = w.shape[1 - w_k];
    product->m = detail::leading(x.shape, last).elements();
    product->out = detail::leading(x.shape, last);
    product->out.push_back(product->n);
    if (!in.has(2)) return {};
    if (in[2].dtype != *out)
      return dtype_error("bias must have the result's dtype ", name(*out), ", got ",
                         name(in[2].dtype));
    if (!(in[2].shape == Shape{product->n}))
      return shape_error("bias must be [", product->n, "], got ", in[2].shape);
    return {};
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
