// Copies of images and filters as the dp4a tiles of a convolution take them.
#pragma once
#include "device/device.h"
#include "ops/conv2d/conv_geometry.h"

namespace halftone {

/// to[image, row, column, group, channel], the channels of a group padded by zeros to `padded`, a
/// multiple of 4. Grid-stride over words, neighbours take neighbouring pixels.
static __global__ void __launch_bounds__(256)
    conv_s8_pack_images(const uint8_t* x, Strides4 xs, int64_t n, int64_t rows, int64_t columns,
                        int64_t groups, int64_t group_in, int64_t padded, uint32_t* to) {
  const int64_t quads = padded / 4, pixels = rows * columns, words = n * pixels * groups * quads;
  for (int64_t i = int64_t{blockIdx.x} * 256 + threadIdx.x; i < words;
       i += int64_t{gridDim.x} * 256) {
    const int64_t pixel = i % pixels, rest = i / pixels, quad = rest % quads,
                  group = rest / quads % groups, image = rest / quads / groups;
    const uint8_t* from = x + image * xs.n + pixel / columns * xs.h + pixel % columns * xs.w;
    uint32_t word = 0;
    for (int j = 0; j < 4; ++j)
      if (quad * 4 + j < group_in)
        word |= static_cast<uint32_t>(from[(group * group_in + quad * 4 + j) * xs.c]) << 8 * j;
    to[((image * pixels + pixel) * groups + group) * quads + quad] = word;
  }
}

/// to[output channel, line]: kernel row, kernel column, `padded` channels; zeros after them.
/// Grid-stride over words; `line` is a multiple of 4.
static __global__ void __launch_bounds__(256)
    conv_s8_pack_filters(const uint8_t* w, Strides4 ws, int64_t channels, int64_t taps,
                         int64_t columns, int64_t group_in, int64_t padded, int64_t line,
                         uint32_t* to) {
  const int64_t words = line / 4, all = channels * words;
  for (int64_t i = int64_t{blockIdx.x} * 256 + threadIdx.x; i < all;
       i += int64_t{gridDim.x} * 256) {
    const int64_t channel = i / words, k = i % words * 4, tap = k / padded, c = k % padded;
    uint32_t word = 0;
    if (tap < taps) {
      const uint8_t* from =
          w + channel * ws.n + tap / columns * ws.h + tap % columns * ws.w + c * ws.c;
      for (int j = 0; j < 4; ++j)
        if (c + j < group_in) word |= static_cast<uint32_t>(from[j * ws.c]) << 8 * j;
    }
    to[i] = word;
  }
}

}  // namespace halftone
