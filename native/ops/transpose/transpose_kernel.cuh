// transpose where the innermost axis moves: square tiles go through shared memory, so that both x
// and y are walked along their own rows. Elements are moved by their size alone.
#pragma once
#include "device/strided.h"

namespace halftone {

/// Words of a tile's side. Elements of 1 and 2 bytes are taken four and two to a word.
inline constexpr int kTileWords = 32;
/// Rows of words that a block's threads take at a time: 32 x 8 threads.
inline constexpr int kTileRows = 8;

/// Where tiles lie: y[r * y_step + c] = x[c * x_step + r] for r < rows, c < columns, again for each
/// position along the `outer` axes (tensor 0: y, tensor 1: x; `outer_count` positions).
struct TransposeTiles {
  int64_t rows, columns, x_step, y_step;
  uint32_t count;                 // tiles of all positions
  device::Divider plane, column;  // divide by the tiles of one position, of one column of tiles
  device::Strided<2> outer;
};

/// Four of the bytes 0-3 of a and 4-7 of b, each named by a digit of `choice`. One instruction.
HALFTONE_HD uint32_t bytes_of(uint32_t a, uint32_t b, uint32_t choice) {
#if defined(__CUDA_ARCH__)
  return __byte_perm(a, b, choice);
#else
  uint32_t made = 0;
  for (int i = 0; i < 4; ++i) {
    const uint32_t from = choice >> 4 * i & 7u;
    made |= ((from < 4 ? a : b) >> 8 * (from & 3u) & 255u) << 8 * i;
  }
  return made;
#endif
}

/// Transposes a square of elements, one word per row.
template <class T, int kPerWord>
HALFTONE_HD void transpose_words(uint32_t (&w)[kPerWord]) {
  if constexpr (sizeof(T) == 2) {
    const uint32_t a = w[0], b = w[1];
    w[0] = bytes_of(a, b, 0x5410);
    w[1] = bytes_of(a, b, 0x7632);
  } else if constexpr (sizeof(T) == 1) {
    const uint32_t low_ab = bytes_of(w[0], w[1], 0x5140);   // a0 b0 a1 b1
    const uint32_t high_ab = bytes_of(w[0], w[1], 0x7362);  // a2 b2 a3 b3
    const uint32_t low_cd = bytes_of(w[2], w[3], 0x5140);
    const uint32_t high_cd = bytes_of(w[2], w[3], 0x7362);
    w[0] = bytes_of(low_ab, low_cd, 0x5410);  // a0 b0 c0 d0
    w[1] = bytes_of(low_ab, low_cd, 0x7632);
    w[2] = bytes_of(high_ab, high_cd, 0x5410);
    w[3] = bytes_of(high_ab, high_cd, 0x7632);
  }
}

/// One tile of 32 words x 32 * kPerWord columns per block and step. kPerWord elements make a Word;
/// with more than one, rows, columns, all distances and both pointers are multiples of it.
///
/// Banks: a thread's word k of row 32 * j + lane lies in bank (33 * lane + k) % 32 = lane + k when
/// it is written, and lanes of one row lie in 32 different banks when they are read.
template <class T, class Word>
__global__ void __launch_bounds__(256) transpose_tiles(TransposeTiles tiles, const T* x, T* y) {
  constexpr int kPerWord = sizeof(Word) / sizeof(T);
  constexpr int kSide = kTileWords * kPerWord;  // elements
  __shared__ Word tile[kSide][kTileWords + 1];
  constexpr int kSteps = kTileWords / kTileRows;
  const int lane = static_cast<int>(threadIdx.x), first = static_cast<int>(threadIdx.y);
  for (uint32_t item = blockIdx.x; item < tiles.count; item += gridDim.x) {
    const uint32_t position = tiles.plane.quotient(item);
    const uint32_t in_plane = item - position * tiles.plane.divisor;
    const uint32_t tile_column = tiles.column.quotient(in_plane);
    const int64_t row = int64_t{in_plane - tile_column * tiles.column.divisor} * kSide;
    const int64_t column = int64_t{tile_column} * kSide;
    // What of the tile lies in y, from this thread's first row and column on.
    const int rows = static_cast<int>(tiles.rows - row < kSide ? tiles.rows - row : kSide);
    const int columns =
        static_cast<int>(tiles.columns - column < kSide ? tiles.columns - column : kSide);
    int64_t at[2];
    tiles.outer.offsets(position, at);

    // Word k of the tile's rows: columns k * kPerWord ... of y. Lanes walk along rows of x. All
    // words are under way before the first is stored.
    const T* from = x + at[1] + (column + first * kPerWord) * tiles.x_step + row + lane * kPerWord;
    Word words[kSteps][kPerWord] = {};
    const bool loads = lane * kPerWord < rows;
#pragma unroll
    for (int n = 0; n < kSteps; ++n) {
      if (!loads || (first + n * kTileRows) * kPerWord >= columns) continue;
#pragma unroll
      for (int j = 0; j < kPerWord; ++j)
        words[n][j] =
            *reinterpret_cast<const Word*>(from + (n * kTileRows * kPerWord + j) * tiles.x_step);
    }
#pragma unroll
    for (int n = 0; n < kSteps; ++n) {
      const int k = first + n * kTileRows;
      if (!loads || k * kPerWord >= columns) continue;
      if constexpr (kPerWord > 1) transpose_words<T>(words[n]);
#pragma unroll
      for (int j = 0; j < kPerWord; ++j) tile[j * kTileWords + lane][k] = words[n][j];
    }
    __syncthreads();
    // Lanes walk along rows of y: row 32 * j + k of the tile is row k * kPerWord + j of y's.
    T* to = y + at[0] + (row + first * kPerWord) * tiles.y_step + column + lane * kPerWord;
    if (lane * kPerWord < columns) {
#pragma unroll
      for (int n = 0; n < kSteps; ++n)
#pragma unroll
        for (int j = 0; j < kPerWord; ++j) {
          const int k = first + n * kTileRows;
          if (k * kPerWord + j < rows)
            *reinterpret_cast<Word*>(to + (n * kTileRows * kPerWord + j) * tiles.y_step) =
                tile[j * kTileWords + k][lane];
        }
    }
    __syncthreads();  // before the tile is written again
  }
}

}  // namespace halftone
