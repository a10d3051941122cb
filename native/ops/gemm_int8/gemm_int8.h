// gemmInt8: exact products of 8-bit integers.
#pragma once
#include "ops/gemm/compute.h"
#include "ops/gemm/product.h"

namespace halftone {

/// Which kind of kernel multiplies 8-bit integers. All give the same int32.
enum class Int8Kernel : int32_t { kAuto = 0, kDp4a = 1, kImma = 2 };
template <>
struct EnumNames<Int8Kernel> {
  static constexpr const char* kName = "Int8Kernel";
  static constexpr const char* kDoc =
      "The instructions of an int8 product: four products at a time on ordinary cores, or tensor "
      "cores.";
  static constexpr const char* kValues[] = {"auto", "dp4a", "imma"};
};

/// y = sum over k of (op(a) - aZeroPoint) * (op(b) - bZeroPoint), int32, modulo 2^32. ONNX
/// MatMulInteger-10 with scalar zero points; cublasGemmEx with COMPUTE_32I for int8. a [..., m, k],
/// b [..., k, n], each int8 or uint8 -> y [..., m, n] int32. Leading axes are equal, or one of a
/// and b has none and serves all.
struct GemmInt8 {
  static constexpr const char* kName = "gemmInt8";
  static constexpr const char* kDoc = "Exact product of int8 or uint8 matrices with int32 sums.";
  static constexpr Port kInputs[] = {
      {.name = "a", .doc = "[..., m, k], or [..., k, m] with transA; int8 or uint8"},
      {.name = "b", .doc = "[..., k, n], or [..., n, k] with transB; int8 or uint8"}};
  static constexpr const char* kOutputs[] = {"y"};

  struct Params {
    Int8Kernel kernel = Int8Kernel::kAuto;
    bool transA = false, transB = false;
    int64_t aZeroPoint = 0, bZeroPoint = 0;

    template <class V>
    void fields(V&& v) {
      v("kernel", kernel,
        {.doc =
             "'dp4a': groups of four products; 'imma': integer tensor cores; 'auto': the fastest"});
      v("transA", transA, {.doc = "exchange the last two axes of a first"});
      v("transB", transB, {.doc = "exchange the last two axes of b first"});
      v("aZeroPoint", aZeroPoint,
        {.doc = "subtracted from a; within a's dtype", .min = -128, .max = 255});
      v("bZeroPoint", bZeroPoint,
        {.doc = "subtracted from b; within b's dtype", .min = -128, .max = 255});
    }
  };

  static Status check(const char* which, const TensorDesc& t, int64_t zero) {
    if (t.dtype != DType::kS8 && t.dtype != DType::kU8)
      return dtype_error(which, " must be int8 or uint8, got ", name(t.dtype));
    const int64_t low = t.dtype == DType::kS8 ? -128 : 0;
    if (zero < low || zero > low + 255)
      return param_error(which, "ZeroPoint must lie in [", low, ", ", low + 255, "] for ",
                         name(t.dtype), ", got ", zero);
    return {};
  }

  static Status infer(const Params& p, const Inputs& in, Outputs& out) {
    HALFTONE_TRY(check("a", in[0], p.aZeroPoint));
    HALFTONE_TRY(check("b", in[1], p.bZeroPoint));
    Product product;
    HALFTONE_TRY(product_shapes(in[0].shape, in[1].shape, p.transA, p.transB, Batching::kStrided,
                                false, &product));
    out.push_back({DType::kS32, product.out});
    return {};
  }
};

}  // namespace halftone
