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
  uint32_t row_tiles, column_tiles, outer_count;
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
  const int lane = static_cast<int>(threadIdx.x), first = static_cast<int>(threadIdx.y);
  const uint64_t per_outer = static_cast<uint64_t>(tiles.row_tiles) * tiles.column_tiles;
  const uint64_t all = per_outer * tiles.outer_count;
  for (uint64_t item = blockIdx.x; item < all; item += gridDim.x) {
    int64_t at[2];
    tiles.outer.offsets(static_cast<uint32_t>(item / per_outer), at);
    const uint32_t in_plane = static_cast<uint32_t>(item % per_outer);
    const int64_t row = static_cast<int64_t>(in_plane % tiles.row_tiles) * kSide;
    const int64_t column = static_cast<int64_t>(in_plane / tiles.row_tiles) * kSide;
    // Word k of the tile's rows: columns k * kPerWord ... of y. Lanes walk along rows of x.
    const int64_t r = row + lane * kPerWord;
    for (int k = first; k < kTileWords; k += kTileRows) {
      const int64_t c = column + k * kPerWord;
      if (r >= tiles.rows || c >= tiles.columns) continue;
      const T* from = x + at[1] + c * tiles.x_step + r;
      if constexpr (kPerWord == 1) {
        tile[lane][k] = *reinterpret_cast<const Word*>(from);
      } else {
        Word words[kPerWord];
        for (int j = 0; j < kPerWord; ++j)
          words[j] = *reinterpret_cast<const Word*>(from + j * tiles.x_step);
        transpose_words<T>(words);
        for (int j = 0; j < kPerWord; ++j) tile[j * kTileWords + lane][k] = words[j];
      }
    }
    __syncthreads();
    // Lanes walk along rows of y: row 32 * j + i of the tile is row i * kPerWord + j of y's.
    const int64_t c = column + lane * kPerWord;
    for (int i = first; i < kSide; i += kTileRows) {
      const int64_t to_row = row + i % kTileWords * kPerWord + i / kTileWords;
      if (to_row < tiles.rows && c < tiles.columns)
        *reinterpret_cast<Word*>(y + at[0] + to_row * tiles.y_step + c) = tile[i][lane];
    }
    __syncthreads();  // before the tile is written again
  }
}

}  // namespace halftone
