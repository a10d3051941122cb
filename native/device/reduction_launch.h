// Chooses the kernel, its width and the pieces of a reduction, and enqueues it.
#pragma once
#include <algorithm>

#include "device/context.h"
#include "device/reduction.h"

namespace halftone::device {

namespace detail {

inline unsigned power_of_two_at_least(int64_t n, unsigned most) {
  unsigned p = 1;
  while (p < n && p < most) p *= 2;
  return p;
}

inline void push_axis(Axes& axes, int64_t dim, int64_t stride) {
  axes.dims[axes.count] = divisor_of(dim);
  axes.strides[axes.count++] = stride;
}

}  // namespace detail

/// The reduction of a tensor over the axes that are marked. Neighbours with the same fate become
/// one axis. Without elements, all results have no terms.
inline Reduction reduction_of(const Shape& shape, const bool is_reduced[kMaxRank]) {
  Reduction r;
  int64_t dims[kMaxRank];
  bool fate[kMaxRank];
  int rank = 0;
  int64_t results = 1, terms = 1;
  for (int i = 0; i < shape.rank; ++i) {
    (is_reduced[i] ? terms : results) *= shape[i];
    if (shape[i] == 1) continue;
    if (rank > 0 && fate[rank - 1] == is_reduced[i]) {
      dims[rank - 1] *= shape[i];
    } else {
      dims[rank] = shape[i];
      fate[rank++] = is_reduced[i];
    }
  }
  r.results = results;
  r.terms = terms;
  if (terms == 0 || results == 0) {
    r.columns = results;
    return r;
  }
  int64_t strides[kMaxRank], step = 1;
  for (int i = rank - 1; i >= 0; --i) {
    strides[i] = step;
    step *= dims[i];
  }
  if (rank > 0 && !fate[rank - 1]) r.columns = dims[--rank];
  for (int i = 0; i < rank; ++i)
    detail::push_axis(fate[i] ? r.reduced : r.kept, dims[i], strides[i]);
  return r;
}

/// Whether S::kPack elements lie together, and aligned, wherever a pack begins.
template <class S>
bool can_pack(const Reduction& r, const S& source) {
  const auto divides = [](const Axes& axes, int count) {
    for (int i = 0; i < count; ++i)
      if (axes.strides[i] % S::kPack != 0) return false;
    return true;
  };
  if (!aligned16(source.x) || !divides(r.kept, r.kept.count)) return false;
  if (r.columns > 1 || r.reduced.count == 0)
    return r.columns % S::kPack == 0 && divides(r.reduced, r.reduced.count);
  // Rows: the last reduced axis is dense; a pack must not reach beyond it unless it ends the row.
  const int outer = r.reduced.count - 1;
  return outer == 0 || (divides(r.reduced, outer) && r.reduced.dims[outer].divisor % S::kPack == 0);
}

/// Sums of a block's worth of terms: below that another piece costs more than it hides.
inline constexpr int64_t kLeastPiece = 8192;
/// Blocks that fill any device of today several times over. Pieces depend on it and on the shape,
/// not on the device, so that results do not either.
inline constexpr int64_t kManyBlocks = 1024;

/// Enqueues the fold of all results; there is at least one.
template <class S, class F>
Status launch_reduction(const char* name, DeviceContext& context, Reduction r, const S& source,
                        const F& f) {
  using State = typename F::State;
  static_assert(std::is_trivially_copyable_v<State>);
  r.packs = can_pack(r, source);
  const bool rows = r.columns == 1 && r.terms > 0;
  int64_t blocks = 0, cost = 0;  // without pieces; terms that a block takes in one step
  if (rows) {
    const int64_t steps = r.packs ? (r.terms + S::kPack - 1) / S::kPack : r.terms;
    r.lanes = steps > 256 ? kReduceThreads : detail::power_of_two_at_least(steps, 32);
    const int64_t per_block = kReduceThreads / r.lanes;
    blocks = (r.results + per_block - 1) / per_block;
    cost = kLeastPiece;
  } else {
    const int64_t wide = r.packs ? S::kPack : 1;
    r.lanes = detail::power_of_two_at_least((r.columns + wide - 1) / wide, 32);
    const int64_t width = static_cast<int64_t>(r.lanes) * wide;
    blocks = r.results / r.columns * ((r.columns + width - 1) / width);
    cost = std::max<int64_t>(kLeastPiece / width, 1);
  }
  if (!rows || r.lanes == kReduceThreads)
    r.splits = std::clamp<int64_t>(std::min(kManyBlocks / blocks, r.terms / cost), 1, kManyBlocks);
  r.piece = (r.terms + r.splits - 1) / r.splits;
  r.piece = (r.piece + 15) / 16 * 16;  // whole packs of every type
  if (r.terms > 0) r.splits = (r.terms + r.piece - 1) / r.piece;
  if (blocks > 0x7fffffff / r.splits)
    return unsupported("a reduction to ", r.results, " results is too large for one launch");
  void* pieces = nullptr;
  if (r.splits > 1)
    HALFTONE_TRY(
        context.scratch(static_cast<size_t>(r.results * r.splits) * sizeof(State), &pieces));
  const dim3 grid(static_cast<unsigned>(blocks * r.splits));
  HALFTONE_TRY(launch(name, rows ? fold_rows<S, F> : fold_columns<S, F>, grid, kReduceThreads, 0,
                      context.stream(), source, f, r, static_cast<State*>(pieces)));
  if (r.splits == 1) return {};
  return launch(name, fold_pieces<F>, blocks_for(r.results, kReduceThreads / 32), kReduceThreads, 0,
                context.stream(), f, static_cast<const State*>(pieces), r.results, r.splits);
}

}  // namespace halftone::device
