#include "core/kernel.h"
#include "ops/dot4/dot4.h"
#include "ops/gemm/matrix.h"

namespace halftone {
namespace {

Status dot4_cpu(const NoParams&, const KernelContext& context) {
  const TensorView &a = context.in(0), &b = context.in(1), &y = context.out();
  const BatchOffsets a_at(Dot4::groups(a.shape), y.shape, 4),
      b_at(Dot4::groups(b.shape), y.shape, 4);
  const bool has_c = context.has(2);
  const BatchOffsets c_at = has_c ? BatchOffsets(context.in(2).shape, y.shape, 1) : BatchOffsets();
  dispatch_bytes(a.dtype, b.dtype, [&](auto a_tag, auto b_tag) {
    const auto* const as = a.as<const typename decltype(a_tag)::type>();
    const auto* const bs = b.as<const typename decltype(b_tag)::type>();
    const int32_t* const cs = has_c ? context.in(2).as<const int32_t>() : nullptr;
    int32_t* const to = y.as<int32_t>();
    context.parallel_for(y.elements(), 1 << 12, [&](int64_t first, int64_t last) {
      for (int64_t i = first; i < last; ++i)
        to[i] = dot4(as + a_at[i], bs + b_at[i], cs ? cs[c_at[i]] : 0);
    });
  });
  context.made_by("dot4_plain", a.dtype == b.dtype ? name(a.dtype) : "int8, uint8", "int32",
                  "int32");
  return {};
}

}  // namespace

std::vector<CpuOp> dot4_cpu_ops() { return {cpu_op<Dot4, dot4_cpu>()}; }

}  // namespace halftone
