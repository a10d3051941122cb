// The geometry that convolutions and poolings share: layouts, padding, output sizes and which taps
// lie inside. Plain data and plain functions, used by the CPU kernels, the CUDA kernels and infer()
// alike.
#pragma once
#include <algorithm>
#include <cstdint>

#include "core/field.h"
#include "core/schema.h"
#include "core/shape.h"
#include "core/status.h"

namespace halftone {

/// Order of the axes of images: [n, c, h, w] or [n, h, w, c].
enum class Layout : int32_t { kNCHW = 0, kNHWC = 1 };
template <>
struct EnumNames<Layout> {
  static constexpr const char* kName = "Layout";
  static constexpr const char* kDoc =
      "Order of the axes of images: batch, channels, rows (height), columns (width).";
  static constexpr const char* kValues[] = {"NCHW", "NHWC"};
};

/// Order of the axes of filters. o: output channels; i: input channels of one group; h, w: kernel
/// rows and columns. OIHW is ONNX's and PyTorch's, HWIO is TensorFlow's [kh, kw, cin / groups,
/// cout], OHWI is what cuDNN takes with NHWC.
enum class FilterLayout : int32_t { kOIHW = 0, kOHWI = 1, kHWIO = 2 };
template <>
struct EnumNames<FilterLayout> {
  static constexpr const char* kName = "FilterLayout";
  static constexpr const char* kDoc =
      "Order of the axes of filters: output channels, input channels of a group, rows, columns.";
  static constexpr const char* kValues[] = {"OIHW", "OHWI", "HWIO"};
};

/// Where each axis lies: x.shape[axes.c] is the number of channels. For filters n is the output
/// channel.
struct AxisOrder {
  int n, c, h, w;
};
constexpr AxisOrder axis_order(Layout l) {
  return l == Layout::kNCHW ? AxisOrder{0, 1, 2, 3} : AxisOrder{0, 3, 1, 2};
}
constexpr AxisOrder axis_order(FilterLayout l) {
  if (l == FilterLayout::kOIHW) return {0, 1, 2, 3};
  return l == FilterLayout::kOHWI ? AxisOrder{0, 3, 1, 2} : AxisOrder{3, 2, 0, 1};
}
constexpr Shape make_shape(AxisOrder axes, int64_t n, int64_t c, int64_t h, int64_t w) {
  Shape s{0, 0, 0, 0};
  s[axes.n] = n;
  s[axes.c] = c;
  s[axes.h] = h;
  s[axes.w] = w;
  return s;
}

/// Distance in elements between neighbours along each axis of a dense tensor; all 0 when the tensor
/// is empty, whose other sizes may be anything.
struct Strides4 {
  int64_t n = 0, c = 0, h = 0, w = 0;
};
constexpr Strides4 make_strides(const Shape& s, AxisOrder axes) {
  for (int i = 0; i < 4; ++i)
    if (s[i] == 0) return {};
  const int64_t step[4] = {s[1] * s[2] * s[3], s[2] * s[3], s[3], 1};
  return {step[axes.n], step[axes.c], step[axes.h], step[axes.w]};
}

/// First and past-the-last kernel tap that lie inside the image; empty when first >= last.
struct TapRange {
  int64_t first, last;
};

/// One spatial axis: `out` windows of `kernel` taps, `dilation` apart, each window `stride` after
/// the one before, the first one beginning `before` positions ahead of the image of `in` positions.
struct WindowAxis {
  int64_t in = 0, kernel = 1, stride = 1, dilation = 1, before = 0, after = 0, out = 0;

