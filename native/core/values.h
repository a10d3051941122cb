// How a function that CPU and CUDA kernels share reads and writes elements: it takes one of these
// as a template argument, because a device has instructions for what the CPU does with integers.
#pragma once
#include "core/element.h"
#include "core/host_device.h"

namespace halftone {

struct HostValues {
  /// An element in the type that it is computed in. Exact.
  template <class T>
  HALFTONE_HD ComputeType<T> load(T x) {
    return widen_one(x);
  }
  /// A result as it is stored: rounded once.
  template <class T>
  HALFTONE_HD T store(ComputeType<T> x) {
    return narrow_one<T>(x);
  }
};

}  // namespace halftone
