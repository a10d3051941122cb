// The loop that defines dequantize, kept callable for tests.
#pragma once
#include "core/kernel.h"
#include "ops/dequantize/dequantize.h"

namespace halftone {

Status dequantize_plain(const Dequantize::Params&, const KernelContext&);

}  // namespace halftone
