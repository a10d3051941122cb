// For code that moves elements and never looks into them: one C++ type per size instead of one per
// dtype.
#pragma once
#include <cstdint>

namespace halftone {

/// Calls f(T{}) with the unsigned integer of `bytes` (1, 2, 4 or 8) bytes.
template <class F>
decltype(auto) dispatch_bits(int64_t bytes, F&& f) {
  switch (bytes) {
    case 1:
      return f(uint8_t{});
    case 2:
      return f(uint16_t{});
    case 4:
      return f(uint32_t{});
    default:
      return f(uint64_t{});
  }
}

}  // namespace halftone
