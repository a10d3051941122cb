// int8 convolutions on the emulated device against the CPU, bit for bit.
#include "check.h"
#include "core/half.h"
#include "ops/conv2d/conv2d.h"
#include "ops/conv2d_int8/conv2d_int8.h"
#include "run_cuda.h"

using namespace halftone;
using namespace halftone::test;

namespace {

uint32_t seed = 7;
uint32_t next() { return (seed = seed * 1664525u + 1013904223u) >> 16; }

HostTensor random_bytes(DType type, Shape shape) {
  HostTensor t(type, shape);
  for (std::byte& b : t.bytes) b = static_cast<std::byte>(next());
  return t;
}

struct Case {
  int64_t n, h, w, c, k, kernel = 3, stride = 1, dilation = 1, groups = 1;
  bool same = true;
};

constexpr Layout kLayouts[] = {Layout::kNCHW, Layout::kNHWC};
constexpr FilterLayout kFilterLayouts[] = {FilterLayout::kOIHW, FilterLayout::kOHWI,
                                           FilterLayout::kHWIO};
constexpr DType kBytes[] = {DType::kS8, DType::kU8};

ConvOptions options_of(const Case& c, Layout layout, FilterLayout filters) {
  ConvOptions o;
  o.layout = layout;
  o.filterLayout = filters;
  o.stride = {c.stride, c.stride};
  o.dilation = {c.dilation, c.dilation};
  o.groups = c.groups;
  if (c.same) o.padding.mode = Padding::kSame;
  return o;
}

HostTensor images(const Case& c, Layout layout, DType type) {
  return random_bytes(type, make_shape(axis_order(layout), c.n, c.c, c.h, c.w));
}
HostTensor filters(const Case& c, FilterLayout layout, DType type) {
  return random_bytes(type,
                      make_shape(axis_order(layout), c.k, c.c / c.groups, c.kernel, c.kernel));
}

void report(const Case& c, const char* what, const RunResult& cpu, const RunResult& cuda) {
  CHECK_OK(cpu.status);
  CHECK_OK(cuda.status);
  if (!cpu.status.ok() || !cuda.status.ok()) return;
  if (cpu.outputs[0].bytes != cuda.outputs[0].bytes)
    check::fail(__FILE__, __LINE__,
                concat(what, " n ", c.n, " ", c.h, "x", c.w, " c ", c.c, " k ", c.k, " kernel ",
                       c.kernel, " stride ", c.stride, " dilation ", c.dilation, " groups ",
                       c.groups, " differs, by ", cuda.provenance.kernel));
}

/// One shape, tiles at all their edges, in every layout and with every pair of signs in turn.
std::string compare(const Case& c) {
  std::string kernel;
  for (const Layout layout : kLayouts)
    for (const FilterLayout filter : kFilterLayouts) {
      Conv2d::Params p;
      static_cast<ConvOptions&>(p) = options_of(c, layout, filter);
      p.activation = next() % 2 ? Activation::kRelu : Activation::kNone;
      HostTensor x = images(c, layout, kBytes[next() % 2]),
                 w = filters(c, filter, kBytes[next() % 2]), bias(DType::kS32, {c.k});
      for (int64_t i = 0; i < c.k; ++i)
        bias.as<int32_t>()[i] = static_cast<int32_t>(next()) - 30000;
      const std::vector<HostTensor*> in{&x, &w, next() % 2 ? &bias : nullptr};
      const RunResult cuda = run_cuda<Conv2d>(p, in);
      report(c, "conv2d", run_op<Conv2d>(p, in), cuda);
      kernel = cuda.provenance.kernel;
    }
  return kernel;
}

/// bias + sum of (x - zero) * w by the definition.
HostTensor sums(const ConvOptions& o, HostTensor& x, HostTensor& w, HostTensor* bias,
                int64_t zero) {
  ConvGeometry g;
  CHECK_OK(conv_geometry(o, x.shape, w.shape, &g));
  HostTensor y(DType::kS32, y_shape(o, g));
  const auto value = [](HostTensor& t, int64_t i) {
    return t.dtype == DType::kS8 ? int64_t{t.as<int8_t>()[i]} : int64_t{t.as<uint8_t>()[i]};
  };
  for (int64_t n = 0; n < g.batch; ++n)
    for (int64_t k = 0; k < g.out_channels; ++k)
      for (int64_t oh = 0; oh < g.h.out; ++oh)
        for (int64_t ow = 0; ow < g.w.out; ++ow) {
          int64_t sum = bias ? bias->as<int32_t>()[k] : 0;
          for (int64_t r = 0; r < g.h.kernel; ++r)
            for (int64_t s = 0; s < g.w.kernel; ++s)
              for (int64_t c = 0; c < g.group_in; ++c) {
                const int64_t h = g.h.start(oh) + r * g.h.dilation,
                              v = g.w.start(ow) + s * g.w.dilation;
                if (h < 0 || h >= g.h.in || v < 0 || v >= g.w.in) continue;
                const int64_t channel = k / g.group_out * g.group_in + c;
                sum += (value(x, n * g.x.n + channel * g.x.c + h * g.x.h + v * g.x.w) - zero) *
                       value(w, k * g.f.n + c * g.f.c + r * g.f.h + s * g.f.w);
              }
          y.as<int32_t>()[n * g.y.n + k * g.y.c + oh * g.y.h + ow * g.y.w] =
              static_cast<int32_t>(sum);
        }
  return y;
}

/// conv2dInt8 on both backends against the sums by the definition and the op requantize.
void compare_quantized(const Case& c, Layout layout, FilterLayout filter, DType out,
                       RequantizeVariant variant, bool wide, bool per_channel) {
  Conv2dInt8::Params p;
  static_cast<ConvOptions&>(p) = options_of(c, layout, filter);
  p.dtype = out;
  p.variant = variant;
  p.activation = next() % 2 ? Activation::kRelu : Activation::kNone;
  HostTensor x = images(c, layout, kBytes[next() % 2]), w = filters(c, filter, kBytes[next() % 2]),
             bias(DType::kS32, {c.k});
  for (int64_t i = 0; i < c.k; ++i) bias.as<int32_t>()[i] = static_cast<int32_t>(next()) - 30000;
  p.xZeroPoint = next() % 3 ? static_cast<int64_t>(next() % 128) : 0;
  const bool codes = Conv2dInt8::codes(p);
  if (codes) p.yZeroPoint = static_cast<int64_t>(next() % 128);
  HostTensor scale(wide ? DType::kF64 : DType::kF32, per_channel ? Shape{c.k} : Shape{});
  for (int64_t i = 0; i < scale.shape.elements(); ++i) {
    // Powers of two make ties.
    const double v = next() % 2 ? 0x1p-8 : (1 + next() % 1000) * 1e-5;
    wide ? scale.as<double>()[i] = v : scale.as<float>()[i] = static_cast<float>(v);
  }
  HostTensor* const b = next() % 2 ? &bias : nullptr;
  const std::vector<HostTensor*> in{&x, &w, &scale, b};
  const RunResult cpu = run_op<Conv2dInt8>(p, in), cuda = run_cuda<Conv2dInt8>(p, in);
  report(c, "conv2dInt8", cpu, cuda);
  if (!cpu.status.ok()) return;
  HostTensor acc = sums(p, x, w, b, p.xZeroPoint);
  if (codes) {
    Requantize::Params r;
    r.dtype = out;
    r.variant = variant;
    if (p.activation == Activation::kRelu) r.min = {1, p.yZeroPoint};
    if (per_channel) r.axis = {1, axis_order(layout).c};
    HostTensor zero(out, scale.shape);
    for (std::byte& z : zero.bytes) z = static_cast<std::byte>(p.yZeroPoint);
    const RunResult wanted = run_op<Requantize>(r, {&acc, &scale, &zero});
    CHECK_OK(wanted.status);
    CHECK(wanted.outputs[0].bytes == cpu.outputs[0].bytes);
    return;
  }
  HostTensor y = cpu.outputs[0];
  const int64_t inner = layout == Layout::kNHWC ? 1 : y.shape[2] * y.shape[3];
  for (int64_t i = 0; i < y.shape.elements(); ++i) {
    const float v = static_cast<float>(acc.as<int32_t>()[i]) *
                    scale.as<float>()[per_channel ? i / inner % c.k : 0];
    const float wanted = p.activation == Activation::kRelu && v < 0 ? 0 : v;
    if (out == DType::kF32)
      CHECK_EQ(y.as<float>()[i], wanted);
    else
      CHECK_EQ(y.as<uint16_t>()[i], to_f16(wanted).bits);
  }
}

}  // namespace

