#include <cstring>

#include "core/dispatch_bits.h"
#include "core/elementwise.h"
#include "ops/transpose/transpose.h"

namespace halftone {
namespace {

// The side of the square tiles: a few cache lines of x and of y at a time, all of which are used
// up. Measured.
template <class T>
constexpr int64_t kTile = sizeof(T) <= 2 ? 64 : 16;

// The axes of y with what belongs together merged: sizes, and the distance in x of neighbours along
// each.
struct Axes {
  int rank = 0;
  int64_t dims[kMaxRank] = {}, strides[kMaxRank] = {};
};

Axes merged_axes(const Shape& x, const int32_t* perm) {
  int64_t x_strides[kMaxRank], step = 1;
  for (int i = x.rank - 1; i >= 0; --i) {
    x_strides[i] = step;
    step *= x[i];
  }
  Axes a;
  for (int i = 0; i < x.rank; ++i) {
    const int64_t dim = x[perm[i]], stride = x_strides[perm[i]];
    if (dim == 1) continue;
    if (a.rank > 0 && a.strides[a.rank - 1] == dim * stride) {
      a.dims[a.rank - 1] *= dim;
      a.strides[a.rank - 1] = stride;
    } else {
      a.dims[a.rank] = dim;
      a.strides[a.rank++] = stride;
    }
  }
  return a;
}

// The same for kColumns columns, and nothing between the rows of y: with the number known, rows are
// interleaved in vectors. Colours of pixels, and the groups of channels that are shuffled.
template <int kColumns, class T>
void interleave(const T* __restrict x, int64_t x_step, T* __restrict y, int64_t rows) {
  for (int64_t r = 0; r < rows; ++r)
    for (int c = 0; c < kColumns; ++c) y[r * kColumns + c] = x[c * x_step + r];
}
// y[r * y_step + c] = x[c * kRows + r].
template <int kRows, class T>
void separate(const T* __restrict x, T* __restrict y, int64_t y_step, int64_t columns) {
  for (int64_t c = 0; c < columns; ++c)
    for (int r = 0; r < kRows; ++r) y[r * y_step + c] = x[c * kRows + r];
}

// y[r * y_step + c] = x[c * x_step + r].
template <class T>
void transpose_tile(const T* __restrict x, int64_t x_step, T* __restrict y, int64_t y_step,
                    int64_t rows, int64_t columns) {
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t c = 0; c < columns; ++c) y[r * y_step + c] = x[c * x_step + r];
}

// The same where 2 to 4 rows or columns lie one after the other; false: they do not.
template <class T>
bool transpose_narrow(const T* x, int64_t x_step, T* y, int64_t y_step, int64_t rows,
                      int64_t columns) {
  if (columns == y_step) {
    if (columns == 2) return interleave<2>(x, x_step, y, rows), true;
    if (columns == 3) return interleave<3>(x, x_step, y, rows), true;
    if (columns == 4) return interleave<4>(x, x_step, y, rows), true;
  }
  if (rows == x_step) {
    if (rows == 2) return separate<2>(x, y, y_step, columns), true;
    if (rows == 3) return separate<3>(x, y, y_step, columns), true;
    if (rows == 4) return separate<4>(x, y, y_step, columns), true;
  }
  return false;
}

// The last axis of y is that of x: whole rows move.
template <class T>
void move_rows(const KernelContext& context, const Axes& a, const T* x, T* y) {
  const int64_t row = a.rank ? a.dims[a.rank - 1] : 1, rows = context.out().elements() / row;
  context.parallel_for(
      rows, std::max<int64_t>(1, kElementwiseGrain / row), [&](int64_t first, int64_t last) {
        for (int64_t r = first; r < last; ++r) {
          int64_t at = r, offset = 0;
          for (int k = a.rank - 2; k >= 0; --k) {
            offset += at % a.dims[k] * a.strides[k];
            at /= a.dims[k];
          }
          std::memcpy(y + r * row, x + offset, static_cast<size_t>(row) * sizeof(T));
        }
      });
}

// The last axis of x is axis `inner` of y, another than its last: tiles over these two.
template <class T>
void move_tiles(const KernelContext& context, const Axes& a, int inner, const T* x, T* y) {
  constexpr int64_t kSide = kTile<T>;
  const int last = a.rank - 1;
  const int64_t rows = a.dims[inner], columns = a.dims[last];
  const int64_t row_tiles = (rows + kSide - 1) / kSide,
                column_tiles = (columns + kSide - 1) / kSide;
  int64_t y_strides[kMaxRank], step = 1, outer = 1;
  for (int k = last; k >= 0; --k) {
    y_strides[k] = step;
    step *= a.dims[k];
    if (k != last && k != inner) outer *= a.dims[k];
  }
  const int64_t tile = std::min(rows, kSide) * std::min(columns, kSide);
  context.parallel_for(
      outer * row_tiles * column_tiles, std::max<int64_t>(1, kElementwiseGrain / tile),
      [&](int64_t first, int64_t end) {
        for (int64_t item = first; item < end; ++item) {
          const int64_t c = item / row_tiles % column_tiles * kSide, r = item % row_tiles * kSide;
          int64_t at = item / (column_tiles * row_tiles), from = 0, to = 0;
          for (int k = last - 1; k >= 0; --k) {
            if (k == inner) continue;
            from += at % a.dims[k] * a.strides[k];
            to += at % a.dims[k] * y_strides[k];
            at /= a.dims[k];
          }
          const T* const x_tile = x + from + c * a.strides[last] + r;
          T* const y_tile = y + to + r * y_strides[inner] + c;
          const int64_t height = std::min(kSide, rows - r), width = std::min(kSide, columns - c);
          if (!transpose_narrow(x_tile, a.strides[last], y_tile, y_strides[inner], height, width))
            transpose_tile(x_tile, a.strides[last], y_tile, y_strides[inner], height, width);
        }
      });
}

Status transpose_cpu(const Transpose::Params& p, const KernelContext& context) {
  const TensorView& x = context.in(0);
  int32_t perm[kMaxRank];
  HALFTONE_TRY(Transpose::axes(p, x.shape, perm));
  const char* variant = "rows";
  if (x.elements() > 0) {
    const Axes a = merged_axes(x.shape, perm);
    int inner = 0;
    while (inner < a.rank - 1 && a.strides[inner] != 1) ++inner;
    const bool tiles = inner < a.rank - 1;
    if (tiles) variant = "tiles";
    auto run = [&](auto bits) {
      using T = decltype(bits);
      if (tiles)
        move_tiles(context, a, inner, x.as<T>(), context.out().as<T>());
      else
        move_rows(context, a, x.as<T>(), context.out().as<T>());
    };
    dispatch_bits(size_of(x.dtype), run);
  }
  const std::string kernel = concat("transpose_", info(x.dtype).short_name, "_", variant);
  context.made_by(kernel.c_str(), name(x.dtype), "none", "none");
  return {};
}

}  // namespace

std::vector<CpuOp> transpose_cpu_ops() { return {cpu_op<Transpose, transpose_cpu>()}; }

}  // namespace halftone
