// One dp4a per element. Bound by memory: 8 bytes in, 4 out.
#pragma once
#include "core/shape.h"
#include "device/device.h"

namespace halftone {

/// Row-major strides of the three operands over the result, in groups of four (a, b) or elements
/// (c); 0 along axes that are broadcast.
struct Dot4Walk {
  int32_t rank = 0;
  int64_t sizes[kMaxRank] = {};
  int64_t a[kMaxRank] = {}, b[kMaxRank] = {}, c[kMaxRank] = {};
};

/// y[i] = c + the four products of a and b, modulo 2^32; c may be nullptr. a and b are aligned to 4
/// bytes. kSame: all operands have the result's shape.
template <bool kAUnsigned, bool kBUnsigned, bool kSame>
__global__ void __launch_bounds__(256)
    dot4_elements(Dot4Walk walk, const int32_t* a, const int32_t* b, const int32_t* c, int32_t* y,
                  int64_t n) {
  for (int64_t i = int64_t{blockIdx.x} * 256 + threadIdx.x; i < n; i += int64_t{gridDim.x} * 256) {
    int64_t at_a = i, at_b = i, at_c = i;
    if constexpr (!kSame) {
      at_a = at_b = at_c = 0;
      int64_t rest = i;
      for (int axis = walk.rank - 1; axis >= 0; --axis) {
        const int64_t index = rest % walk.sizes[axis];
        rest /= walk.sizes[axis];
        at_a += index * walk.a[axis];
        at_b += index * walk.b[axis];
        at_c += index * walk.c[axis];
      }
    }
    y[i] = device::dot4<kAUnsigned, kBUnsigned>(a[at_a], b[at_b], c ? c[at_c] : 0);
  }
}

}  // namespace halftone
