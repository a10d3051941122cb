#include "core/dispatch_bits.h"
#include "device/context.h"
#include "device/strided_copy.h"
#include "ops/transpose/transpose.h"
#include "ops/transpose/transpose_kernel.cuh"

namespace halftone {
namespace {

// The axes of y (tensor 0) and where they lie in x (tensor 1).
device::Axes<2> axes_of(const Shape& x, const Shape& y, const int32_t* perm) {
  int64_t x_strides[kMaxRank], y_strides[kMaxRank];
  broadcast_strides(x, x, x_strides);
  broadcast_strides(y, y, y_strides);
  device::Axes<2> axes;
  for (int k = 0; k < y.rank; ++k) axes.push_back(y[k], {y_strides[k], x_strides[perm[k]]});
  return axes;
}

template <class T, class Word>
Status move_tiles(const device::Axes<2>& axes, int inner, DeviceContext& context) {
  constexpr int64_t kSide = kTileWords * sizeof(Word) / sizeof(T);
  const int last = axes.rank - 1;
  device::Axes<2> outer;
  for (int k = 0; k < last; ++k)
    if (k != inner) outer.push_back(axes.dims[k], {axes.strides[0][k], axes.strides[1][k]});
  const int64_t row_tiles = (axes.dims[inner] + kSide - 1) / kSide;
  const int64_t plane = row_tiles * ((axes.dims[last] + kSide - 1) / kSide);
  if (plane > device::kMaxPositions)
    return unsupported("a transposition of ", axes.dims[inner], " x ", axes.dims[last],
                       " is too large for one launch");
  return device::in_pieces(
      outer,
      [&](const device::Axes<2>& part, const int64_t (&start)[2]) -> Status {
        const TransposeTiles tiles{
            .rows = axes.dims[inner],
            .columns = axes.dims[last],
            .x_step = axes.strides[1][last],
            .y_step = axes.strides[0][inner],
            .count = static_cast<uint32_t>(plane * part.elements()),
            .plane = device::Divider(static_cast<uint32_t>(plane)),
            .column = device::Divider(static_cast<uint32_t>(row_tiles)),
            .outer = device::Strided<2>(part),
        };
        // Each block takes every so many tiles.
        const int64_t most =
            std::max(context.properties().multiprocessors, 1) * device::kBlocksPerMultiprocessor;
        const auto grid = static_cast<unsigned>(std::min<int64_t>(tiles.count, most));
        return device::launch("transpose", transpose_tiles<T, Word>, grid,
                              dim3(kTileWords, kTileRows), 0, context.stream(), tiles,
                              context.in(0).as<T>() + start[1], context.out().as<T>() + start[0]);
      },
      device::kMaxPositions / plane);
}

// Whether words of `pack` elements can be moved instead of elements.
bool in_words(const device::Axes<2>& axes, int64_t pack, const void* x, const void* y) {
  int64_t all = 0;
  for (int k = 0; k < axes.rank; ++k) {
    all |= axes.dims[k] * (axes.strides[1][k] == 1 || k == axes.rank - 1);
    for (const auto& strides : axes.strides) all |= strides[k] == 1 ? 0 : strides[k];
  }
  const uintptr_t addresses = reinterpret_cast<uintptr_t>(x) | reinterpret_cast<uintptr_t>(y);
  return all % pack == 0 && addresses % 4 == 0;
}

Status transpose_cuda(const Transpose::Params& p, DeviceContext& context) {
  const TensorView &x = context.in(0), &y = context.out();
  int32_t perm[kMaxRank];
  HALFTONE_TRY(Transpose::axes(p, x.shape, perm));
  const int64_t size = size_of(x.dtype);
  const device::Axes<2> axes = axes_of(x.shape, y.shape, perm);
  const int last = axes.rank - 1;
  int inner = 0;  // where the last axis of x went
  while (inner < last && axes.strides[1][inner] != 1) ++inner;
  // A tile's side is 32 words of at least 4 bytes. Where an axis fills less than an eighth of it,
  // most threads would have nothing to do.
  const int64_t side = std::max<int64_t>(kTileWords * 4 / size, kTileWords);
  const bool moves = x.elements() > 0 && inner < last;
  const bool tiles = moves && std::min(axes.dims[inner], axes.dims[last]) * 8 >= side;
  const char* variant = tiles ? "tiles" : moves ? "elements" : "rows";
  context.made_by({concat("transpose_", info(x.dtype).short_name, "_", variant).c_str(),
                   name(x.dtype), "none", "none"});
  if (x.elements() == 0) return {};
  if (!tiles)
    return device::copy_strided("transpose", axes, size, x.data, y.data, context.properties(),
                                context.stream());
  return dispatch_bits(size, [&](auto bits) -> Status {
    using T = decltype(bits);
    if constexpr (sizeof(T) < 4)
      if (in_words(axes, 4 / size, x.data, y.data))
        return move_tiles<T, uint32_t>(axes, inner, context);
    return move_tiles<T, T>(axes, inner, context);
  });
}

}  // namespace

std::vector<CudaOp> transpose_cuda_ops() { return {cuda_op<Transpose, transpose_cuda>()}; }

}  // namespace halftone
