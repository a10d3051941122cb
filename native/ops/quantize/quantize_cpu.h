// The loop that defines quantize, kept callable for tests.
#pragma once
#include "core/kernel.h"
#include "ops/quantize/quantize.h"

namespace halftone {

Status quantize_plain(const Quantize::Params&, const KernelContext&);

}  // namespace halftone
