// Copies between two tensors whose axes lie differently in memory: what transpose, slice and concat
// come down to. Elements are moved by their size alone, in the widest unit that the strides allow.
#pragma once
#include "core/dispatch_bits.h"
#include "device/elementwise.h"
#include "device/strided.h"

namespace halftone::device {

struct alignas(16) Bytes16 {
  uint64_t low, high;
};

/// to[...] = from[...] at n positions: the first tensor of `axes` is `to`, the second `from`.
template <class T>
__global__ void __launch_bounds__(256)
    copy_elements(Strided<2> axes, const T* from, T* to, uint32_t n) {
  const uint32_t threads = gridDim.x * blockDim.x;
  int64_t at[2];
  for (uint32_t i = blockIdx.x * blockDim.x + threadIdx.x; i < n; i += threads) {
    axes.offsets(i, at);
    to[at[0]] = from[at[1]];
  }
}

/// The same axes in units of `factor` elements, which must be runs in both tensors.
inline Axes<2> in_units(const Axes<2>& axes, int64_t factor) {
  Axes<2> units;
  for (int k = 0; k < axes.rank; ++k) {
    const bool last = k == axes.rank - 1;
    units.push_back(
        last ? axes.dims[k] / factor : axes.dims[k],
        {last ? 1 : axes.strides[0][k] / factor, last ? 1 : axes.strides[1][k] / factor});
  }
  return units;
}

/// The widest unit, in bytes, of which every run along the last axis consists in both tensors.
inline int64_t widest_unit(const Axes<2>& axes, int64_t size, const void* from, const void* to) {
  const int last = axes.rank - 1;
  if (axes.rank == 0 || axes.strides[0][last] != 1 || axes.strides[1][last] != 1) return size;
  uint64_t bits = reinterpret_cast<uintptr_t>(from) | reinterpret_cast<uintptr_t>(to) |
                  static_cast<uint64_t>(axes.dims[last] * size);
  for (int k = 0; k < last; ++k)
    bits |= static_cast<uint64_t>(axes.strides[0][k] * size) |
            static_cast<uint64_t>(axes.strides[1][k] * size);
  int64_t unit = 16;
  while (unit > size && bits % static_cast<uint64_t>(unit) != 0) unit /= 2;
  return unit;
}

/// Enqueues a copy of all elements of `axes`, of `size` bytes each. Distances may be negative.
inline Status copy_strided(const char* name, const Axes<2>& axes, int64_t size, const void* from,
                           void* to, const vendor::DeviceProperties& properties,
                           vendor::Stream stream) {
  if (axes.elements() == 0) return {};
  const int64_t unit = widest_unit(axes, size, from, to);
  const auto copy_as = [&](auto zero) -> Status {
    using T = decltype(zero);
    return in_pieces(unit == size ? axes : in_units(axes, unit / size),
                     [&](const Axes<2>& part, const int64_t (&start)[2]) -> Status {
                       const int64_t n = part.elements();
                       return launch(name, copy_elements<T>, elementwise_grid(properties, n, 1),
                                     kElementwiseThreads, 0, stream, Strided<2>(part),
                                     static_cast<const T*>(from) + start[1],
                                     static_cast<T*>(to) + start[0], static_cast<uint32_t>(n));
                     });
  };
  return unit == 16 ? copy_as(Bytes16{}) : dispatch_bits(unit, copy_as);
}

}  // namespace halftone::device
