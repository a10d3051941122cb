// The input gradient on the product engines.
//
// An input position takes part in the windows oh = (ih + before - r * dilation) / stride for those
// taps r where this has no remainder: always the same taps for positions `stride` apart. So the
// positions of each residue form a convolution of dy of their own, with stride 1, a part of the
// filter's taps, and the taps walking backwards through dy. No product with a zero between the
// values of dy is ever made, and the order of the terms stays kernel row, kernel column, channel.
#include <cstdio>
#include <numeric>

#include "ops/conv2d/conv_fast.h"
#include "ops/conv2d/conv_patches.h"
#include "ops/conv2d/conv_store.h"
#include "ops/gemm/matrix.h"

namespace halftone {
namespace {

/// The positions first, first + stride, ... of one axis of the input, as windows over dy.
struct Residue {
  int64_t first = 0;
  int64_t tap = 0, tap_step = 1;  // the taps that meet them: tap, tap + tap_step, ...
  WindowAxis windows;

  Residue(const WindowAxis& a, int64_t first_position) : first(first_position) {
    tap_step = a.stride / std::gcd(a.stride, a.dilation);
    const auto meets = [&](int64_t t) {
      return (first + a.before - t * a.dilation) % a.stride == 0;
    };
    while (tap < std::min(tap_step, a.kernel) && !meets(tap)) ++tap;
    const bool none = tap >= std::min(tap_step, a.kernel);
    windows = {.in = a.out,
               .kernel = none ? 0 : (a.kernel - 1 - tap) / tap_step + 1,
               .stride = 1,
               .dilation = none ? 0 : -(tap_step * a.dilation / a.stride),
               .before = none ? 0 : -((first + a.before - tap * a.dilation) / a.stride),
               .out = (a.in - 1 - first) / a.stride + 1};
  }
};

/// The taps of a residue as [group, tap row, tap column, k, c].
template <class T>
void gather_filter(const ConvGeometry& g, const Residue& h, const Residue& w, const void* from,
                   void* to, const KernelContext& context) {
  const T* filter = static_cast<const T*>(from);
  T* out = static_cast<T*>(to);
  const int64_t taps = h.windows.kernel * w.windows.kernel;
  context.parallel_for(g.groups * taps * g.group_out, 1 + (1 << 14) / (1 + g.group_in),
                       [&](int64_t first, int64_t last) {
                         for (int64_t row = first; row < last; ++row) {
                           const int64_t k = row % g.group_out, tap = row / g.group_out % taps,
                                         group = row / g.group_out / taps;
                           const int64_t r = h.tap + tap / w.windows.kernel * h.tap_step,
                                         s = w.tap + tap % w.windows.kernel * w.tap_step;
                           const T* line =
                               filter + (group * g.group_out + k) * g.f.n + r * g.f.h + s * g.f.w;
                           for (int64_t c = 0; c < g.group_in; ++c)
                             out[row * g.group_in + c] = line[c * g.f.c];
                         }
                       });
}

}  // namespace

ConvReport conv2d_backward_input_product(const ConvGeometry& g, const ConvOptions& o,
                                         const ConvCall& call, const KernelContext& context) {
  ConvReport report;
  const bool nhwc = o.layout == Layout::kNHWC;
  const auto engine = call.compute == Compute::kFloat16 ? gemm_f16 : gemm_f32;
  std::vector<std::byte> filter;
  for (int64_t ih = 0; ih < std::min(g.h.stride, g.h.in); ++ih)
    for (int64_t iw = 0; iw < std::min(g.w.stride, g.w.in); ++iw) {
      const Residue h(g.h, ih), w(g.w, iw);
      ConvGeometry t;  // the roles of input and output exchanged
      t.batch = g.batch;
      t.groups = g.groups;
      t.in_channels = g.out_channels;
      t.out_channels = g.in_channels;
      t.group_in = g.group_out;
      t.group_out = g.group_in;
      t.h = h.windows;
      t.w = w.windows;
      t.x = g.y;
      const int64_t size = g.groups * t.terms() * t.group_out;
      filter.resize(static_cast<size_t>(size * size_of(call.b_type)));
      if (size_of(call.b_type) == 4)
        gather_filter<uint32_t>(g, h, w, call.b, filter.data(), context);
      else
        gather_filter<uint16_t>(g, h, w, call.b, filter.data(), context);

      const Shape groups{g.groups};
      const PatchOperand<float> patches(t, call.a, pack_from(call.a_type, call.compute),
                                        TapOrder::kChannelsLast);
      const MatrixOperand<float> taps(filter.data(), pack_from(call.b_type, call.compute), false,
                                      t.group_out,
                                      BatchOffsets(groups, groups, t.terms() * t.group_out));
      const ConvTarget target{call.out,
                              call.out_type,
                              ih * g.x.h + iw * g.x.w,
                              {g.x.n, g.x.c, g.x.h * g.h.stride, g.x.w * g.w.stride}};
      SumByDefinition again;
      if (size > 0)
        again = [&](int64_t n, int64_t c, int64_t i, int64_t j) {
          return conv2d_backward_input_plain_sum(g, call, n, c, ih + i * g.h.stride,
                                                 iw + j * g.w.stride);
        };
      const ConvFloatStore store(t, target, nhwc, call, again);
      const int64_t pixels = t.batch * t.pixels();
      const GemmReport ran =
          nhwc ? engine(context, GemmSize{t.groups, pixels, t.group_out, t.terms()}, patches, taps,
                        store)
               : engine(context, GemmSize{t.groups, t.group_out, pixels, t.terms()}, taps, patches,
                        store);
      report.workspace_bytes =
          std::max<uint64_t>(report.workspace_bytes, ran.workspace_bytes + filter.size());
      std::snprintf(report.kernel, sizeof report.kernel, "conv2d_backward_input_%s_%s",
                    nhwc ? "nhwc" : "nchw", ran.kernel);
    }
  return report;
}

}  // namespace halftone
