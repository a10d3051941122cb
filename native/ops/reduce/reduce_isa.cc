#include "ops/reduce/reduce_isa.h"

#ifndef HALFTONE_ISA_NS
#define HALFTONE_ISA_NS baseline
#endif

namespace halftone {
namespace HALFTONE_ISA_NS {
namespace {

/// f(constant of kind): a mean is a sum until its end.
template <class F>
void with_kind(ReduceKind kind, F&& f) {
  switch (kind) {
    case ReduceKind::kSum:
    case ReduceKind::kMean:
      return f.template operator()<ReduceKind::kSum>();
    case ReduceKind::kSumSquare:
      return f.template operator()<ReduceKind::kSumSquare>();
    case ReduceKind::kProd:
      return f.template operator()<ReduceKind::kProd>();
    case ReduceKind::kMax:
      return f.template operator()<ReduceKind::kMax>();
    case ReduceKind::kMin:
      return f.template operator()<ReduceKind::kMin>();
  }
}

}  // namespace

void reduce_rows_f32(ReduceKind kind, const float* x, int64_t rows, int64_t n, float* y) {
  with_kind(kind, [&]<ReduceKind kKind>() {
    for (int64_t r = 0; r < rows; ++r) y[r] = combine_row<kKind>(x + r * n, n);
  });
}

void reduce_columns_f32(ReduceKind kind, float* to, int64_t width, const float* x, int64_t first,
                        int64_t rows) {
  with_kind(kind, [&]<ReduceKind kKind>() { combine_columns<kKind>(to, width, x, first, rows); });
}

}  // namespace HALFTONE_ISA_NS
}  // namespace halftone
