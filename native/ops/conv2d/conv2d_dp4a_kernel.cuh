// int8 convolutions as products of dp4a tiles (implicit GEMM): rows are output pixels, columns the
// output channels of one group, k runs over kernel row, kernel column, input channel. Images are
// NHWC with the channels of each group padded to whole words of four; filters lie [output channel,
// k] with k padded by zeros to whole stages. Convolutions of few output channels per group, such as
// depthwise ones, would leave most columns empty: they have a kernel of their own.
#pragma once
#include "device/divide.h"
#include "device/dp4a_tile.h"
#include "ops/conv2d/conv_geometry.h"

namespace halftone {

/// One spatial axis on the device.
struct ConvS8Axis {
  int32_t in = 0, stride = 1, dilation = 1, before = 0;
  device::Divisor out;  // divides by the number of outputs
};

struct ConvS8Args {
  const uint8_t* x = nullptr;
  const uint8_t* w = nullptr;
  int64_t x_image = 0, x_row = 0, x_pixel = 0, x_group = 0;  // bytes
  int64_t w_line = 0;                       // from one output channel to the next; a multiple of 32
  int32_t channels = 0;                     // of a group, padded: what one tap has in k
  int32_t steps = 0;                        // of k
  ConvS8Axis h, v;                          // rows, columns
  device::Divisor by_channels, by_columns;  // of k to taps, of taps to kernel rows
  uint32_t outside = 0;                     // four times the byte that stands for padding
  int64_t pixels = 0;                       // of all images
  int64_t group_out = 0, first_group = 0;
  int64_t y_image = 0, y_pixel = 0, y_channel = 0;  // elements
};

/// n / d for 0 <= n < 2^31, d < 2^31.
static __device__ __forceinline__ int32_t conv_s8_quotient(const device::Divisor& d, int32_t n) {
  const uint32_t u = static_cast<uint32_t>(n);
  const uint32_t high = static_cast<uint32_t>(static_cast<uint64_t>(u) * d.multiplier >> 32);
  return static_cast<int32_t>((high + u) >> d.shift);
}

/// An operand of dp4a_tile(): a thread brings 16 k of one pixel. kPacks: the channels of a tap are
/// a multiple of 16, so that these lie side by side; else each word of four is found by itself. A
/// pixel that does not exist is replaced by the last one, and k after the last by whatever lies
/// there: nobody looks at the former, and the filters are zero at the latter.
template <bool kPacks>
class ConvS8Pixels {
 public:
  __device__ __forceinline__ ConvS8Pixels(const ConvS8Args& p, int64_t first, int64_t group)
      : p_(p), k_(static_cast<int>(threadIdx.x) % 2 * 16) {
    int64_t pixel = first + threadIdx.x / 2;
    if (pixel >= p.pixels) pixel = p.pixels - 1;
    const int64_t line = device::quotient(p.v.out, pixel);
    const int64_t image = device::quotient(p.h.out, line);
    row_ = static_cast<int>(line - image * p.h.out.divisor) * p.h.stride - p.h.before;
    column_ = static_cast<int>(pixel - line * p.v.out.divisor) * p.v.stride - p.v.before;
    at_ = p.x + image * p.x_image + group * p.x_group;
  }
  __device__ __forceinline__ void load() {
    if constexpr (kPacks) {
      const uint8_t* at = find(k_);
      if (at) {
        device::load_pack(at, w_);
      } else {
#pragma unroll
        for (int j = 0; j < 4; ++j) w_[j] = static_cast<int32_t>(p_.outside);
      }
    } else {
#pragma unroll
      for (int j = 0; j < 4; ++j) {
        const uint8_t* at = find(k_ + 4 * j);
        w_[j] = at ? device::load_word(at) : static_cast<int32_t>(p_.outside);
      }
    }
    k_ += device::kDp4aSteps;
  }
  __device__ __forceinline__ void store(int32_t* stage) const {
    int32_t* to = stage + threadIdx.x % 2 * 4 * device::kDp4aPitch + threadIdx.x / 2;
#pragma unroll
    for (int j = 0; j < 4; ++j) to[j * device::kDp4aPitch] = w_[j];
  }