TEST(requantized_in_every_layout_and_variant) {
  constexpr RequantizeVariant kVariants[] = {
      RequantizeVariant::kHalfEven, RequantizeVariant::kTfliteDouble, RequantizeVariant::kTosa,
      RequantizeVariant::kHalfAway};
  const Case cases[] = {{1, 5, 6, 3, 5},
                        {1, 5, 5, 16, 7, 3, 2},
                        {2, 5, 4, 6, 6, 3, 1, 1, 6},
                        {1, 6, 5, 12, 15, 2, 1, 1, 3, false}};
  for (const Case& c : cases)
    for (const Layout layout : kLayouts)
      for (const FilterLayout filter : kFilterLayouts) {
        for (const RequantizeVariant variant : kVariants)
          for (const bool wide : {false, true})
            compare_quantized(c, layout, filter, kBytes[next() % 2], variant, wide, next() % 2);
        compare_quantized(c, layout, filter, DType::kF32, RequantizeVariant::kHalfEven, false,
                          next() % 2);
        compare_quantized(c, layout, filter, DType::kF16, RequantizeVariant::kHalfEven, false,
                          next() % 2);
      }
  compare_quantized({0, 5, 5, 3, 4}, Layout::kNHWC, FilterLayout::kHWIO, DType::kS8,
                    RequantizeVariant::kHalfEven, false, true);
  compare_quantized({1, 5, 5, 0, 4}, Layout::kNHWC, FilterLayout::kHWIO, DType::kS8,
                    RequantizeVariant::kHalfEven, false, true);
}

