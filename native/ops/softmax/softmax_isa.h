// Softmax of one float32 row in place, one copy for each instruction set. All give the same bits.
#pragma once
#include "core/cpu_features.h"
#include "ops/softmax/softmax_row.h"

namespace halftone {

HALFTONE_ISA_DECLARE(void softmax_f32(float* x, int64_t n);)

}  // namespace halftone
