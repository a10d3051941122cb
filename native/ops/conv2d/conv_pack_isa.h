// Packing of image patches into the panels of the product engines, and what follows the sums.
#pragma once
#include <cstdint>

#include "core/cpu_features.h"
#include "ops/gemm/pack_isa.h"

namespace halftone {

/// Patches where neighbouring pixels lie side by side (NCHW): step k of pixel i is the element
/// from[position[i] + offset[k]] when bit i of inside[k] is set, else 0.
struct PixelSteps {
  const void* from = nullptr;
  PackFrom how = PackFrom::kF32;
  int64_t width = 0, kc = 0;          // of the panel; width <= 64
  const int64_t* position = nullptr;  // [64]; those past the last pixel may be anything
  const int64_t* offset = nullptr;    // [kc]
  const uint64_t* inside = nullptr;   // [kc]; bits past the last pixel are 0
};

/// Patches where neighbouring channels lie side by side (NHWC): step k of pixel i is the element
/// from[start[i] + k], or 0 when start[i] < 0.
struct PixelLines {
  const void* from = nullptr;
  PackFrom how = PackFrom::kF32;
  int64_t count = 0, width = 0, kc = 0;
  const int64_t* start = nullptr;  // [count]
};

/// `to` gets floats, or int16 pairs for kS8 and kU8 (gemm.h).
HALFTONE_ISA_DECLARE(void pack_pixel_steps(const PixelSteps& panel, void* to);)
HALFTONE_ISA_DECLARE(void pack_pixel_lines(const PixelLines& panel, void* to);)

/// Whether any of n sums is infinite or NaN or, with `zeros`, a zero.
HALFTONE_ISA_DECLARE(bool conv_any_special(const float* sums, int64_t n, bool zeros);)

/// out[i] = relu?(sums[i] + bias[i * bias_step]); no bias when nullptr. `out` may be `sums`.
HALFTONE_ISA_DECLARE(void conv_finish_f32(const float* sums, int64_t n, const float* bias,
                                          int64_t bias_step, bool relu, float* out);)
HALFTONE_ISA_DECLARE(void conv_finish_s32(const int32_t* sums, int64_t n, const int32_t* bias,
                                          int64_t bias_step, bool relu, int32_t* out);)

}  // namespace halftone