  /// Position in the image of tap 0 of window `o`; may be negative.
  constexpr int64_t start(int64_t o) const { return o * stride - before; }
  constexpr TapRange taps(int64_t o) const {
    const int64_t begin = start(o);
    const int64_t first = begin >= 0 ? 0 : (-begin - 1) / dilation + 1;
    const int64_t last = begin >= in ? 0 : std::min(kernel, (in - begin - 1) / dilation + 1);
    return {first, std::max(first, last)};
  }
  /// The window whose tap `t` lies at position `i` of the image; -1 when there is none.
  constexpr int64_t window_of(int64_t i, int64_t t) const {
    const int64_t distance = i + before - t * dilation;
    return distance < 0 || distance % stride != 0 || distance / stride >= out ? -1
                                                                              : distance / stride;
  }
  /// Windows [first, last) have their tap `t` inside the image.
  constexpr TapRange windows_of(int64_t t) const {
    const int64_t tap = t * dilation - before;  // position of the tap in window 0
    const int64_t first = tap >= 0 ? 0 : std::min(out, (-tap - 1) / stride + 1);
    const int64_t last = tap >= in ? 0 : std::min(out, (in - tap - 1) / stride + 1);
    return {first, std::max(first, last)};
  }
  /// Taps outside [first, last) lie in the padding of every window.
  constexpr TapRange used_taps() const {
    const int64_t ahead =
        before - (out - 1) * stride;  // how far the last window begins ahead of the image
    const int64_t first = ahead <= 0 ? 0 : (ahead - 1) / dilation + 1;
    const int64_t last = std::min(kernel, (in + before - 1) / dilation + 1);
    return in == 0 || out == 0 ? TapRange{0, 0} : TapRange{first, std::max(first, last)};
  }
  /// Whether all taps of window `o` lie inside the image.
  constexpr bool full(int64_t o) const {
    const int64_t first = start(o), last = first + (kernel - 1) * dilation;
    return std::min(first, last) >= 0 && std::max(first, last) < in;
  }
  /// Whether all taps of all windows do.
  constexpr bool all_full() const { return out == 0 || (full(0) && full(out - 1)); }
};

namespace detail {

/// All sizes, strides and dilations lie in [0, 2^31), so nothing below can overflow 64 bits.
inline Status window_size(const char* what, int64_t given, int64_t least) {
  if (given < least || given > kMaxInt)
    return param_error(what, " must lie in [", least, ", ", kMaxInt, "], got ", given);
  return {};
}

}  // namespace detail

/// Fills before, after and out of an axis whose other members are set. `axis` is "height" or
/// "width", `at` the index of the axis' first value in an explicit padding (0 or 2).
///
/// 'same', 'same-lower': out = ceil(in / stride); pads so much that the last window ends with the
/// image, the odd
///   position after ('same') or before ('same-lower') it. ONNX Conv-11 auto_pad SAME_UPPER /
///   SAME_LOWER; TensorFlow SAME.
/// 'valid', explicit: out = floor((in + before + after - extent) / stride) + 1 with extent =
/// (kernel - 1) * dilation + 1.
///   ONNX Conv-11, MaxPool-12. With `ceil_mode` the division rounds up, and a last window that
///   would begin after the image and its leading padding is left out (MaxPool-22 says so; PyTorch
///   does so).
inline Status infer_windows(const char* axis, const Padding& padding, int at, bool ceil_mode,
                            WindowAxis* a) {
  HALFTONE_TRY(detail::window_size(at ? "stride[1]" : "stride[0]", a->stride, 1));
  HALFTONE_TRY(detail::window_size(at ? "dilation[1]" : "dilation[0]", a->dilation, 1));
  if (a->kernel < 1 || a->kernel > kMaxInt)
    return shape_error("the kernel's ", axis, " must lie in [1, ", kMaxInt, "], got ", a->kernel);
  if (a->in < 0 || a->in > kMaxInt)
    return shape_error("the image's ", axis, " must lie in [0, ", kMaxInt, "], got ", a->in);
  const int64_t extent = (a->kernel - 1) * a->dilation + 1;
  if (padding.mode == Padding::kSame || padding.mode == Padding::kSameLower) {
    a->out = (a->in + a->stride - 1) / a->stride;
    const int64_t total = std::max<int64_t>((a->out - 1) * a->stride + extent - a->in, 0);
    a->before = padding.mode == Padding::kSame ? total / 2 : total - total / 2;
    a->after = total - a->before;
    if (a->out == 0) a->before = a->after = 0;
    return {};
  }
  a->before = a->after = 0;
  if (padding.mode == Padding::kExplicit) {
    HALFTONE_TRY(detail::window_size("each value of padding", padding.values[at], 0));
    HALFTONE_TRY(detail::window_size("each value of padding", padding.values[at + 1], 0));
    a->before = padding.values[at];
    a->after = padding.values[at + 1];
  } else if (padding.mode != Padding::kValid) {
    return param_error(
        "padding must be 'same', 'valid', 'same-lower' or [top, bottom, left, right], got mode ",
        padding.mode);
  }
  const int64_t room = a->in + a->before + a->after - extent;
  if (room < 0)
    return shape_error(
        "the kernel's extent (kernel - 1) * dilation + 1 must not exceed the padded image's ", axis,
        ", got extent ", extent, " and ", axis, " ", a->in, " + ", a->before, " + ", a->after);
  a->out = (ceil_mode ? (room + a->stride - 1) / a->stride : room / a->stride) + 1;
  if (ceil_mode && a->out > 1 && (a->out - 1) * a->stride >= a->in + a->before) --a->out;
  return {};
}

/// Checks that a stride or dilation has its two values.
inline Status check_pair(const char* what, const IntList& v) {
  if (v.count != 2) return param_error(what, " must have 2 values [rows, columns], got ", v.count);
  return {};
}

/// The parameters that conv2d and its two gradients share.
struct ConvOptions {
  Layout layout = Layout::kNCHW;
  FilterLayout filterLayout = FilterLayout::kOIHW;
  IntList stride = {1, 1};
  Padding padding;
  IntList dilation = {1, 1};
  int64_t groups = 1;

