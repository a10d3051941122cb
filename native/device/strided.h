// Several tensors walked together along the axes of one output: where each has its element for a
// flat position. A tensor that is broadcast along an axis has stride 0 there.
#pragma once
#include <algorithm>

#include "core/shape.h"
#include "device/device.h"
#include "device/divide.h"

namespace halftone::device {

/// The axes of an output and, for each of N tensors, the distance in elements of neighbours along
/// each axis.
template <int N>
struct Axes {
  int rank = 0;
  int64_t dims[kMaxRank] = {};
  int64_t strides[N][kMaxRank] = {};

  /// Adds an axis inside those before. Size 1 is dropped; an axis that one stride of every tensor
  /// walks together with the one before is joined to it.
  void push_back(int64_t dim, const int64_t (&stride)[N]) {
    if (dim == 1) return;
    bool joins = rank > 0;
    for (int n = 0; joins && n < N; ++n) joins = strides[n][rank - 1] == dim * stride[n];
    if (joins)
      dims[rank - 1] *= dim;
    else
      dims[rank++] = dim;
    for (int n = 0; n < N; ++n) strides[n][rank - 1] = stride[n];
  }
  int64_t elements() const {
    int64_t n = 1;
    for (int k = 0; k < rank; ++k) n *= dims[k];
    return n;
  }
};

/// Axes of `out` with the dense tensor `out` itself as the first, then `others`, which broadcast to
/// it.
template <int N>
Axes<N> broadcast_axes(const Shape& out, const Shape (&others)[N - 1]) {
  int64_t strides[N][kMaxRank] = {};
  broadcast_strides(out, out, strides[0]);
  for (int n = 1; n < N; ++n) broadcast_strides(others[n - 1], out, strides[n]);
  Axes<N> axes;
  for (int k = 0; k < out.rank; ++k) {
    int64_t stride[N];
    for (int n = 0; n < N; ++n) stride[n] = strides[n][k];
    axes.push_back(out[k], stride);
  }
  return axes;
}

/// Positions are 32-bit numbers in kernels: more elements than this are several launches. A
/// multiple of the longest pack, so that pieces of one long run stay aligned.
inline constexpr int64_t kMaxPositions = 0x7ffffff0;

/// launch(axes, offsets) for pieces of at most `most` elements, `offsets` being where each tensor's
/// piece begins; stops at the first failure.
template <int N, class F>
Status in_pieces(const Axes<N>& axes, const F& launch, int64_t most = kMaxPositions) {
  const auto split = [&](const auto& self, const Axes<N>& part,
                         const int64_t (&start)[N]) -> Status {
    const int64_t n = part.elements();
    if (n <= most) return launch(part, start);
    const int64_t inner = n / part.dims[0], step = std::max<int64_t>(most / inner, 1);
    for (int64_t first = 0; first < part.dims[0]; first += step) {
      Axes<N> piece = part;
      piece.dims[0] = std::min(step, part.dims[0] - first);
      int64_t at[N];
      for (int k = 0; k < N; ++k) at[k] = start[k] + first * part.strides[k][0];
      if (inner > most) {  // still too many: without the outermost axis
        --piece.rank;
        std::copy(part.dims + 1, part.dims + part.rank, piece.dims);
        for (int k = 0; k < N; ++k)
          std::copy(part.strides[k] + 1, part.strides[k] + part.rank, piece.strides[k]);
      }
      HALFTONE_TRY(self(self, piece, at));
    }
    return {};
  };
  const int64_t start[N] = {};
  return split(split, axes, start);
}

/// Axes as kernels use them.
template <int N>
struct Strided {
  int rank = 0;
  Divider divide[kMaxRank];  // by the size of each axis but the first
  int64_t strides[N][kMaxRank] = {};

  explicit Strided(const Axes<N>& axes) : rank(axes.rank) {
    for (int k = 0; k < rank; ++k) {
      if (k > 0) divide[k] = Divider(static_cast<uint32_t>(axes.dims[k]));
      for (int n = 0; n < N; ++n) strides[n][k] = axes.strides[n][k];
    }
  }

  /// Where each tensor has its element for flat position i of the output.
  constexpr void offsets(uint32_t i, int64_t (&at)[N]) const {
    for (int n = 0; n < N; ++n) at[n] = 0;
    for (int k = rank - 1; k > 0; --k) {
      const uint32_t above = divide[k].quotient(i);
      const int64_t index = i - above * divide[k].divisor;
      for (int n = 0; n < N; ++n) at[n] += index * strides[n][k];
      i = above;
    }
    if (rank > 0)
      for (int n = 0; n < N; ++n) at[n] += static_cast<int64_t>(i) * strides[n][0];
  }
  /// Whether tensor n has one element for a whole run along the last axis.
  constexpr bool splats(int n) const { return rank > 0 && strides[n][rank - 1] == 0; }
};

/// Whether tensor n can be taken in packs of `pack` elements of `size` bytes along the last axis: a
/// pack lies there in one piece, aligned to its size, or is one element repeated.
template <int N>
bool takes_packs(const Axes<N>& axes, int n, int pack, int size, const void* data) {
  if (axes.rank == 0) return false;
  const int last = axes.rank - 1;
  if (last > 0 && axes.dims[last] % pack != 0) return false;
  if (axes.strides[n][last] == 0) return true;
  if (axes.strides[n][last] != 1) return false;
  for (int k = 0; k < last; ++k)
    if (axes.strides[n][k] % pack != 0) return false;
  return reinterpret_cast<uintptr_t>(data) % static_cast<uintptr_t>(pack * size) == 0;
}

/// The kPack elements from x, or the first of them again and again.
template <int kPack, class T>
HALFTONE_HD Pack<T, kPack> load_pack(const T* x, bool splat) {
  if (!splat) return *reinterpret_cast<const Pack<T, kPack>*>(x);
  const T value = *x;
  Pack<T, kPack> pack;
  for (int j = 0; j < kPack; ++j) pack.v[j] = value;
  return pack;
}

}  // namespace halftone::device
