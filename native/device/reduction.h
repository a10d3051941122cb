// Reductions over axes: two kernels and a second stage, for any operator that folds the elements
// that belong to one result into a state.
//
// Order: positions are taken in a fixed order that depends on the shape alone, and states are
// merged in fixed trees. So a result is the same from run to run and on every device.
//
// A fold F is copied to the device and has
//   using State;                                  a plain struct
//   State start() const;                          of no elements
//   void take(State&, Value, int64_t position);   `position` of the element among its result's
//   State merge(const State&, const State&);
//   void store(int64_t result, const State&);
// and a source S is where elements come from: Elements<T> or Integers, below. A thread has
// S::kAhead packs of it under way at a time: one of each would not keep memory busy.
#pragma once
#include <limits>

#include "core/dtype.h"
#include "device/divide.h"
#include "device/half.h"

namespace halftone::device {

inline constexpr unsigned kReduceThreads = 256;
inline constexpr int kReduceAxes = 4;  // 8 axes of alternating fate are 4 and 4

/// Some axes of a dense tensor; positions count in index order.
struct Axes {
  int32_t count = 0;
  Divisor dims[kReduceAxes];
  int64_t strides[kReduceAxes] = {};
};

/// Where `position` lies.
HALFTONE_HD int64_t offset_of(const Axes& axes, int64_t position) {
  int64_t offset = 0;
  for (int i = kReduceAxes - 1; i > 0; --i)
    if (i < axes.count) {
      const int64_t above = quotient(axes.dims[i], position);
      offset += (position - above * axes.dims[i].divisor) * axes.strides[i];
      position = above;
    }
  return offset + position * axes.strides[0];
}

/// results = positions of `kept` times `columns`, which are neighbours in memory; each has `terms`
/// elements at the positions of `reduced`. These are cut into `splits` pieces of `piece` positions
/// (the last one may be shorter); more than one piece makes states that fold_pieces() merges.
struct Reduction {
  Axes kept, reduced;
  int64_t columns = 1, terms = 0, results = 0;
  int64_t piece = 0, splits = 1;
  // fold_rows: threads that share one row, a power of two up to 32, or all of the block.
  // fold_columns: threads beside each other, a power of two up to 32.
  unsigned lanes = 1;
  bool packs = false;  // elements are read S::kPack at a time
};

/// The elements of a float tensor, widened to float (float64: double).
template <class T>
struct Elements {
  static constexpr int kPack = kPerPack<T>;
  static constexpr int kAhead = 4;
  using Value = std::conditional_t<sizeof(T) == 8, double, float>;
  const T* x;

  __device__ static Value value(T v) {
    if constexpr (sizeof(T) == 8)
      return v;
    else
      return device::to_float(v);
  }
  __device__ Value at(int64_t i) const { return value(x[i]); }
  /// kPack elements from i on; x + i is aligned to 16 bytes.
  __device__ void pack(int64_t i, Value* out) const {
    const Pack<T, kPack> all = *reinterpret_cast<const Pack<T, kPack>*>(x + i);
    for (int j = 0; j < kPack; ++j) out[j] = value(all.v[j]);
  }
  /// kAhead packs, `step` elements apart.
  __device__ void packs(int64_t i, int64_t step, Value (*out)[kPack]) const {
#pragma unroll
    for (int k = 0; k < kAhead; ++k) pack(i + k * step, out[k]);
  }
};

/// The elements of a tensor of any integer dtype, in int64 (uint64: modulo 2^64).
struct Integers {
  static constexpr int kPack = 4, kAhead = 4;
  using Value = int64_t;
  const void* x;
  DType dtype;
  int64_t flip = 0;  // bits that are turned over: the highest one orders uint64 as int64

  /// Of elements that are to be compared.
  static constexpr int64_t ordering(DType t) {
    return t == DType::kU64 ? std::numeric_limits<int64_t>::min() : 0;
  }

