// int8 products with dp4a: tiles of 128 x 128 sums for large products, and kernels for few lines,
// which read the many lines once. All sums are modulo 2^32, so their order, and that of the atomic
// additions where k is split over blocks, makes no difference.
#pragma once
#include "core/shape.h"
#include "device/dp4a_tile.h"

namespace halftone {

/// Which matrix of an operand each batch uses.
struct GemmS8Batches {
  int32_t rank = 0;
  int64_t sizes[kMaxRank] = {};
  int64_t strides[kMaxRank] = {};  // in matrices; 0: the same one

  __device__ __forceinline__ int64_t matrix(int64_t batch) const {
    int64_t index = 0;
    for (int i = rank - 1; i >= 0; --i) {
      index += batch % sizes[i] * strides[i];
      batch /= sizes[i];
    }
    return index;
  }
};

/// One operand: lines are rows of A or columns of B.
struct GemmS8Operand {
  const uint8_t* data = nullptr;
  int64_t ld = 0;      // from line to line, or from k to k when lines lie side by side
  int64_t matrix = 0;  // elements of one matrix
  GemmS8Batches batches;
  int32_t vector = 1;  // 16, 4 or 1: divides the addresses and lengths of all rows in memory
  int32_t zero = 0;
  const int32_t* line_sums = nullptr;  // [matrices, lines], where the other zero point is not 0

  __device__ __forceinline__ const uint8_t* of(int64_t batch) const {
    return data + batches.matrix(batch) * matrix;
  }
};

/// a: m lines; b: n lines; y(i, j) of a batch: y + batch * y_matrix + i * ld_row + j * ld_column.
struct GemmS8Args {
  GemmS8Operand a, b;
  int64_t m = 0, n = 0, k = 0;
  int32_t* y = nullptr;
  int64_t y_matrix = 0, ld_row = 0, ld_column = 1;
  int64_t first_batch = 0, first_column = 0;
  uint32_t splits = 1;
  int64_t split = 0;  // k of one block; all but the last have as many; a multiple of 32
  bool add = false;   // several blocks share k: add to y, which holds zeros
};

/// What zero points add to the sum of plain products of line i of A and j of B:
/// sum (a - za)(b - zb) = sum ab - zb * sum a - za * sum b + k * za * zb.
static __device__ __forceinline__ uint32_t gemm_s8_correction(const GemmS8Args& p, int64_t a_matrix,
                                                              int64_t i, int64_t b_matrix,
                                                              int64_t j) {
  const uint32_t za = static_cast<uint32_t>(p.a.zero), zb = static_cast<uint32_t>(p.b.zero);
  uint32_t sum = static_cast<uint32_t>(p.k) * za * zb;
  if (zb) sum -= zb * static_cast<uint32_t>(p.a.line_sums[a_matrix * p.m + i]);
  if (za) sum -= za * static_cast<uint32_t>(p.b.line_sums[b_matrix * p.n + j]);
  return sum;
}

static __device__ __forceinline__ void gemm_s8_store(int32_t* at, uint32_t sum, bool add) {
  if (add)
    atomicAdd(reinterpret_cast<unsigned*>(at), sum);
  else
    *at = static_cast<int32_t>(sum);
}

/// The first `count` of four bytes, zeros after them. Without kBytes all four or, for a count of 0,
/// none: then rows are multiples of four, or copies that go on with zeros.
template <bool kBytes>
__device__ __forceinline__ int32_t gemm_s8_word(const uint8_t* at, int count, int vector) {
  if (kBytes ? count >= 4 && vector >= 4 : count > 0) return device::load_word(at);
  uint32_t word = 0;
  if constexpr (kBytes) {
#pragma unroll
    for (int i = 0; i < 4; ++i)
      if (i < count) word |= static_cast<uint32_t>(at[i]) << 8 * i;
  }
  return static_cast<int32_t>(word);
}

// ---- tiles ----

/// The block's part of an operand: from line `line` and step k on.
template <class Operand>
static __device__ __forceinline__ Operand gemm_s8_operand(const GemmS8Operand& x,
                                                          const uint8_t* data, int64_t line,
                                                          int64_t k, int lines, int count) {
  if constexpr (Operand::kLines)
    return Operand(data + line * x.ld + k, x.ld, lines, count, x.vector == 16);
  else
    return Operand(data + k * x.ld + line, x.ld, lines, count);
}

/// Which tile of which batch a block makes. Made twice, before and after the products, so that
/// nothing of it takes registers in between.
struct GemmS8Tile {
  int64_t row, column, batch;
  int split, rows, columns;
  __device__ __forceinline__ explicit GemmS8Tile(const GemmS8Args& p)
      : row(int64_t{blockIdx.x} * device::kDp4aTile),
        column(p.first_column + int64_t{blockIdx.y} * device::kDp4aTile),
        batch(p.first_batch + blockIdx.z / p.splits),
        split(static_cast<int>(blockIdx.z % p.splits)),
        rows(p.m - row < device::kDp4aTile ? static_cast<int>(p.m - row) : device::kDp4aTile),
        columns(p.n - column < device::kDp4aTile ? static_cast<int>(p.n - column)
                                                 : device::kDp4aTile) {}
};

/// Grid: (tiles of m, tiles of n, batches times splits of k); 256 threads.
/// kALines, kBLines: the operand's k lie side by side (A as it is, B transposed). Its `vector` is 4
/// or 16.
template <bool kAUnsigned, bool kBUnsigned, bool kALines, bool kBLines,
          class Faults = device::Sound>
__global__ void __launch_bounds__(device::kDp4aThreads, 2) gemm_s8_dp4a_tile128(GemmS8Args p) {
  using namespace device;
  __shared__ int4 shared[kDp4aShared / 4];
  int32_t sums[8][8];
  {
    const GemmS8Tile t(p);
    const int64_t k = t.split * p.split;
    const int count = static_cast<int>(p.k - k < p.split ? p.k - k : p.split);
    using A = std::conditional_t<kALines, Dp4aLines<Faults>, Dp4aSteps<Faults>>;
    using B = std::conditional_t<kBLines, Dp4aLines<Faults>, Dp4aSteps<Faults>>;
    A a = gemm_s8_operand<A>(p.a, p.a.of(t.batch), t.row, k, t.rows, count);
    B b = gemm_s8_operand<B>(p.b, p.b.of(t.batch), t.column, k, t.columns, count);
    dp4a_tile<kAUnsigned, kBUnsigned, Faults>(a, b, count, reinterpret_cast<int32_t*>(shared),
                                              sums);
  }
  const Dp4aPlace place;
  const GemmS8Tile t(p);
  const bool zeros = (p.a.zero != 0 || p.b.zero != 0) && t.split == 0;
  const int64_t a_matrix = zeros ? p.a.batches.matrix(t.batch) : 0;
  const int64_t b_matrix = zeros ? p.b.batches.matrix(t.batch) : 0;
  int32_t* const y = p.y + t.batch * p.y_matrix + t.row * p.ld_row + t.column * p.ld_column;
#pragma unroll
  for (int i = 0; i < 8; ++i) {
#pragma unroll
    for (int j = 0; j < 8; ++j) {
      const int r = place.row(i), c = place.column(j);
      if (Faults::kGuards && (r >= t.rows || c >= t.columns)) continue;
      uint32_t sum = static_cast<uint32_t>(sums[i][j]);
      if (zeros) sum += gemm_s8_correction(p, a_matrix, t.row + r, b_matrix, t.column + c);
      gemm_s8_store(y + r * p.ld_row + c * p.ld_column, sum, p.add);
    }
  }
}

}  // namespace halftone
