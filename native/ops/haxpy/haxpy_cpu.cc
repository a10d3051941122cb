#include "core/elementwise.h"
#include "ops/haxpy/haxpy.h"
#include "ops/haxpy/haxpy_isa.h"

namespace halftone {

void haxpy_plain(uint16_t a, const uint16_t* x, const uint16_t* y, uint16_t* z, int64_t n) {
  for (int64_t i = 0; i < n; ++i) z[i] = fma_f16({a}, {x[i]}, {y[i]}).bits;
}

namespace {

// sum[i] = a * x[i] + y[i] rounded to odd: see haxpy_isa.cc.
void multiply_add_to_odd(float a, const float* __restrict x, const float* __restrict y,
                         float* __restrict sum, int64_t n) {
  for (int64_t i = 0; i < n; ++i) {
    const float product = a * x[i], s = product + y[i], part = s - product;
    const float error = (product - (s - part)) + (y[i] - part);
    const uint32_t bits = std::bit_cast<uint32_t>(s);
    const int32_t differ = std::bit_cast<int32_t>(bits ^ std::bit_cast<uint32_t>(error)) >> 31;
    const uint32_t odd = bits + static_cast<uint32_t>(differ | 1);
    const bool inexact = (error > 0) | (error < 0);
    sum[i] = std::bit_cast<float>(inexact & !(bits & 1) ? odd : bits);
  }
}

}  // namespace

void haxpy_blocks(uint16_t a, const uint16_t* x, const uint16_t* y, uint16_t* z, int64_t n) {
  alignas(64) float from_x[kBlock], from_y[kBlock], sum[kBlock];
  for (int64_t i = 0; i < n; i += kBlock) {
    const int64_t m = std::min(kBlock, n - i);
    convert(reinterpret_cast<const f16*>(x + i), from_x, m);
    convert(reinterpret_cast<const f16*>(y + i), from_y, m);
    multiply_add_to_odd(to_float(f16{a}), from_x, from_y, sum, m);
    convert(sum, reinterpret_cast<f16*>(z + i), m);
  }
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
