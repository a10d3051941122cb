// Loops over float32, one copy for each instruction set. All give the same bits.
#pragma once
#include <cstdint>

#include "core/cpu_features.h"
#include "ops/unary/unary_table.h"

namespace halftone {

HALFTONE_ISA_DECLARE(void unary_f32(UnaryIndex row, const float* x, float* y, int64_t n);
                     void gelu_f32(bool by_tanh, const float* x, float* y, int64_t n);
                     void clip_f32(float low, float high, const float* x, float* y, int64_t n);)

}  // namespace halftone
