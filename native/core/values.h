// How a function that CPU and CUDA kernels share reads and writes elements: it takes one of these
// as a template argument, because a device has instructions for what the CPU does with integers.
#pragma once
#include "core/compute_type.h"
#include "core/host_device.h"

namespace halftone {

struct HostValues {
  /// An element in the type that it is computed in. Exact.
  template <class T>
  HALFTONE_HD ComputeType<T> load(T x) {
    if constexpr (is_widened<T>)
      return to_float(x);
    else
      return x;
  }
  /// A result as it is stored: rounded once.
  template <class T>
  HALFTONE_HD T store(ComputeType<T> x) {
    if constexpr (std::is_same_v<T, f16>)
      return to_f16(x);
    else if constexpr (std::is_same_v<T, bf16>)
      return to_bf16(x);
    else
      return x;
  }
};

}  // namespace halftone
