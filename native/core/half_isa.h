// The copies of half_isa.cc, one for each instruction set level. convert() of core/half.h picks
// among them.
#pragma once
#include <cstdint>

#include "core/cpu_features.h"

namespace halftone {

// The 16-bit formats are passed as raw bits. `in` and `out` must not overlap; no alignment is asked
// for.
HALFTONE_ISA_DECLARE(                                             //
    void f16_to_f32(const uint16_t* in, float* out, int64_t n);   //
    void bf16_to_f32(const uint16_t* in, float* out, int64_t n);  //
    void f32_to_f16(const float* in, uint16_t* out, int64_t n);   //
    void f32_to_bf16(const float* in, uint16_t* out, int64_t n);)

}  // namespace halftone
