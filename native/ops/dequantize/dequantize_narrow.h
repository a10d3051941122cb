// One code of float8 or float4 to a number: shared by the CPU and devices.
#pragma once
#include "core/narrow.h"

namespace halftone {

/// What is multiplied with the scale; rounded to float32 where there is a zero point.
HALFTONE_HD float narrow_difference(const NarrowFormat& f, uint8_t q, float zero) {
  const float value = narrow::decode(f, q);
  return zero != 0 ? value - zero : value;
}

}  // namespace halftone
