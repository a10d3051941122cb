// The inner loop of reductions over float32, one copy for each instruction set. All give the same
// bits.
#pragma once
#include <cstdint>

#include "core/cpu_features.h"
#include "ops/reduce/reduce_combine.h"

namespace halftone {

/// Row r of `x` [rows, width] is combined into lane (first + r) % lanes of `to` [lanes, width].
HALFTONE_ISA_DECLARE(void reduce_f32(ReduceKind kind, float* to, int64_t lanes, int64_t width,
                                     const float* x, int64_t first, int64_t rows);)

}  // namespace halftone
