// Elementwise kernels work on blocks that fit into the first-level cache: each operand is broadcast
// and widened into a block, the loop of the op runs over plain arrays, the result is narrowed once.
// This file makes the blocks.
#pragma once
#include <cstddef>
#include <vector>

#include "core/compute_type.h"
#include "core/kernel.h"

namespace halftone {

/// Elements per block: 8 KiB of float64, so that three blocks stay in the smallest first-level
/// caches.
inline constexpr int64_t kBlock = 1024;

/// Elements that one piece of parallel work takes.
inline constexpr int64_t kElementwiseGrain = 32 * kBlock;

/// to[i] = x[i] converted to dtype `as`, held in the compute type of `as`. Requires promote(from,
/// as) == as. Exact, but for integers that a float cannot hold: these are rounded to nearest even,
/// once.
void widen(DType from, const void* x, DType as, void* to, int64_t n);

/// to[i] = x[i] rounded once from the compute type of `as` to `as`. Requires a 16-bit float.
void narrow(const float* x, DType as, void* to, int64_t n);

/// An operand of an elementwise op, as if broadcast to the shape of the output and converted to
/// dtype `as`.
class Operand {
 public:
  /// `x` must be broadcastable to `out`, and promote(x.dtype, as) must be `as`.
  Operand(const TensorView& x, const Shape& out, DType as);
  Operand(const Operand&) = delete;  // data_ may point into copy_
  Operand& operator=(const Operand&) = delete;

  /// The n <= kBlock elements from position i of the flat output, in the compute type of `as`:
  /// either where they lie or in `scratch`, which has room for kBlock elements.
  const void* block(int64_t i, int64_t n, void* scratch) const;

 private:
  enum class Kind { kDense, kTiled, kStrided };

  void gather(int64_t i, int64_t n, std::byte* to) const;

  Kind kind_ = Kind::kDense;
  DType stored_, as_;
  const std::byte* data_;  // dense: as stored; otherwise in the compute type
  int64_t size_;           // bytes per element of the compute type
  bool direct_ = false;    // dense and stored in the compute type
  Shape dims_;             // of the output, axes merged; strides_ belong to it
  int64_t strides_[kMaxRank] = {};
  int64_t period_ = 1;           // kTiled: the pattern repeats after so many elements
  std::vector<std::byte> copy_;  // the operand widened, or its tile
};

}  // namespace halftone
