#include "ops/gemm/epilogue.h"
#include "ops/gemm/product_cpu.h"
#include "ops/gemm_ex/gemm_ex.h"

namespace halftone {
namespace {

Status gemm_ex_cpu(const GemmEx::Params& params, const KernelContext& context) {
  const TensorView &a = context.in(0), &b = context.in(1), &y = context.out();
  ProductCall call{a, b, {}, params.transA, params.transB};
  HALFTONE_TRY(resolve_compute(a.dtype, params.compute, &call.compute));
  HALFTONE_TRY(product_shapes(a.shape, b.shape, params.transA, params.transB, Batching::kStrided,
                              false, &call.product));
  const int64_t m = call.product.m, n = call.product.n;
  const auto addend = [&]<class T>(TypeTag<T>) {
    return context.has(2) && params.beta != 0 ? AddendRows<T>(context.in(2), y.shape)
                                              : AddendRows<T>();
  };
  const auto scaled = [&]<class Sum, class T>(TypeTag<Sum>, TypeTag<T> tag) {
    return run_product(context, call,
                       ScaledStore<Sum, T>(y.as<T>(), m, n, static_cast<float>(params.alpha),
                                           static_cast<float>(params.beta), addend(tag)));
  };

  GemmReport report;
  if (call.compute == Compute::kFloat16)
    report = run_product(context, call,
                         HalfStore(y.as<f16>(), m, n, to_f16(params.alpha), to_f16(params.beta),
                                   addend(TypeTag<f16>{})));
  else if (y.dtype == DType::kS32)
    report =
        run_product(context, call,
                    IntScaledStore(y.as<int32_t>(), m, n, static_cast<int32_t>(params.alpha),
                                   static_cast<int32_t>(params.beta), addend(TypeTag<int32_t>{})));
  else if (a.dtype == DType::kS8)
    report = scaled(TypeTag<int32_t>{}, TypeTag<float>{});
  else if (y.dtype == DType::kF32)
    report = scaled(TypeTag<float>{}, TypeTag<float>{});
  else if (y.dtype == DType::kF16)
    report = scaled(TypeTag<float>{}, TypeTag<f16>{});
  else
    report = scaled(TypeTag<float>{}, TypeTag<bf16>{});
  product_made_by(context, "gemmEx", call, report);
  return {};
}

}  // namespace

std::vector<CpuOp> gemm_ex_cpu_ops() { return {cpu_op<GemmEx, gemm_ex_cpu>()}; }

}  // namespace halftone
