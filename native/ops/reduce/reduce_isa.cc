#include "ops/reduce/reduce_isa.h"

#ifndef HALFTONE_ISA_NS
#define HALFTONE_ISA_NS baseline
#endif

namespace halftone {
namespace HALFTONE_ISA_NS {
namespace {

template <ReduceKind kKind>
void add_row(float* __restrict lane, const float* __restrict x, int64_t width) {
  for (int64_t i = 0; i < width; ++i) lane[i] = combine<kKind>(lane[i], term<kKind>(x[i]));
}

template <ReduceKind kKind>
void add_rows(float* to, int64_t lanes, int64_t width, const float* x, int64_t first,
              int64_t rows) {
  if (lanes == 1 && width == 16) {  // one row of a whole vector: it stays in registers
    float lane[16];
    for (int i = 0; i < 16; ++i) lane[i] = to[i];
    for (int64_t r = 0; r < rows; ++r)
      for (int i = 0; i < 16; ++i) lane[i] = combine<kKind>(lane[i], term<kKind>(x[r * 16 + i]));
    for (int i = 0; i < 16; ++i) to[i] = lane[i];
    return;
  }
  for (int64_t r = 0; r < rows; ++r)
    add_row<kKind>(to + (first + r) % lanes * width, x + r * width, width);
}

}  // namespace

void reduce_f32(ReduceKind kind, float* to, int64_t lanes, int64_t width, const float* x,
                int64_t first, int64_t rows) {
  switch (kind) {
    case ReduceKind::kSum:
    case ReduceKind::kMean:
      return add_rows<ReduceKind::kSum>(to, lanes, width, x, first, rows);
    case ReduceKind::kSumSquare:
      return add_rows<ReduceKind::kSumSquare>(to, lanes, width, x, first, rows);
    case ReduceKind::kProd:
      return add_rows<ReduceKind::kProd>(to, lanes, width, x, first, rows);
    case ReduceKind::kMax:
      return add_rows<ReduceKind::kMax>(to, lanes, width, x, first, rows);
    case ReduceKind::kMin:
      return add_rows<ReduceKind::kMin>(to, lanes, width, x, first, rows);
  }
}

}  // namespace HALFTONE_ISA_NS
}  // namespace halftone
