#include "ops/gemm/epilogue.h"
#include "ops/gemm/product_cpu.h"
#include "ops/hgemm/hgemm.h"

namespace halftone {
namespace {

Status hgemm_cpu(const Hgemm::Params& params, const KernelContext& context) {
  const TensorView &a = context.in(0), &b = context.in(1), &y = context.out();
  ProductCall call{a, b, {}, params.transA, params.transB, Compute::kFloat16};
  HALFTONE_TRY(product_shapes(a.shape, b.shape, params.transA, params.transB, Batching::kStrided,
                              false, &call.product));
  const f16 alpha = to_f16(params.alpha), beta = to_f16(params.beta);
  AddendRows<f16> c;
  if (context.has(2) && to_float(beta) != 0) c = AddendRows<f16>(context.in(2), y.shape);
  const GemmReport report = run_product(
      context, call, HalfStore(y.as<f16>(), call.product.m, call.product.n, alpha, beta, c));
  product_made_by(context, "hgemm", call, report);
  return {};
}

}  // namespace

std::vector<CpuOp> hgemm_cpu_ops() { return {cpu_op<Hgemm, hgemm_cpu>()}; }

}  // namespace halftone
