#pragma once
#include <cstdint>

#include "core/cpu_features.h"

namespace halftone {

/// Runs `rounds` times a few independent chains of float32 FMAs; returns how many floating-point
/// operations that were.
HALFTONE_ISA_DECLARE(double run_fma_chains(int64_t rounds);)

}  // namespace halftone
