// The innermost loops of max pooling.
//
// Values are compared as integers, keys, whose order is that of the values: negative floats have
// all bits but the sign flipped. So one loop serves all dtypes, vectorizes, and treats NaN (the
// largest key) and -0 the same way everywhere.
#pragma once
#include <cstdint>

#include "core/cpu_features.h"

namespace halftone {

/// S: int32_t for float32, int16_t for 16-bit floats, else the dtype itself.
template <class S>
struct PoolLoops {
  S lowest;  // the key of what padding counts as
  void (*largest)(const S* from, int64_t stride, int64_t n,
                  S* keys);            // keys[i] = max(keys[i], key(from[i * stride]))
  void (*values)(S* keys, int64_t n);  // keys to values, in place
};

HALFTONE_ISA_DECLARE(PoolLoops<int32_t> pool_f32();)
HALFTONE_ISA_DECLARE(PoolLoops<int16_t> pool_f16();)
HALFTONE_ISA_DECLARE(PoolLoops<int16_t> pool_bf16();)
HALFTONE_ISA_DECLARE(PoolLoops<int8_t> pool_s8();)
HALFTONE_ISA_DECLARE(PoolLoops<uint8_t> pool_u8();)

}  // namespace halftone
