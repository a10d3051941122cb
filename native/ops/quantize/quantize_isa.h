// The inner loop of quantize, compiled once per instruction set.
#pragma once
#include <cstdint>

#include "core/cpu_features.h"
#include "core/dtype.h"

namespace halftone {

struct QuantizeBlock {
  const float* x = nullptr;
  void* y = nullptr;
  int64_t count = 0;
  const float* scale = nullptr;  // `count` numbers when per_element, else one
  const int32_t* zero_point = nullptr;
  int32_t low = 0, high = 0;
  DType dtype = DType::kS8;  // of y
  bool per_element = false, half_away = false, multiply = false;
};

HALFTONE_ISA_DECLARE(void quantize_block(const QuantizeBlock&);)

}  // namespace halftone
