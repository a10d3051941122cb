#include "ops/dot4/dot4.h"
#include "ops/gemm/product_cpu.h"
#include "ops/gemm_int8/gemm_int8.h"

namespace halftone {
namespace {

/// The order of a dp4a kernel on the CPU: groups of four k, the last filled up with zeros. Zero
/// points by algebra: sum (a - za)(b - zb) = sum ab - zb * sum a - za * sum b + k * za * zb, modulo
/// 2^32.
void gemm_int8_dp4a_plain(const KernelContext& context, const ProductCall& call) {
  const Product& p = call.product;
  const BatchOffsets a_offsets(p.a_batch, p.batch, p.m * p.k),
      b_offsets(p.b_batch, p.batch, p.k * p.n);
  const int64_t a_row = call.trans_a ? 1 : p.k, a_step = call.trans_a ? p.m : 1;
  const int64_t b_step = call.trans_b ? 1 : p.n, b_col = call.trans_b ? p.k : 1;
  const uint32_t za = static_cast<uint32_t>(call.a_zero), zb = static_cast<uint32_t>(call.b_zero);
  dispatch_bytes(call.a.dtype, call.b.dtype, [&](auto a_tag, auto b_tag) {
    using A = typename decltype(a_tag)::type;
    using B = typename decltype(b_tag)::type;
    context.parallel_for(p.batch.elements() * p.m, 1, [&](int64_t line, int64_t) {
      const A* const a = call.a.as<const A>() + a_offsets[line / p.m] + line % p.m * a_row;
      for (int64_t j = 0; j < p.n; ++j) {
        const B* const b = call.b.as<const B>() + b_offsets[line / p.m] + j * b_col;
        constexpr int8_t kOnes[4] = {1, 1, 1, 1};
        int32_t sum = 0, a_sum = 0, b_sum = 0;
        for (int64_t k = 0; k < p.k; k += 4) {
          A a4[4] = {};
          B b4[4] = {};
          for (int64_t i = 0; i < std::min<int64_t>(4, p.k - k); ++i) {
            a4[i] = a[(k + i) * a_step];
            b4[i] = b[(k + i) * b_step];
          }
          sum = dot4(a4, b4, sum);
          a_sum = dot4(a4, kOnes, a_sum);
          b_sum = dot4(b4, kOnes, b_sum);
        }
        const uint32_t y = static_cast<uint32_t>(sum) - zb * static_cast<uint32_t>(a_sum) -
                           za * static_cast<uint32_t>(b_sum) + static_cast<uint32_t>(p.k) * za * zb;
        context.out().as<int32_t>()[line * p.n + j] = static_cast<int32_t>(y);
      }
    });
  });
}

Status gemm_int8_supports(const GemmInt8::Params& params) {
  if (params.kernel != Int8Kernel::kImma) return {};
  return unsupported(
      "kernel 'imma' needs a GPU with integer tensor cores; on the CPU 'auto' and 'dp4a' give the "
      "same int32");
}

Status gemm_int8_cpu(const GemmInt8::Params& params, const KernelContext& context) {
  const TensorView &a = context.in(0), &b = context.in(1), &y = context.out();
  ProductCall call{a,
                   b,
                   {},
                   params.transA,
                   params.transB,
                   Compute::kInt32,
                   static_cast<int32_t>(params.aZeroPoint),
                   static_cast<int32_t>(params.bZeroPoint)};
  HALFTONE_TRY(product_shapes(a.shape, b.shape, params.transA, params.transB, Batching::kStrided,
                              false, &call.product));
  GemmReport report;
  if (params.kernel == Int8Kernel::kDp4a) {
    gemm_int8_dp4a_plain(context, call);
    std::snprintf(report.kernel, sizeof report.kernel, "dp4a_plain");
  } else {
    report =
        run_product(context, call, IntMatrixStore(y.as<int32_t>(), call.product.m, call.product.n));
  }
  product_made_by(context, "gemmInt8", call, report);
  return {};
}

}  // namespace

std::vector<CpuOp> gemm_int8_cpu_ops() {
  return {cpu_op<GemmInt8, gemm_int8_cpu, gemm_int8_supports>()};
}

}  // namespace halftone
