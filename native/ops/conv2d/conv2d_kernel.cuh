// conv2d with float16 sums on the ordinary float16 units (HFMA2), as an implicit matrix product.
//
// A block makes 128 pixels x 128 output channels of one group, 16 terms (kernel row, kernel column,
// input channel, in this order) at a time: a 16 x 128 slab of x, gathered, and one of w, both in
// shared memory twice, so that the next step is fetched from global memory while this one is
// multiplied. A thread makes 8 pixels x 8 channels as 8 x 4 pairs of channels. Each step of a term
// reads 16 bytes of x and 16 bytes of w from shared memory for 32 HFMA2.
//
// acc = fma(x, w, acc), rounded to float16 once per term, from +0: bit for bit the CPU's compute
// 'float16', but for windows that reach into the padding, whose taps are multiplied as zeros here:
// results there that are NaN or zero are to be made again (conv2d_direct with Repair::kNanOrZero).
#pragma once
#include "ops/conv2d/conv2d_direct_kernel.cuh"

namespace halftone {

inline constexpr int kTilePixels = 128, kTileChannels = 128, kTileTerms = 16;

// ---- pairs as 32-bit words: one register, whatever the compiler makes of structs ----

/// Per half: a * b + c with one rounding. HFMA2.
HALFTONE_HD uint32_t fma_pairs(uint32_t a, uint32_t b, uint32_t c) {
#if defined(__CUDA_ARCH__)
  uint32_t d;
  asm("fma.rn.f16x2 %0, %1, %2, %3;" : "=r"(d) : "r"(a), "r"(b), "r"(c));
  return d;
#else
  const auto half = [](uint32_t v) { return f16{static_cast<uint16_t>(v)}; };
  return static_cast<uint32_t>(fma_f16(half(a), half(b), half(c)).bits) |
         static_cast<uint32_t>(fma_f16(half(a >> 16), half(b >> 16), half(c >> 16)).bits) << 16;
#endif
}
/// The same with the low half of a for both: a selector of HFMA2's operand.
HALFTONE_HD uint32_t fma_low(uint32_t a, uint32_t b, uint32_t c) {
#if defined(__CUDA_ARCH__)
  uint32_t d;
  asm("{ .reg .b16 l, h; .reg .b32 t; mov.b32 {l, h}, %1; mov.b32 t, {l, l}; "
      "fma.rn.f16x2 %0, t, %2, %3; }"
      : "=r"(d)
      : "r"(a), "r"(b), "r"(c));
  return d;
#else
  return fma_pairs((a & 0xffffu) | a << 16, b, c);
#endif
}
/// The high half twice, in one instruction.
HALFTONE_HD uint32_t high_pair(uint32_t v) {
#if defined(__CUDA_ARCH__)
  return __byte_perm(v, v, 0x3232);
#else
  return v >> 16 | (v & 0xffff0000u);
#endif
}

/// Where a thread is in the sequence of terms.
struct TermCursor {
  int r, s, c;

