// z = a * x + y over n halves, given and taken as bits.
#pragma once
#include <cstdint>

#include "core/cpu_features.h"

namespace halftone {

/// The loop that defines the result: fma_f16 on each element. All others equal it bit for bit, but
/// for the payloads of NaNs.
void haxpy_plain(uint16_t a, const uint16_t* x, const uint16_t* y, uint16_t* z, int64_t n);

/// For CPUs without float16 conversions or vectors known here: blocks in float32, rounded to odd.
void haxpy_blocks(uint16_t a, const uint16_t* x, const uint16_t* y, uint16_t* z, int64_t n);

HALFTONE_ISA_DECLARE(void haxpy(uint16_t a, const uint16_t* x, const uint16_t* y, uint16_t* z,
                                int64_t n);)

}  // namespace halftone
