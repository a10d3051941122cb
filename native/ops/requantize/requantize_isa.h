// The inner loop of requantize, compiled once per instruction set.
#pragma once
#include <cstdint>

#include "core/cpu_features.h"
#include "core/dtype.h"
#include "ops/quantize/rounding.h"

namespace halftone {

struct RequantizeBlock {
  const int32_t* x = nullptr;
  void* y = nullptr;
  int64_t count = 0;
  // One of these, as `arithmetic` says: `count` numbers when per_element, else one.
  const float* scale32 = nullptr;
  const double* scale64 = nullptr;
  const FixedPoint* fixed = nullptr;
  const int32_t* zero_point = nullptr;
  int32_t low = 0, high = 0;
  DType dtype = DType::kS8;  // of y
  bool per_element = false;
  enum Arithmetic : int32_t {
    kEven32,
    kAway32,
    kEven64,
    kAway64,
    kTfliteDouble,
    kTosa
  } arithmetic = kEven32;
};

HALFTONE_ISA_DECLARE(void requantize_block(const RequantizeBlock&);)

}  // namespace halftone
