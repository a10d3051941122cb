#pragma once
#include "core/schema.h"

namespace halftone {

/// y' = alpha x + y in float16 arithmetic: one fused multiply-add per element, rounded once. The
/// level-1 routine that BLAS lacks for halves.
struct Haxpy {
  static constexpr const char* kName = "haxpy";
  static constexpr const char* kDoc =
      "alpha * x + y in true float16: one fused multiply-add per element, rounded once to nearest "
      "even; subnormals are "
      "kept. BLAS axpy for halves.";
  static constexpr Port kInputs[] = {{.name = "x", .doc = "float16, any shape"},
                                     {.name = "y", .doc = "float16, the shape of x"}};
  static constexpr const char* kOutputs[] = {"z"};
  struct Params {
    double alpha = 1;
    template <class V>
    void fields(V&& v) {
      v("alpha", alpha, {.doc = "the factor, first rounded to float16"});
    }
  };

  static Status infer(const Params&, const Inputs& in, Outputs& out) {
    if (in[0].dtype != DType::kF16 || in[1].dtype != DType::kF16)
      return dtype_error("x and y must be float16, got ", name(in[0].dtype), " and ",
                         name(in[1].dtype));
    if (!(in[0].shape == in[1].shape))
      return shape_error("x and y must have the same shape, got x ", in[0].shape, " and y ",
                         in[1].shape);
    out.push_back(in[0]);
    return {};
  }
};

}  // namespace halftone