 private:
  /// Where step k of the pixel lies; nullptr: in the padding.
  __device__ __forceinline__ const uint8_t* find(int k) const {
    const int tap = conv_s8_quotient(p_.by_channels, k), channel = k - tap * p_.channels;
    const int r = conv_s8_quotient(p_.by_columns, tap);
    const int s = tap - r * static_cast<int>(p_.by_columns.divisor);
    const int row = row_ + r * p_.h.dilation, column = column_ + s * p_.v.dilation;
    if (static_cast<unsigned>(row) >= static_cast<unsigned>(p_.h.in) ||
        static_cast<unsigned>(column) >= static_cast<unsigned>(p_.v.in))
      return nullptr;
    return at_ + row * p_.x_row + column * p_.x_pixel + channel;
  }

  const ConvS8Args& p_;
  const uint8_t* at_;
  int row_, column_, k_;
  int32_t w_[4];
};

/// The other operand: 16 k of one output channel. A channel that does not exist is replaced by the
/// last one.
class ConvS8Filters {
 public:
  __device__ __forceinline__ ConvS8Filters(const ConvS8Args& p, int64_t group, int64_t first) {
    int64_t channel = first + threadIdx.x / 2;
    if (channel >= p.group_out) channel = p.group_out - 1;
    at_ = p.w + (group * p.group_out + channel) * p.w_line + threadIdx.x % 2 * 16;
  }
  __device__ __forceinline__ void load() {
    device::load_pack(at_, w_);
    at_ += device::kDp4aSteps;
  }
  __device__ __forceinline__ void store(int32_t* stage) const {
    int32_t* to = stage + threadIdx.x % 2 * 4 * device::kDp4aPitch + threadIdx.x / 2;
#pragma unroll
    for (int j = 0; j < 4; ++j) to[j * device::kDp4aPitch] = w_[j];
  }

