// The inner loops of reductions over float32, one copy for each instruction set. All give the same
// bits.
#pragma once
#include <cstdint>

#include "core/cpu_features.h"
#include "ops/reduce/reduce_combine.h"

namespace halftone {

/// reduce_rows_f32: y[r] = combine_row of row r of `x` [rows, n]. reduce_columns_f32:
/// combine_columns.
HALFTONE_ISA_DECLARE(void reduce_rows_f32(ReduceKind kind, const float* x, int64_t rows, int64_t n,
                                          float* y);
                     void reduce_columns_f32(ReduceKind kind, float* to, int64_t width,
                                             const float* x, int64_t first, int64_t rows);)

}  // namespace halftone
