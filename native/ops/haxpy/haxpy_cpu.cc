#include "core/elementwise.h"
#include "ops/haxpy/haxpy.h"
#include "ops/haxpy/haxpy_isa.h"

namespace halftone {

void haxpy_plain(uint16_t a, const uint16_t* x, const uint16_t* y, uint16_t* z, int64_t n) {
  for (int64_t i = 0; i < n; ++i) z[i] = fma_f16({a}, {x[i]}, {y[i]}).bits;
}

namespace {

Status haxpy_cpu(const Haxpy::Params& p, const KernelContext& context) {
  const uint16_t alpha = to_f16(p.alpha).bits;
  const uint16_t *x = context.in(0).as<uint16_t>(), *y = context.in(1).as<uint16_t>();
  uint16_t* z = context.out().as<uint16_t>();
  const auto run = HALFTONE_ISA_PICK(haxpy);
  context.parallel_for(context.out().elements(), kElementwiseGrain,
                       [&](int64_t first, int64_t last) {
                         run(alpha, x + first, y + first, z + first, last - first);
                       });
  const std::string kernel = concat("haxpy_f16_", name(cpu_isa()));
  context.made_by(kernel.c_str(), "float16", "float16", "float16");
  return {};
}

}  // namespace

std::vector<CpuOp> haxpy_cpu_ops() { return {cpu_op<Haxpy, haxpy_cpu>()}; }

}  // namespace halftone