 private:
  const uint8_t* at_;
  int32_t w_[4];
};

/// What becomes of a sum of channel `channel`, which goes to element `at`: y = activation(bias +
/// sum).
struct ConvS8Sums {
  static constexpr bool kLong = false;
  int32_t* y = nullptr;
  const int32_t* bias = nullptr;
  bool relu = false;
  const int32_t* residual = nullptr;  // lies as y
  __device__ __forceinline__ void operator()(int64_t at, int64_t channel, int32_t sum) const {
    if (bias)
      sum = static_cast<int32_t>(static_cast<uint32_t>(sum) + static_cast<uint32_t>(bias[channel]));
    if (residual)
      sum = static_cast<int32_t>(static_cast<uint32_t>(sum) + static_cast<uint32_t>(residual[at]));
    y[at] = relu && sum < 0 ? 0 : sum;
  }
};

/// Grid: (pixels by 128, output channels of a group by 128, groups); 256 threads.
template <bool kXUnsigned, bool kWUnsigned, bool kPacks, class Finish, class Faults = device::Sound>
__global__ void __launch_bounds__(device::kDp4aThreads, 2)
    conv2d_s8_dp4a_tile128(ConvS8Args p, Finish finish) {
  using namespace device;
  __shared__ int4 shared[kDp4aShared / 4];
  int32_t sums[8][8];
  {
    const int64_t group = p.first_group + blockIdx.z;
    ConvS8Pixels<kPacks> x(p, int64_t{blockIdx.x} * kDp4aTile, group);
    ConvS8Filters w(p, group, int64_t{blockIdx.y} * kDp4aTile);
    dp4a_tile<kXUnsigned, kWUnsigned, Faults>(x, w, p.steps, reinterpret_cast<int32_t*>(shared),
                                              sums);
  }
  const Dp4aPlace place;
  const int64_t first = (p.first_group + blockIdx.z) * p.group_out;
  // A long finish is compiled once per row, not once per sum: a row's eight sums go through words
  // of shared memory of the thread's own, which a loop can index. 64 copies took ptxas minutes.
  static_assert(8 * kDp4aThreads <= kDp4aShared);
  if constexpr (Finish::kLong) __syncthreads();  // the tile's operands are no longer read
#pragma unroll
  for (int i = 0; i < 8; ++i) {
    const int64_t pixel = int64_t{blockIdx.x} * kDp4aTile + place.row(i);
    if (Faults::kGuards && pixel >= p.pixels) continue;
    const int64_t image = quotient(p.h.out, quotient(p.v.out, pixel));
    const int64_t at =
        image * p.y_image + (pixel - image * p.h.out.divisor * p.v.out.divisor) * p.y_pixel;
    const auto end = [&](int j, int32_t sum) {
      const int64_t channel = int64_t{blockIdx.y} * kDp4aTile + place.column(j);
      if (channel < p.group_out) finish(at + (first + channel) * p.y_channel, first + channel, sum);
    };
    if constexpr (Finish::kLong) {
      int32_t* own = reinterpret_cast<int32_t*>(shared) + threadIdx.x;
#pragma unroll
      for (int j = 0; j < 8; ++j) own[j * kDp4aThreads] = sums[i][j];
#pragma unroll 1
      for (int j = 0; j < 8; ++j) end(j, own[j * kDp4aThreads]);
    } else {
#pragma unroll
      for (int j = 0; j < 8; ++j) end(j, sums[i][j]);
    }
  }
}

// ---- few output channels per group ----

struct ConvS8DirectArgs {
  const void* x = nullptr;
  const void* w = nullptr;
  Strides4 xs, ws, ys;
  ConvS8Axis h, v;
  int32_t rows = 1, columns = 1;  // of the kernel
  int64_t group_in = 1;
  int32_t x_zero = 0;
  int64_t n = 0;  // outputs
  device::Divisor by_channels, by_group_out;
  bool channels_last = false;  // neighbouring threads take neighbouring channels, else pixels
};

/// One output per thread, in the layouts as they are. X, W: int8_t or uint8_t.
template <class X, class W, class Finish>
__global__ void __launch_bounds__(256) conv2d_s8_direct(ConvS8DirectArgs p, Finish finish) {
  using device::quotient;
  for (int64_t i = int64_t{blockIdx.x} * 256 + threadIdx.x; i < p.n;
       i += int64_t{gridDim.x} * 256) {
    int64_t line, ow, image, oh, channel;
    if (p.channels_last) {
      const int64_t pixel = quotient(p.by_channels, i);
      channel = i - pixel * p.by_channels.divisor;
      line = quotient(p.v.out, pixel);
      ow = pixel - line * p.v.out.divisor;
      image = quotient(p.h.out, line);
      oh = line - image * p.h.out.divisor;
    } else {
      const int64_t row = quotient(p.v.out, i);
      ow = i - row * p.v.out.divisor;
      line = quotient(p.h.out, row);
      oh = row - line * p.h.out.divisor;
      image = quotient(p.by_channels, line);
      channel = line - image * p.by_channels.divisor;
    }
    const int64_t group = quotient(p.by_group_out, channel);
    const X* x = static_cast<const X*>(p.x) + image * p.xs.n + group * p.group_in * p.xs.c;
    const W* w = static_cast<const W*>(p.w) + channel * p.ws.n;
    const int first_row = static_cast<int>(oh) * p.h.stride - p.h.before;
    const int first_column = static_cast<int>(ow) * p.v.stride - p.v.before;
    uint32_t sum = 0;
    for (int r = 0; r < p.rows; ++r) {
      const int row = first_row + r * p.h.dilation;
      if (static_cast<unsigned>(row) >= static_cast<unsigned>(p.h.in)) continue;
      for (int s = 0; s < p.columns; ++s) {
        const int column = first_column + s * p.v.dilation;
        if (static_cast<unsigned>(column) >= static_cast<unsigned>(p.v.in)) continue;
        const X* from = x + row * p.xs.h + column * p.xs.w;
        const W* tap = w + r * p.ws.h + s * p.ws.w;
        for (int64_t c = 0; c < p.group_in; ++c)
          sum += static_cast<uint32_t>((static_cast<int32_t>(from[c * p.xs.c]) - p.x_zero) *
                                       static_cast<int32_t>(tap[c * p.ws.c]));
      }
    }
    finish(image * p.ys.n + channel * p.ys.c + oh * p.ys.h + ow * p.ys.w, channel,
           static_cast<int32_t>(sum));
  }
}

}  // namespace halftone
