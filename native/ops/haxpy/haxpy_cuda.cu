#include "device/context.h"
#include "device/elementwise.h"
#include "ops/haxpy/haxpy.h"
#include "ops/haxpy/haxpy_kernel.cuh"

namespace halftone {
namespace {

Status haxpy_cuda(const Haxpy::Params& p, DeviceContext& context) {
  context.made_by({"haxpy_f16_half2", "float16", "float16", "float16"});
  const int64_t n = context.out().elements();
  if (n == 0) return {};
  const f16 *x = context.in(0).as<f16>(), *y = context.in(1).as<f16>();
  f16* z = context.out().as<f16>();
  const bool packs = device::aligned16(x) && device::aligned16(y) && device::aligned16(z);
  return device::launch("haxpy_f16", haxpy_f16,
                        device::elementwise_grid(context.properties(), n, 8), 256, 0,
                        context.stream(), to_f16(p.alpha), x, y, z, n, packs);
}

}  // namespace

std::vector<CudaOp> haxpy_cuda_ops() { return {cuda_op<Haxpy, haxpy_cuda>()}; }

}  // namespace halftone
