// One number to a code of float8 or float4: shared by the CPU and devices.
#pragma once
#include "core/narrow.h"

namespace halftone {

/// The code of x / scale (or x * scale) + zero. A zero point of 0 is not added: that would lose -0.
HALFTONE_HD uint8_t quantize_narrow(const NarrowFormat& f, float x, float scale, float zero,
                                    bool multiply, bool saturate) {
  const float t = multiply ? x * scale : x / scale;
  return narrow::encode(f, zero != 0 ? t + zero : t, saturate);
}

}  // namespace halftone
