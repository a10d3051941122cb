// The arithmetic of the fake cuDNN's engines.
#pragma once
#include "backends/emu/fake_dnn.h"

namespace halftone::vendor::fake {

/// Computes `spec` as the engine would. `run` numbers the calls: engines that vary depend on it.
void convolve(const ConvSpec& spec, int64_t engine, int64_t run, const ConvPointers& pointers);

}  // namespace halftone::vendor::fake
