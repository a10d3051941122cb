#include "ops/conv2d/conv2d_dp4a.h"
#include "ops/conv2d/conv2d_dp4a_launch.h"
#include "ops/conv2d/conv2d_dp4a_pack_kernel.cuh"

namespace halftone {
namespace {

constexpr int64_t round_up(int64_t a, int64_t b) { return (a + b - 1) / b * b; }

ConvS8Axis axis_of(const WindowAxis& a) {
  return {static_cast<int32_t>(a.in), static_cast<int32_t>(a.stride),
          static_cast<int32_t>(a.dilation), static_cast<int32_t>(a.before),
          device::divisor_of(a.out)};
}

/// Positions in the padded image, and those that a window reaches, are counted in an int.
bool fits(const WindowAxis& a) {
  constexpr int64_t kEnd = int64_t{1} << 30;
  return a.in < kEnd && a.stride < kEnd && a.dilation < kEnd && a.before < kEnd &&
         (a.out - 1) * a.stride < kEnd && a.kernel * a.dilation < kEnd;
}

Status copy_space(DeviceContext& context, int64_t bytes, ConvDp4aReport* report, void** to) {
  report->workspace_bytes += static_cast<uint64_t>(bytes);
  return context.scratch(static_cast<size_t>(bytes), to);
}

}  // namespace

Status plan_conv_s8(DeviceContext& context, const ConvGeometry& g, const ConvOptions& options,
                    const ConvCall& call, int32_t x_zero, ConvS8Plan* plan,
                    ConvDp4aReport* report) {
  if (!fits(g.h) || !fits(g.w))
    return unsupported(
        "int8 windows that reach over 2^30 positions are not offered on CUDA; use device 'cpu'");
  plan->x_unsigned = call.a_type == DType::kU8;
  plan->w_unsigned = call.b_type == DType::kU8;
  plan->groups = g.groups;
  const int64_t pixels = g.batch * g.pixels();
  const bool no_images = g.in_channels * g.h.in * g.w.in == 0;
  // A grid has 65535 tiles of channels at the most.
  const bool too_wide = g.group_out > int64_t{65535} * device::kDp4aTile;
  plan->direct = (g.groups > 1 && g.group_out <= 4) || no_images || too_wide;
  if (plan->direct) {
    ConvS8DirectArgs& p = plan->one;
    p.x = call.a;
    p.w = call.b;
    p.xs = g.x;
    p.ws = g.f;
    p.ys = g.y;
    p.h = axis_of(g.h);
    p.v = axis_of(g.w);
    p.rows = static_cast<int32_t>(g.h.kernel);
    p.columns = static_cast<int32_t>(g.w.kernel);
    p.group_in = g.group_in;
    p.x_zero = x_zero;
    p.n = pixels * g.out_channels;
    p.by_channels = device::divisor_of(g.out_channels);
    p.by_group_out = device::divisor_of(g.group_out);
    p.channels_last = options.layout == Layout::kNHWC;
    report->kernel = g.depthwise() ? "conv2d_s8_depthwise" : "conv2d_s8_direct";
    return {};
  }

  // Padding to 16 channels makes wide loads; it is done unless it adds more than an eighth.
  const int64_t quads = round_up(g.group_in, 4), packs = round_up(g.group_in, 16);
  const bool images_fit = options.layout == Layout::kNHWC && g.group_in % 4 == 0 &&
                          reinterpret_cast<uintptr_t>(call.a) % 4 == 0;
  const int64_t channels = !images_fit && packs * 8 <= quads * 9 ? packs : quads;
  plan->packs = channels % 16 == 0 && (!images_fit || device::aligned16(call.a));
  if (channels * g.taps() >= int64_t{1} << 30)
    return unsupported(
        "int8 convolutions of 2^30 products and more in a sum are not offered on CUDA; use device "
        "'cpu'");
  ConvS8Args& p = plan->tile;
  const bool lines_fit = channels == g.group_in && options.filterLayout == FilterLayout::kOHWI &&
                         g.terms() % device::kDp4aSteps == 0 && device::aligned16(call.b);
  p.channels = static_cast<int32_t>(channels);
  p.steps = static_cast<int32_t>(round_up(channels * g.taps(), device::kDp4aSteps));
  p.w_line = p.steps;
  p.h = axis_of(g.h);
  p.v = axis_of(g.w);
  p.by_channels = device::divisor_of(channels);
  p.by_columns = device::divisor_of(g.w.kernel);
  p.outside = static_cast<uint32_t>(x_zero & 255) * 0x01010101u;
  p.pixels = pixels;
  p.group_out = g.group_out;
  p.y_image = g.y.n;
  p.y_pixel = g.y.w;
  p.y_channel = g.y.c;
  p.x_pixel = channels * g.groups;
  p.x_row = g.w.in * p.x_pixel;
  p.x_image = g.h.in * p.x_row;
  p.x_group = channels;
  report->kernel = "conv2d_s8_dp4a_tile128";

  p.x = static_cast<const uint8_t*>(call.a);
  if (!images_fit) {
    void* to = nullptr;
    const int64_t bytes = g.batch * p.x_image;
    HALFTONE_TRY(copy_space(context, bytes, report, &to));
    p.x = static_cast<const uint8_t*>(to);
    HALFTONE_TRY(device::launch("conv_s8_pack_images", conv_s8_pack_images,
                                device::elementwise_grid(context.properties(), bytes / 4, 1), 256,
                                0, context.stream(), static_cast<const uint8_t*>(call.a), g.x,
                                g.batch, g.h.in, g.w.in, g.groups, g.group_in, channels,
                                static_cast<uint32_t*>(to)));
  }
  p.w = static_cast<const uint8_t*>(call.b);
  if (!lines_fit) {
    void* to = nullptr;
    const int64_t bytes = g.out_channels * p.w_line;
    HALFTONE_TRY(copy_space(context, bytes, report, &to));
    p.w = static_cast<const uint8_t*>(to);
    HALFTONE_TRY(device::launch("conv_s8_pack_filters", conv_s8_pack_filters,
                                device::elementwise_grid(context.properties(), bytes / 4, 1), 256,
                                0, context.stream(), static_cast<const uint8_t*>(call.b), g.f,
                                g.out_channels, g.taps(), g.w.kernel, g.group_in, channels,
                                p.w_line, static_cast<uint32_t*>(to)));
  }
  return {};
}

Status conv2d_dp4a(DeviceContext& context, const ConvGeometry& g, const ConvOptions& options,
                   const ConvCall& call, ConvDp4aReport* report) {
  if (g.batch * g.pixels() * g.out_channels == 0) return {};
  ConvS8Plan plan;
  HALFTONE_TRY(plan_conv_s8(context, g, options, call, 0, &plan, report));
  const ConvS8Sums finish{static_cast<int32_t*>(call.out), static_cast<const int32_t*>(call.bias),
                          call.activation == Activation::kRelu,
                          static_cast<const int32_t*>(call.residual)};
  return launch_conv_s8(context, plan, finish);
}

}  // namespace halftone