  template <class V>
  void fields(V&& v) {
    v("layout", layout, {.doc = "axes of the images"});
    v("filterLayout", filterLayout,
      {.doc = "axes of the filter; i is the input channels of one group"});
    v("stride", stride,
      {.doc = "step of the windows [rows, columns]", .min = 1, .max = kMaxInt, .count = 2});
    v("padding", padding, {.doc = "'valid', 'same', 'same-lower' or [top, bottom, left, right]"});
    v("dilation", dilation,
      {.doc = "distance of the taps [rows, columns]", .min = 1, .max = kMaxInt, .count = 2});
    v("groups", groups,
      {.doc = "channels are split into this many independent convolutions",
       .min = 1,
       .max = kMaxInt});
  }
};

/// One convolution with everything resolved. Output channel k belongs to group k / group_out and
/// sees the input channels [group * group_in, (group + 1) * group_in).
struct ConvGeometry {
  int64_t batch = 0, in_channels = 0, out_channels = 0;
  int64_t groups = 1, group_in = 0, group_out = 0;
  WindowAxis h, w;
  Strides4 x, f, y;  // of the input, the filter (n: output channel) and the output

  constexpr int64_t taps() const { return h.kernel * w.kernel; }
  constexpr int64_t terms() const { return taps() * group_in; }  // products in one output
  constexpr int64_t pixels() const { return h.out * w.out; }     // outputs of one image and channel
  constexpr bool depthwise() const { return group_in == 1 && groups > 1; }
};

/// The geometry of y = conv(x, w) from the shapes of x and w. All of a failed check's values are in
/// the message.
inline Status conv_geometry(const ConvOptions& o, const Shape& x, const Shape& w, ConvGeometry* g) {
  HALFTONE_TRY(check_pair("stride", o.stride));
  HALFTONE_TRY(check_pair("dilation", o.dilation));
  HALFTONE_TRY(detail::window_size("groups", o.groups, 1));
  if (x.rank != 4) return shape_error("x must have 4 axes, got ", x);
  if (w.rank != 4) return shape_error("w must have 4 axes, got ", w);
  const AxisOrder xa = axis_order(o.layout), wa = axis_order(o.filterLayout);
  for (int i = 0; i < 4; ++i) {
    if (x[i] < 0 || x[i] > kMaxInt)
      return shape_error("each size of x must lie in [0, ", kMaxInt, "], got ", x);
    if (w[i] < 0 || w[i] > kMaxInt)
      return shape_error("each size of w must lie in [0, ", kMaxInt, "], got ", w);
  }
  g->batch = x[xa.n];
  g->in_channels = x[xa.c];
  g->out_channels = w[wa.n];
  g->groups = o.groups;
  if (g->in_channels % o.groups != 0 || w[wa.c] != g->in_channels / o.groups)
    return shape_error("x.shape[", xa.c, "] must equal groups * w.shape[", wa.c, "] with groups ",
                       o.groups, ", got x ", x, " and w ", w);
  if (g->out_channels % o.groups != 0)
    return shape_error("w.shape[", wa.n, "] must be a multiple of groups ", o.groups, ", got w ",
                       w);
  g->group_in = g->in_channels / o.groups;
  g->group_out = g->out_channels / o.groups;
  g->h = {.in = x[xa.h], .kernel = w[wa.h], .stride = o.stride[0], .dilation = o.dilation[0]};
  g->w = {.in = x[xa.w], .kernel = w[wa.w], .stride = o.stride[1], .dilation = o.dilation[1]};
  HALFTONE_TRY(infer_windows("height", o.padding, 0, false, &g->h));
  HALFTONE_TRY(infer_windows("width", o.padding, 2, false, &g->w));
  const Shape y = make_shape(xa, g->batch, g->out_channels, g->h.out, g->w.out);
  HALFTONE_TRY(check_size(x, DType::kF64));
  HALFTONE_TRY(check_size(w, DType::kF64));
  HALFTONE_TRY(check_size(y, DType::kF64));
  g->x = make_strides(x, xa);
  g->f = make_strides(w, wa);
  g->y = make_strides(y, xa);
  return {};
}

/// The shapes that belong to a geometry.
inline Shape x_shape(const ConvOptions& o, const ConvGeometry& g) {
  return make_shape(axis_order(o.layout), g.batch, g.in_channels, g.h.in, g.w.in);
}
inline Shape y_shape(const ConvOptions& o, const ConvGeometry& g) {
  return make_shape(axis_order(o.layout), g.batch, g.out_channels, g.h.out, g.w.out);
}
inline Shape w_shape(const ConvOptions& o, const ConvGeometry& g) {
  return make_shape(axis_order(o.filterLayout), g.out_channels, g.group_in, g.h.kernel, g.w.kernel);
}

}  // namespace halftone
