#include "core/elementwise.h"
#include "ops/where/where.h"

namespace halftone {
namespace {

template <class T>
void select(const uint8_t* __restrict condition, const T* __restrict a, const T* __restrict b,
            T* __restrict y, int64_t n) {
  for (int64_t i = 0; i < n; ++i) y[i] = condition[i] ? a[i] : b[i];
}

// The integer dtype with elements of `size` bytes: the bits pass through unread.
constexpr DType bits_dtype(int32_t size) {
  return size == 1 ? DType::kU8 : size == 2 ? DType::kU16 : size == 4 ? DType::kS32 : DType::kS64;
}

Status where_cpu(const NoParams&, const KernelContext& context) {
  const TensorView& y = context.out();
  const DType bits = bits_dtype(size_of(y.dtype));
  TensorView condition = context.in(0), a = context.in(1), b = context.in(2);
  condition.dtype = DType::kU8;
  a.dtype = b.dtype = bits;
  const Operand from_condition(condition, y.shape, DType::kU8), from_a(a, y.shape, bits),
      from_b(b, y.shape, bits);
  dispatch(bits, [&](auto tag) {
    using T = typename decltype(tag)::type;
    if constexpr (std::is_integral_v<T>)
      context.parallel_for(y.elements(), kElementwiseGrain, [&](int64_t first, int64_t last) {
        alignas(64) uint8_t condition_scratch[kBlock];
        alignas(64) T a_scratch[kBlock], b_scratch[kBlock];
        for (int64_t i = first; i < last; i += kBlock) {
          const int64_t n = std::min(kBlock, last - i);
          select(static_cast<const uint8_t*>(from_condition.block(i, n, condition_scratch)),
                 static_cast<const T*>(from_a.block(i, n, a_scratch)),
                 static_cast<const T*>(from_b.block(i, n, b_scratch)), y.as<T>() + i, n);
        }
      });
  });
  const std::string kernel = concat("where_", info(y.dtype).short_name);
  context.made_by(kernel.c_str(), name(y.dtype), "none", "none");
  return {};
}

}  // namespace

std::vector<CpuOp> where_cpu_ops() { return {cpu_op<Where, where_cpu>()}; }

}  // namespace halftone
