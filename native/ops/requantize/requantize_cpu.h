// The loop that defines requantize, kept callable for tests.
#pragma once
#include "core/kernel.h"
#include "ops/requantize/requantize.h"

namespace halftone {

Status requantize_plain(const Requantize::Params&, const KernelContext&);

}  // namespace halftone
