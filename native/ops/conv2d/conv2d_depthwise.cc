// Depthwise convolutions with float32 sums, row by row. Bit for bit what the plain kernel computes.
#include <cstdio>

#include "ops/conv2d/conv_depthwise_isa.h"
#include "ops/conv2d/conv_fast.h"
#include "ops/conv2d/conv_store.h"

namespace halftone {

bool conv2d_depthwise_offered(const ConvGeometry& g, const ConvOptions& o, const ConvCall& call) {
  const bool float_sums = call.compute == Compute::kFloat32 || call.compute == Compute::kTf32;
  return g.depthwise() && float_sums && (o.layout == Layout::kNCHW || g.group_out == 1);
}

ConvReport conv2d_depthwise(const ConvGeometry& g, const ConvOptions& o, const ConvCall& call,
                            const KernelContext& context) {
  const bool nhwc = o.layout == Layout::kNHWC;
  // Filters as [tap, channel] for NHWC, [channel, tap] for NCHW.
  std::vector<float> w(static_cast<size_t>(g.out_channels * g.taps()));
  for (int64_t k = 0; k < g.out_channels; ++k)
    for (int64_t r = 0; r < g.h.kernel; ++r)
      for (int64_t s = 0; s < g.w.kernel; ++s) {
        const int64_t tap = r * g.w.kernel + s,
                      to = nhwc ? tap * g.out_channels + k : k * g.taps() + tap;
        const float v = widened(call.b, call.b_type, k * g.f.n + r * g.f.h + s * g.f.w);
        w[static_cast<size_t>(to)] = call.compute == Compute::kTf32 ? round_tf32(v) : v;
      }
  const WidenedImages x(g, call, context, call.compute == Compute::kTf32);
  const ConvTarget target{call.out, call.out_type, 0, g.y};
  const ConvFloatStore store(g, target, nhwc, call, nullptr);
  const auto row_kernel =
      nhwc ? HALFTONE_ISA_PICK(depthwise_nhwc) : HALFTONE_ISA_PICK(depthwise_nchw);

  const int64_t row_size = g.w.out * (nhwc ? g.out_channels : 1);
  const int64_t rows = g.batch * g.h.out * (nhwc ? 1 : g.out_channels);
  context.parallel_for(
      rows, 1 + (1 << 15) / (1 + row_size * g.taps()), [&](int64_t first, int64_t last) {
        std::vector<float> sums(static_cast<size_t>(row_size));
        for (int64_t row = first; row < last; ++row) {
          const int64_t oh = row % g.h.out, k = nhwc ? 0 : row / g.h.out % g.out_channels;
          const int64_t n = row / g.h.out / (nhwc ? 1 : g.out_channels);
          const TapRange taps = g.h.taps(oh);
          DepthwiseRow p;
          p.rows = taps.last - taps.first;
          p.x = x.data() + n * g.x.n + k / g.group_out * g.x.c;
          if (p.rows > 0) p.x += (g.h.start(oh) + taps.first * g.h.dilation) * g.x.h;
          p.w = w.data() + taps.first * g.w.kernel * (nhwc ? g.out_channels : 1) + k * g.taps();
          p.row_step = g.h.dilation * g.x.h;
          p.columns = g.w.kernel;
          p.out = g.w.out;
          p.in = g.w.in;
          p.stride = g.w.stride;
          p.dilation = g.w.dilation;
          p.before = g.w.before;
          p.channels = nhwc ? g.out_channels : 1;
          if (p.rows > 0)
            row_kernel(p, sums.data());
          else
            std::fill(sums.begin(), sums.end(), 0.0f);
          const int64_t pixel =
              (n * g.h.out + oh) * g.w.out;  // group 0: channels are counted through all groups
          if (nhwc)
            store.store(0, pixel, 0, g.w.out, g.out_channels, sums.data(), g.out_channels);
          else
            store.store(0, k, pixel, 1, g.w.out, sums.data(), g.w.out);
        }
      });
  ConvReport report;
  report.workspace_bytes = w.size() * sizeof(float) + x.bytes();
  std::snprintf(report.kernel, sizeof report.kernel, "conv2d_depthwise_%s_f32_%s",
                nhwc ? "nhwc" : "nchw", name(cpu_isa()));
  return report;
}

}  // namespace halftone
