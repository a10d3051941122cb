#include <cstring>

#include "device/context.h"
#include "device/strided_copy.h"
#include "ops/pad/pad.h"
#include "ops/pad/pad_kernel.cuh"

namespace halftone {
namespace {

// y along one of its axes.
struct PadAxis {
  int64_t before = 0, size = 1, after = 0;
  bool whole() const { return before == 0 && after == 0; }
};

struct PadLayout {
  int rank = 0;
  PadAxis axes[kMaxRank];
};

// The axes of y with those joined that can be walked as one: an axis without margins with the one
// outside it, if that has none either or if all margins hold the same value.
PadLayout joined_axes(const Pad::Params& p, const Shape& x) {
  PadAxis reversed[kMaxRank + 1];
  int count = 1;  // begins with an axis of one element
  for (int k = x.rank - 1; k >= 0; --k) {
    const PadAxis axis{p.before[k], x[k], p.after[k]};
    PadAxis& inner = reversed[count - 1];
    if (inner.whole() && (axis.whole() || p.mode == PadMode::kConstant || inner.size == 1))
      inner = {axis.before * inner.size, axis.size * inner.size, axis.after * inner.size};
    else
      reversed[count++] = axis;
  }
  PadLayout layout;
  layout.rank = count;
  std::reverse_copy(reversed, reversed + count, layout.axes);
  return layout;
}

// The widest unit, in elements of `size` bytes, that rows of x and y and their margins consist of.
int64_t unit_of(const PadLayout& layout, PadMode mode, int64_t size, const void* x, const void* y) {
  const PadAxis& last = layout.axes[layout.rank - 1];
  if (mode != PadMode::kConstant && !last.whole()) return 1;
  const uint64_t bits = reinterpret_cast<uintptr_t>(x) | reinterpret_cast<uintptr_t>(y) |
                        static_cast<uint64_t>(last.before * size) |
                        static_cast<uint64_t>(last.size * size) |
                        static_cast<uint64_t>(last.after * size);
  int64_t unit = 16;
  while (unit > size && bits % static_cast<uint64_t>(unit) != 0) unit /= 2;
  return unit / size;
}

template <class T>
Status launch_pad(PadLayout layout, int64_t unit, PadMode mode, const void* value,
                  DeviceContext& context) {
  T filling;
  std::memcpy(&filling, value, sizeof filling);
  const int rank = layout.rank;
  for (int64_t* n :
       {&layout.axes[rank - 1].before, &layout.axes[rank - 1].size, &layout.axes[rank - 1].after})
    *n /= unit;
  int64_t y_strides[kMaxRank], x_strides[kMaxRank], y_step = 1, x_step = 1;
  int64_t first[kMaxRank], count[kMaxRank];
  for (int k = rank - 1; k >= 0; --k) {
    const PadAxis& axis = layout.axes[k];
    y_strides[k] = y_step;
    x_strides[k] = x_step;
    first[k] = 0;
    count[k] = axis.before + axis.size + axis.after;
    y_step *= count[k];
    x_step *= axis.size;
  }
  // Parts of at most kMaxPositions, cut along the outermost axis that has more than one index.
  const auto cut = [&](const auto& self) -> Status {
    int64_t n = 1, offset = 0;
    int widest = rank - 1;
    for (int k = rank - 1; k >= 0; --k) {
      n *= count[k];
      offset += first[k] * y_strides[k];
      if (count[k] > 1) widest = k;
    }
    if (n > device::kMaxPositions) {
      const int64_t all = count[widest], begin = first[widest];
      const int64_t step = std::max<int64_t>(device::kMaxPositions / (n / all), 1);
      for (int64_t done = 0; done < all; done += step) {
        first[widest] = begin + done;
        count[widest] = std::min(step, all - done);
        HALFTONE_TRY(self(self));
      }
      first[widest] = begin;
      count[widest] = all;
      return {};
    }
    PadAxes axes;
    axes.rank = rank;
    for (int k = 0; k < rank; ++k) {
      if (k > 0) axes.divide[k] = device::Divider(static_cast<uint32_t>(count[k]));
      axes.first[k] = first[k] - layout.axes[k].before;
      axes.size[k] = layout.axes[k].size;
      axes.x_stride[k] = x_strides[k];
      axes.y_stride[k] = y_strides[k];
    }
    return device::launch(
        "pad", pad_elements<T>, device::elementwise_grid(context.properties(), n, 1),
        device::kElementwiseThreads, 0, context.stream(), axes, mode, filling,
        context.in(0).as<T>(), context.out().as<T>() + offset, static_cast<uint32_t>(n));
  };
  return cut(cut);
}

Status pad_cuda(const Pad::Params& p, DeviceContext& context) {
  const TensorView &x = context.in(0), &y = context.out();
  context.made_by(
      {concat("pad_", info(y.dtype).short_name).c_str(), name(y.dtype), "none", "none"});
  if (y.elements() == 0) return {};
  unsigned char value[16];  // of one element, again and again
  dispatch(y.dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    const T one = pad_value<T>(p);
    for (size_t i = 0; i < sizeof value; i += sizeof one) std::memcpy(value + i, &one, sizeof one);
  });
  const PadLayout layout = joined_axes(p, x.shape);
  const int64_t size = size_of(x.dtype), unit = unit_of(layout, p.mode, size, x.data, y.data);
  if (unit * size == 16) return launch_pad<device::Bytes16>(layout, unit, p.mode, value, context);
  return dispatch_bits(unit * size, [&](auto bits) {
    return launch_pad<decltype(bits)>(layout, unit, p.mode, value, context);
  });
}

}  // namespace

std::vector<CudaOp> pad_cuda_ops() { return {cuda_op<Pad, pad_cuda>()}; }

}  // namespace halftone