  template <class F>
  __device__ static void typed(DType t, F&& f) {
    switch (t) {
      case DType::kS8:
        return f(int8_t{});
      case DType::kU8:
        return f(uint8_t{});
      case DType::kS16:
        return f(int16_t{});
      case DType::kU16:
        return f(uint16_t{});
      case DType::kS32:
        return f(int32_t{});
      case DType::kU32:
        return f(uint32_t{});
      default:  // int64 and uint64: the same bits
        return f(int64_t{});
    }
  }
  __device__ Value at(int64_t i) const {
    Value v = 0;
    typed(dtype, [&](auto tag) { v = static_cast<const decltype(tag)*>(x)[i]; });
    return v ^ flip;
  }
  template <class T>
  __device__ void pack_as(int64_t i, Value* out) const {
    // int64: two accesses of 16 bytes.
    constexpr int kPart = sizeof(T) == 8 ? 2 : 4;
    for (int j = 0; j < kPack; j += kPart) {
      const auto part = *reinterpret_cast<const Pack<T, kPart>*>(static_cast<const T*>(x) + i + j);
      for (int k = 0; k < kPart; ++k) out[j + k] = part.v[k] ^ flip;
    }
  }
  __device__ void pack(int64_t i, Value* out) const {
    typed(dtype, [&](auto tag) { pack_as<decltype(tag)>(i, out); });
  }
  __device__ void packs(int64_t i, int64_t step, Value (*out)[kPack]) const {
    typed(dtype, [&](auto tag) {
#pragma unroll
      for (int k = 0; k < kAhead; ++k) pack_as<decltype(tag)>(i + k * step, out[k]);
    });
  }
};

/// What a state is shuffled as.
template <class State>
struct StateWords {
  static constexpr int kCount = static_cast<int>((sizeof(State) + 3) / 4);
  uint32_t words[kCount];
};

template <class State>
__device__ State shuffle_xor(const State& s, int lanes) {
  StateWords<State> w;
  __builtin_memcpy(&w, &s, sizeof s);
  for (int i = 0; i < StateWords<State>::kCount; ++i)
    w.words[i] = __shfl_xor_sync(0xffffffffu, w.words[i], lanes);
  State other;
  __builtin_memcpy(&other, &w, sizeof s);
  return other;
}

/// The state of `lanes` (a power of two up to 32) neighbouring threads, in the first of them.
template <class F>
__device__ typename F::State merge_lanes(const F& f, typename F::State s, unsigned lanes) {
  for (unsigned far = lanes / 2; far > 0; far /= 2) {
    const typename F::State other = shuffle_xor(s, static_cast<int>(far));
    s = f.merge(s, other);
  }
  return s;
}

/// Rows: columns is 1 and the last reduced axis is dense. `lanes` threads share a row; with all 256
/// of the block, a row may be cut into pieces. pieces[result * splits + piece] when there are
/// several.
template <class S, class F>
__global__ void __launch_bounds__(kReduceThreads)
    fold_rows(S source, F f, Reduction r, typename F::State* pieces) {
  using State = typename F::State;
  constexpr int kChains = 4;  // hide the latency of one chain of sums
  __shared__ State of_warps[kReduceThreads / 32];
  const unsigned lane = threadIdx.x & (r.lanes - 1);
  const int64_t item =
      static_cast<int64_t>(blockIdx.x) * (kReduceThreads / r.lanes) + threadIdx.x / r.lanes;
  const int64_t result = r.splits == 1 ? item : item / r.splits;
  State s[kChains];
  for (int k = 0; k < kChains; ++k) s[k] = f.start();
  if (result < r.results) {
    const int64_t begin = (item - result * r.splits) * r.piece;
    const int64_t end = begin + r.piece < r.terms ? begin + r.piece : r.terms;
    const int64_t base = offset_of(r.kept, result);
    const bool dense = r.reduced.count <= 1;
    int64_t p = begin;
    if (r.packs) {
      const int64_t step = static_cast<int64_t>(r.lanes) * S::kPack;
      const int64_t whole = begin + (end - begin) / S::kPack * S::kPack;
      p = begin + static_cast<int64_t>(lane) * S::kPack;
      if (dense)
        for (; p + (S::kAhead - 1) * step < whole; p += S::kAhead * step) {
          typename S::Value v[S::kAhead][S::kPack];
          source.packs(base + p, step, v);
#pragma unroll
          for (int k = 0; k < S::kAhead; ++k)
            for (int j = 0; j < S::kPack; ++j) f.take(s[j % kChains], v[k][j], p + k * step + j);
        }
      for (; p < whole; p += step) {
        typename S::Value v[S::kPack];
        source.pack(base + (dense ? p : offset_of(r.reduced, p)), v);
        for (int j = 0; j < S::kPack; ++j) f.take(s[j % kChains], v[j], p + j);
      }
      p = whole;
    }
    for (p += lane; p < end; p += r.lanes)
      f.take(s[0], source.at(base + (dense ? p : offset_of(r.reduced, p))), p);
  }
  State all = f.merge(f.merge(s[0], s[1]), f.merge(s[2], s[3]));
  all = merge_lanes(f, all, r.lanes < 32 ? r.lanes : 32);
  if (r.lanes > 32) {
    if (threadIdx.x % 32 == 0) of_warps[threadIdx.x / 32] = all;
    __syncthreads();
    if (threadIdx.x < 32) {
      constexpr unsigned kWarps = kReduceThreads / 32;
      all = merge_lanes(f, of_warps[threadIdx.x % kWarps], kWarps);
    }
  }
  if (lane == 0 && result < r.results) {
    if (r.splits == 1)
      f.store(result, all);
    else
      pieces[item] = all;
  }
}

/// Columns: the last axis is kept. A block takes lanes * kWide columns of one position of `kept`;
/// its threads share the positions of `reduced` in rows of `lanes` threads.
///
/// Three blocks have to fit on a multiprocessor: left to itself, ptxas spills to fit six.
template <class S, class F>
__global__ void __launch_bounds__(kReduceThreads, 3)
    fold_columns(S source, F f, Reduction r, typename F::State* pieces) {
  using State = typename F::State;
  constexpr int kPack = S::kPack;
  __shared__ State tile[kReduceThreads * kPack];
  const int wide = r.packs ? kPack : 1;
  const unsigned x = threadIdx.x & (r.lanes - 1), rows = kReduceThreads / r.lanes;
  const unsigned row = threadIdx.x / r.lanes;
  const int64_t width = static_cast<int64_t>(r.lanes) * wide;
  const int64_t tiles = (r.columns + width - 1) / width;
  const int64_t item = static_cast<int64_t>(blockIdx.x) / r.splits;
  const int64_t split = static_cast<int64_t>(blockIdx.x) - item * r.splits;
  const int64_t kept = item / tiles;
  const int64_t column = (item - kept * tiles) * width + static_cast<int64_t>(x) * wide;
  const int64_t begin = split * r.piece;
  const int64_t end = begin + r.piece < r.terms ? begin + r.piece : r.terms;
  const int64_t base = offset_of(r.kept, kept) + column;
  State s[kPack];
  for (int j = 0; j < kPack; ++j) s[j] = f.start();
  if (column < r.columns) {
    int64_t p = begin + row;
    if (r.packs && r.reduced.count <= 1) {
      const int64_t step = int64_t{rows} * r.reduced.strides[0];
      for (; p + (S::kAhead - 1) * int64_t{rows} < end; p += S::kAhead * int64_t{rows}) {
        typename S::Value v[S::kAhead][kPack];
        source.packs(base + p * r.reduced.strides[0], step, v);
#pragma unroll
        for (int k = 0; k < S::kAhead; ++k)
          for (int j = 0; j < kPack; ++j) f.take(s[j], v[k][j], p + k * int64_t{rows});
      }
    }
    for (; p < end; p += rows) {
      const int64_t at = base + offset_of(r.reduced, p);
      if (r.packs) {
        typename S::Value v[kPack];
        source.pack(at, v);
        for (int j = 0; j < kPack; ++j) f.take(s[j], v[j], p);
      } else {
        f.take(s[0], source.at(at), p);
      }
    }
  }
  for (int j = 0; j < kPack; ++j) tile[j * kReduceThreads + threadIdx.x] = s[j];
  for (unsigned half = rows / 2; half > 0; half /= 2) {
    __syncthreads();
    if (row < half)
      for (int j = 0; j < wide; ++j) {
        State& to = tile[j * kReduceThreads + threadIdx.x];
        to = f.merge(to, tile[j * kReduceThreads + threadIdx.x + half * r.lanes]);
      }
  }
  if (row == 0 && column < r.columns)
    for (int j = 0; j < wide; ++j) {
      const int64_t result = kept * r.columns + column + j;
      const State& all = tile[j * kReduceThreads + threadIdx.x];
      if (r.splits == 1)
        f.store(result, all);
      else
        pieces[result * r.splits + split] = all;
    }
}

/// The states of a result's pieces, one warp for each result.
template <class F>
__global__ void __launch_bounds__(kReduceThreads)
    fold_pieces(F f, const typename F::State* pieces, int64_t results, int64_t splits) {
  const int64_t result =
      static_cast<int64_t>(blockIdx.x) * (kReduceThreads / 32) + threadIdx.x / 32;
  const unsigned lane = threadIdx.x % 32;
  typename F::State s = f.start();
  if (result < results)
    for (int64_t i = lane; i < splits; i += 32) s = f.merge(s, pieces[result * splits + i]);
  s = merge_lanes(f, s, 32);
  if (lane == 0 && result < results) f.store(result, s);
}

}  // namespace halftone::device
