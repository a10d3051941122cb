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

/// Rows along the last axis of two tensors, cut into chunks.
struct RowChunks {
  uint32_t length = 0, chunk = 0;  // elements of a row, of all its chunks but the last
  uint32_t count = 0;              // chunks of all rows
  unsigned lanes = 1;              // threads that share a chunk: a power of two
  Divider per_row;
  int64_t to_step = 1, from_step = 1;
};

/// The same by rows: where an element lies is found once for all that a thread takes of a chunk,
/// several of them at a time, and not by divisions for each. `outer`: all axes but the last.
template <class T>
__global__ void __launch_bounds__(256)
    copy_rows(Strided<2> outer, RowChunks rows, const T* from, T* to) {
  constexpr uint32_t kAhead = 4;
  const uint32_t lane = threadIdx.x & (rows.lanes - 1), at_once = blockDim.x / rows.lanes;
  int64_t at[2];
  for (uint32_t i = blockIdx.x * at_once + threadIdx.x / rows.lanes; i < rows.count;
       i += gridDim.x * at_once) {
    const uint32_t row = rows.per_row.quotient(i);
    const uint32_t first = (i - row * rows.per_row.divisor) * rows.chunk;
    const uint32_t left = rows.length - first, end = left < rows.chunk ? left : rows.chunk;
    outer.offsets(row, at);
    const T* x = from + at[1] + static_cast<int64_t>(first + lane) * rows.from_step;
    T* y = to + at[0] + static_cast<int64_t>(first + lane) * rows.to_step;
    const int64_t x_step = rows.lanes * rows.from_step, y_step = rows.lanes * rows.to_step;
    uint32_t k = lane;
    for (; k + (kAhead - 1) * rows.lanes < end; k += kAhead * rows.lanes) {
      T v[kAhead];
#pragma unroll
      for (uint32_t j = 0; j < kAhead; ++j) v[j] = x[j * x_step];
#pragma unroll
      for (uint32_t j = 0; j < kAhead; ++j) y[j * y_step] = v[j];
      x += kAhead * x_step;
      y += kAhead * y_step;
    }
    T rest[kAhead - 1] = {};
#pragma unroll
    for (uint32_t j = 0; j < kAhead - 1; ++j)
      if (k + j * rows.lanes < end) rest[j] = x[j * x_step];
#pragma unroll
    for (uint32_t j = 0; j < kAhead - 1; ++j)
      if (k + j * rows.lanes < end) y[j * y_step] = rest[j];
  }
}

/// Shorter rows leave a thread too few elements for what a row costs it.
inline constexpr int64_t kLeastRow = 32;
/// Of a chunk: eight elements for each of a block's threads.
inline constexpr int64_t kMostChunk = 2048;

/// The rows of `axes`, of at least kLeastRow elements, and the axes outside of them.
inline RowChunks row_chunks(const Axes<2>& axes, Axes<2>* outer) {
  const int last = axes.rank - 1;
  *outer = axes;
  outer->rank = last;
  const int64_t length = axes.dims[last], chunk = std::min(length, kMostChunk);
  const int64_t per_row = (length + chunk - 1) / chunk;
  RowChunks rows{.length = static_cast<uint32_t>(length),
                 .chunk = static_cast<uint32_t>(chunk),
                 .count = static_cast<uint32_t>(outer->elements() * per_row),
                 .per_row = Divider(static_cast<uint32_t>(per_row)),
                 .to_step = axes.strides[0][last],
                 .from_step = axes.strides[1][last]};
  // At least four elements for each thread: what it has under way at a time.
  while (rows.lanes < kElementwiseThreads && rows.lanes * 8 <= chunk) rows.lanes *= 2;
  return rows;
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
                       const T* x = static_cast<const T*>(from) + start[1];
                       T* y = static_cast<T*>(to) + start[0];
                       const int64_t n = part.elements();
                       if (part.rank == 0 || part.dims[part.rank - 1] < kLeastRow)
                         return launch(name, copy_elements<T>, elementwise_grid(properties, n, 1),
                                       kElementwiseThreads, 0, stream, Strided<2>(part), x, y,
                                       static_cast<uint32_t>(n));
                       Axes<2> outer;
                       const RowChunks rows = row_chunks(part, &outer);
                       return launch(
                           name, copy_rows<T>,
                           elementwise_grid(properties, int64_t{rows.count} * rows.lanes, 1),
                           kElementwiseThreads, 0, stream, Strided<2>(outer), rows, x, y);
                     });
  };
  return unit == 16 ? copy_as(Bytes16{}) : dispatch_bits(unit, copy_as);
}

}  // namespace halftone::device