TEST(refused) {
  HostTensor x(DType::kU8, {1, 1, 2, 2}), w(DType::kS8, {1, 1, 1, 1}), scale(DType::kF32, {}),
      wide(DType::kF64, {}), two(DType::kF32, {2}), bias(DType::kF32, {1});
  const auto message = [&](Conv2dInt8::Params p, std::vector<HostTensor*> in) {
    in.resize(4);
    return run_op<Conv2dInt8>(p, in).status.message;
  };
  CHECK_EQ(message({}, {&scale, &w, &scale}), "conv2dInt8: x must be int8 or uint8, got float32");
  CHECK_EQ(message({}, {&x, &w, &two}),
           "conv2dInt8: scale must have the shape [], [1] or [1] of w's output channels, got scale "
           "[2] and w [1, 1, 1, 1]");
  CHECK_EQ(message({}, {&x, &w, &scale, &bias}), "conv2dInt8: bias must be int32, got float32");
  Conv2dInt8::Params p;
  p.xZeroPoint = -1;
  CHECK_EQ(message(p, {&x, &w, &scale}),
           "conv2dInt8: xZeroPoint must lie in [0, 255] for x uint8, got -1");
  p = {};
  p.dtype = DType::kF32;
  CHECK_EQ(message(p, {&x, &w, &wide}),
           "conv2dInt8: scale must be float32 for float32 results, got float64");
  p.yZeroPoint = 3;
  CHECK_EQ(message(p, {&x, &w, &scale}),
           "conv2dInt8: yZeroPoint must be 0 for float32 results, got 3");
  p.yZeroPoint = 0;
  p.variant = RequantizeVariant::kTosa;
  CHECK_EQ(message(p, {&x, &w, &scale}),
           "conv2dInt8: variant must be 'half-even' for float32 results");
  p = {};
  p.variant = RequantizeVariant::kTosa;
  scale.as<float>()[0] = -1;
  CHECK_EQ(message(p, {&x, &w, &scale}),
           "scale[0] must lie in [0, 2^29) for variant 'tosa', got -1");
}

TEST(tiles) {
  // Channels that fill no word, words but no 16 bytes, 16 bytes; columns around a tile.
  compare({1, 5, 7, 3, 5});
  compare({2, 9, 8, 4, 129});
  compare({1, 12, 11, 20, 127, 3, 2});
  compare({1, 6, 6, 16, 8, 3, 1, 2});
  compare({1, 6, 6, 32, 6});
  compare({3, 7, 7, 48, 16, 1, 1, 1, 1, false});
  compare({1, 16, 16, 8, 12, 5, 3, 2, 1, false});
  compare({1, 4, 4, 65, 3, 4});
}

TEST(groups) {
  compare({2, 6, 5, 24, 20, 3, 1, 1, 4});
  compare({1, 6, 5, 36, 30, 3, 2, 1, 3});
  compare({2, 6, 5, 24, 8, 3, 1, 1, 4});    // two output channels of a group: one by one
  compare({2, 9, 8, 19, 19, 3, 2, 1, 19});  // depthwise
  compare({2, 9, 8, 6, 12, 3, 1, 2, 6});
}

TEST(empty_sizes) {
  compare({0, 5, 5, 3, 4});
  compare({1, 5, 5, 3, 0});
  compare({1, 0, 5, 3, 4});
  compare({1, 5, 5, 0, 4});
}
