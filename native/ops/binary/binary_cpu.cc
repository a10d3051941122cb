#include "core/elementwise.h"
#include "ops/binary/binary.h"
#include "ops/binary/binary_isa.h"

namespace halftone {
namespace {

// bool is computed as its byte.
template <class T>
using Arithmetic = std::conditional_t<std::is_same_v<T, Bool>, uint8_t, ComputeType<T>>;

template <class Row, class C, class R>
void loop(const C* __restrict a, const C* __restrict b, R* __restrict y, int64_t n) {
  if constexpr (std::is_same_v<C, float>)
    HALFTONE_ISA_PICK(binary_f32)(Row::kIndex, a, b, y, n);
  else
    for (int64_t i = 0; i < n; ++i) y[i] = static_cast<R>(Row::template apply<C>(a[i], b[i]));
}

// Operands promoted to T, result stored as Y: T itself, or uint8_t for a bool.
template <class Row, class T, class Y>
void map(const KernelContext& context, const Operand& a, const Operand& b) {
  using C = Arithmetic<T>;
  Y* y = static_cast<Y*>(context.out().data);
  context.parallel_for(context.out().elements(), kElementwiseGrain,
                       [&](int64_t first, int64_t last) {
                         alignas(64) C a_scratch[kBlock], b_scratch[kBlock];
                         for (int64_t i = first; i < last; i += kBlock) {
                           const int64_t n = std::min(kBlock, last - i);
                           const C* pa = static_cast<const C*>(a.block(i, n, a_scratch));
                           const C* pb = static_cast<const C*>(b.block(i, n, b_scratch));
                           if constexpr (is_widened<Y>) {
                             alignas(64) C result[kBlock];
                             loop<Row>(pa, pb, result, n);
                             convert(result, y + i, n);
                           } else {
                             loop<Row>(pa, pb, y + i, n);
                           }
                         }
                       });
}

template <class Row>
Status binary_cpu(const NoParams&, const KernelContext& context) {
  const TensorView& y = context.out();
  const DType promoted = promote(context.in(0).dtype, context.in(1).dtype);
  const Operand a(context.in(0), y.shape, promoted), b(context.in(1), y.shape, promoted);
  dispatch(promoted, [&](auto tag) {
    using T = typename decltype(tag)::type;
    if constexpr (takes(Row::kKind, dtype_of<T>)) {
      using Y = std::conditional_t<keeps_dtype(Row::kKind), T, uint8_t>;
      map<Row, T, Y>(context, a, b);
    }
  });
  const std::string kernel = concat(Row::kName, "_", info(promoted).short_name);
  const char* arithmetic = name(compute_dtype(promoted));
  context.made_by(kernel.c_str(), name(promoted), arithmetic, arithmetic);
  return {};
}

}  // namespace

std::vector<CpuOp> binary_cpu_ops() {
  return {
#define HALFTONE_BINARY_ROW(Type, name, kind, doc, body) cpu_op<Type, binary_cpu<Type##Row>>(),
      HALFTONE_BINARY_TABLE(HALFTONE_BINARY_ROW)
#undef HALFTONE_BINARY_ROW
  };
}

}  // namespace halftone
