// Loops over float32, one copy for each instruction set. All give the same bits.
#pragma once
#include <cstdint>

#include "core/cpu_features.h"
#include "ops/binary/binary_table.h"

namespace halftone {

/// y: float for arithmetic, uint8_t (0 or 1) for comparisons; nothing for logical functions.
HALFTONE_ISA_DECLARE(void binary_f32(BinaryIndex row, const float* a, const float* b, void* y,
                                     int64_t n);)

}  // namespace halftone
