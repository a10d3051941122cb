#include "ops/gemm/product_cpu.h"
#include "ops/matmul/matmul.h"

namespace halftone {
namespace {

/// float64, row by row of y: no engine, float64 is for checking others. acc = acc + a * b with k
/// ascending.
void matmul_f64_plain(const KernelContext& context, const ProductCall& call) {
  const Product& p = call.product;
  const BatchOffsets a_offsets(p.a_batch, p.batch, p.m * p.k),
      b_offsets(p.b_batch, p.batch, p.k * p.n);
  const int64_t a_row = call.trans_a ? 1 : p.k, a_step = call.trans_a ? p.m : 1;
  const int64_t b_step = call.trans_b ? 1 : p.n, b_col = call.trans_b ? p.k : 1;
  context.parallel_for(
      p.batch.elements() * p.m, std::max<int64_t>(1, (1 << 16) / std::max<int64_t>(1, p.n * p.k)),
      [&](int64_t first, int64_t last) {
        for (int64_t i = first; i < last; ++i) {
          const double* const a = call.a.as<double>() + a_offsets[i / p.m] + i % p.m * a_row;
          const double* const b = call.b.as<double>() + b_offsets[i / p.m];
          double* const y = context.out().as<double>() + i * p.n;
          std::fill_n(y, p.n, 0.0);
          for (int64_t k = 0; k < p.k; ++k)
            for (int64_t j = 0; j < p.n; ++j) y[j] += a[k * a_step] * b[k * b_step + j * b_col];
        }
      });
}

Status matmul_cpu(const Matmul::Params& params, const KernelContext& context) {
  const TensorView &a = context.in(0), &b = context.in(1), &y = context.out();
  ProductCall call{a, b, {}, params.transA, params.transB};
  DType out;
  const TensorDesc descs[] = {{a.dtype, a.shape}, {b.dtype, b.shape}};
  const TensorDesc* const inputs[] = {&descs[0], &descs[1]};
  HALFTONE_TRY(Matmul::resolve(params, Inputs(inputs), &call.product, &call.compute, &out));

  const int64_t m = call.product.m, n = call.product.n;
  GemmReport report;
  switch (out) {
    case DType::kF32:
      report = run_product(context, call, MatrixStore<float>(y.as<float>(), m, n));
      break;
    case DType::kF16:
      report = run_product(context, call, MatrixStore<f16>(y.as<f16>(), m, n));
      break;
    case DType::kBF16:
      report = run_product(context, call, MatrixStore<bf16>(y.as<bf16>(), m, n));
      break;
    case DType::kS32:
      report = run_product(context, call, IntMatrixStore(y.as<int32_t>(), m, n));
      break;
    default:
      matmul_f64_plain(context, call);
      context.made_by("matmul_f64_plain", "float64", "float64", "float64");
      return {};
  }
  product_made_by(context, "matmul", call, report);
  return {};
}

}  // namespace

std::vector<CpuOp> matmul_cpu_ops() { return {cpu_op<Matmul, matmul_cpu>()}; }

}  // namespace halftone
