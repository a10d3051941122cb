// Packing of matrices into panels (see GemmOperand in gemm.h), one copy per instruction set level.
#pragma once
#include <cstdint>

#include "core/cpu_features.h"

namespace halftone {

/// How an element becomes what the kernels multiply.
enum class PackFrom : int32_t {
  kF32,   // as it is
  kTf32,  // float32 rounded to 10 fraction bits, to nearest, ties away from zero
  kF16,   // widened, exact
  kBF16,  // widened, exact
  kS8,    // int8 less the zero point, to pairs of int16
  kU8,    // uint8 less the zero point, to pairs of int16
};

/// Which part of which matrix. Strides in elements.
struct PackPanel {
  const void* from = nullptr;  // element (line 0, k 0) of the panel
  int64_t stride = 0;          // from line to line, or from k to k: the other one is 1
  int64_t count = 0, width = 0, kc = 0;
  PackFrom how = PackFrom::kF32;
  int32_t zero = 0;  // zero point of kS8, kU8
};

/// `to` gets floats, or int16 pairs for kS8 and kU8. pack_lines: a line's elements lie side by side
/// (stride: from line to line). pack_steps: the lines of one k lie side by side (stride: from k to
/// k).
HALFTONE_ISA_DECLARE(void pack_lines(const PackPanel& panel, void* to);)
HALFTONE_ISA_DECLARE(void pack_steps(const PackPanel& panel, void* to);)

}  // namespace halftone