  HALFTONE_HD void advance(TermCursor& t, int by, int group_in, int columns) {
    t.c += by;
    while (t.c >= group_in) {
      t.c -= group_in;
      if (++t.s == columns) t.s = 0, ++t.r;
    }
  }
};

/// One pixel of the output, as the window that it sums over.
struct TilePixel {
  int64_t image;  // first element of its image and group in x; -1: none
  int ih, iw;     // position of tap (0, 0)
};

HALFTONE_HD TilePixel tile_pixel(const ConvGeometry& g, int64_t p, int64_t first_channel) {
  TilePixel t{-1, 0, 0};
  if (p >= g.batch * g.pixels()) return t;
  const int64_t ow = p % g.w.out, oh = p / g.w.out % g.h.out, n = p / g.pixels();
  t.image = n * g.x.n + first_channel * g.x.c;
  t.ih = static_cast<int>(g.h.start(oh));
  t.iw = static_cast<int>(g.w.start(ow));
  return t;
}

/// Eight terms of one pixel, from `at` on. Packs: channels lie side by side, 8 of a tap are 16
/// bytes at a multiple of 16.
template <bool kPacks>
HALFTONE_HD uint4 load_x(const ConvGeometry& g, const f16* x, const TilePixel& p, TermCursor at) {
  uint32_t words[4] = {};
  if constexpr (kPacks) {
    const int ih = p.ih + at.r * static_cast<int>(g.h.dilation),
              iw = p.iw + at.s * static_cast<int>(g.w.dilation);
    const bool inside = p.image >= 0 && at.r < static_cast<int>(g.h.kernel) && ih >= 0 &&
                        ih < static_cast<int>(g.h.in) && iw >= 0 && iw < static_cast<int>(g.w.in);
    if (inside)
      return *reinterpret_cast<const uint4*>(x + p.image + ih * g.x.h + iw * g.x.w + at.c);
  } else {
    for (int j = 0; j < 8; ++j) {
      const int64_t ih = p.ih + at.r * g.h.dilation, iw = p.iw + at.s * g.w.dilation;
      if (p.image >= 0 && at.r < g.h.kernel && ih >= 0 && ih < g.h.in && iw >= 0 && iw < g.w.in) {
        const uint32_t bits = x[p.image + ih * g.x.h + iw * g.x.w + at.c * g.x.c].bits;
        words[j / 2] |= j % 2 ? bits << 16 : bits;
      }
      TermCursor::advance(at, 1, static_cast<int>(g.group_in), static_cast<int>(g.w.kernel));
    }
  }
  return {words[0], words[1], words[2], words[3]};
}

/// Eight output channels of one term.
template <bool kPacks>
HALFTONE_HD uint4 load_w(const f16* row, int64_t channel, int64_t group_out) {
  if constexpr (kPacks) {
    if (channel < group_out) return *reinterpret_cast<const uint4*>(row + channel);
    return {0, 0, 0, 0};
  } else {
    uint32_t words[4] = {};
    for (int j = 0; j < 8; ++j)
      if (channel + j < group_out)
        words[j / 2] |= static_cast<uint32_t>(row[channel + j].bits) << (j % 2 ? 16 : 0);
    return {words[0], words[1], words[2], words[3]};
  }
}

/// The arguments beside the tensors.
struct TileCall {
  ConvGeometry g;
  ConvFinish finish;
  int64_t channel_tiles;  // of one group
  int64_t tiles;          // pixel tiles * groups * channel_tiles
  bool y_packs;           // eight channels of y are 16 bytes at a multiple of 16
};

/// x: any strides. w: [r, s, c, all output channels]. y: any strides. Groups have tiles of their
/// own.
template <bool kXPacks, bool kWPacks>
__global__ void __launch_bounds__(256, 2)
    conv2d_f16_tiles(TileCall call, const f16* __restrict__ x, const f16* __restrict__ w, f16* y) {
  // A warp stores 32 neighbouring halves of one term of x, and reads two packs of it (broadcast)
  // and 16 packs of w in a row: no bank conflicts, no padding.
  __shared__ uint4 x_slab[2][kTileTerms][kTilePixels / 8];
  __shared__ uint4 w_slab[2][kTileTerms][kTileChannels / 8];

  const ConvGeometry& g = call.g;
  const int thread = static_cast<int>(threadIdx.x);
  const int terms = static_cast<int>(g.terms()), group_in = static_cast<int>(g.group_in);
  const int columns = static_cast<int>(g.w.kernel);
  // As loader: one pixel and half of the terms; one term and eight channels.
  const int x_pixel = thread % kTilePixels, x_term = thread / kTilePixels * 8;
  const int w_term = thread / 16, w_pack = thread % 16;
  // As multiplier: pixels 8 * row ..., channels 8 * pack ...
  const int row = thread / 16, pack = thread % 16;

  for (int64_t tile = blockIdx.x; tile < call.tiles; tile += gridDim.x) {
    const int64_t channel_tile = tile % call.channel_tiles;
    const int64_t group = tile / call.channel_tiles % g.groups;
    const int64_t first_pixel = tile / (call.channel_tiles * g.groups) * kTilePixels;
    const int64_t first_channel = channel_tile * kTileChannels;  // within the group
    const TilePixel pixel = tile_pixel(g, first_pixel + x_pixel, group * g.group_in);
    const f16* w_rows = w + group * g.group_out;

    TermCursor at{0, 0, 0};
    TermCursor::advance(at, x_term, group_in, columns);
    uint32_t acc[8][4] = {};
    uint4 next_x = load_x<kXPacks>(g, x, pixel, at);
    uint4 next_w{0, 0, 0, 0};
    if (w_term < terms)
      next_w = load_w<kWPacks>(w_rows + w_term * g.out_channels, first_channel + w_pack * 8,
                               g.group_out);
    const auto keep = [&](int buffer) {
      const uint32_t words[4] = {next_x.x, next_x.y, next_x.z, next_x.w};
#pragma unroll
      for (int j = 0; j < 8; ++j)
        reinterpret_cast<uint16_t*>(x_slab[buffer][x_term + j])[x_pixel] =
            static_cast<uint16_t>(j % 2 ? words[j / 2] >> 16 : words[j / 2]);
      w_slab[buffer][w_term][w_pack] = next_w;
    };
    const auto multiply = [&](int buffer, int k) {
      const uint4 xs = x_slab[buffer][k][row], ws = w_slab[buffer][k][pack];
      const uint32_t xw[4] = {xs.x, xs.y, xs.z, xs.w}, ww[4] = {ws.x, ws.y, ws.z, ws.w};
#pragma unroll
      for (int i = 0; i < 8; i += 2) {
        const uint32_t high = high_pair(xw[i / 2]);
#pragma unroll
        for (int j = 0; j < 4; ++j) {
          acc[i][j] = fma_low(xw[i / 2], ww[j], acc[i][j]);
          acc[i + 1][j] = fma_pairs(high, ww[j], acc[i + 1][j]);
        }
      }
    };

    keep(0);  // the last barrier of the tile before lies behind its last read
    __syncthreads();
    int buffer = 0;
    for (int done = 0; done < terms; done += kTileTerms, buffer ^= 1) {
      const int rest = terms - done;
      if (rest > kTileTerms) {
        TermCursor::advance(at, kTileTerms, group_in, columns);
        next_x = load_x<kXPacks>(g, x, pixel, at);
        const int64_t term = done + kTileTerms + w_term;
        next_w = uint4{0, 0, 0, 0};
        if (term < terms)
          next_w = load_w<kWPacks>(w_rows + term * g.out_channels, first_channel + w_pack * 8,
                                   g.group_out);
      }
      if (rest >= kTileTerms) {
#pragma unroll
        for (int k = 0; k < kTileTerms; ++k) multiply(buffer, k);
      } else {  // a term more, even one of zeros, would turn a sum of -0 into +0
#pragma unroll 1
        for (int k = 0; k < rest; ++k) multiply(buffer, k);
      }
      if (rest > kTileTerms) keep(buffer ^ 1);
      __syncthreads();
    }

    const int64_t channel = first_channel + pack * 8;
#pragma unroll
    for (int i = 0; i < 8; ++i) {
      const int64_t p = first_pixel + row * 8 + i;
      if (p >= g.batch * g.pixels()) continue;
      const int64_t ow = p % g.w.out, oh = p / g.w.out % g.h.out, n = p / g.pixels();
      f16* out = y + n * g.y.n + oh * g.y.h + ow * g.y.w + group * g.group_out * g.y.c;
      uint32_t words[4] = {};
#pragma unroll
      for (int j = 0; j < 8; ++j) {
        if (channel + j >= g.group_out) continue;
        const f16 sum{static_cast<uint16_t>(j % 2 ? acc[i][j / 2] >> 16 : acc[i][j / 2])};
        const f16 v = finish<f16>(call.finish, group * g.group_out + channel + j,
                                  (out - y) + (channel + j) * g.y.c, sum);
        if (call.y_packs)
          words[j / 2] |= static_cast<uint32_t>(v.bits) << (j % 2 ? 16 : 0);
        else
          out[(channel + j) * g.y.c] = v;
      }
      if (call.y_packs && channel < g.group_out)
        *reinterpret_cast<uint4*>(out + channel) = {words[0], words[1], words[2], words[3]};
    }
  }
}

}  // namespace halftone
