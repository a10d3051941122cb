// The inner loop of dequantize, compiled once per instruction set.
#pragma once
#include <cstdint>

#include "core/cpu_features.h"
#include "core/dtype.h"

namespace halftone {

struct DequantizeBlock {
  const void* q = nullptr;
  float* y = nullptr;
  int64_t count = 0;
  const float* scale = nullptr;  // `count` numbers when per_element, else one
  const int32_t* zero_point = nullptr;
  DType dtype = DType::kS8;  // of q
  bool per_element = false;
  // Round the product to odd instead of to nearest, for a second rounding to 16 bits.
  bool to_odd = false;
};

HALFTONE_ISA_DECLARE(void dequantize_block(const DequantizeBlock&);)

}  // namespace halftone
