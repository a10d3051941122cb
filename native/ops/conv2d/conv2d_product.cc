// conv2d on the product engines. NCHW: filters [cout, k] times patches [k, pixels]; NHWC: patches
// [pixels, k] times filters [k, cout]. Either way the sums lie as the output does.
#include <cstdio>
#include <optional>
#include <vector>

#include "ops/conv2d/conv_fast.h"
#include "ops/conv2d/conv_patches.h"
#include "ops/conv2d/conv_store.h"
#include "ops/gemm/matrix.h"

namespace halftone {
namespace {

/// OIHW -> OHWI: taps of each channel [i, t] -> channels of each tap [t, i].
template <class T>
void channels_last(const ConvGeometry& g, const void* from, void* to,
                   const KernelContext& context) {
  const T* w = static_cast<const T*>(from);
  T* out = static_cast<T*>(to);
  const int64_t taps = g.taps(), channels = g.group_in;
  context.parallel_for(
      g.out_channels, 1 + (1 << 15) / (1 + taps * channels), [&](int64_t first, int64_t last) {
        for (int64_t k = first; k < last; ++k)
          for (int64_t t = 0; t < taps; ++t)
            for (int64_t i = 0; i < channels; ++i)
              out[(k * taps + t) * channels + i] = w[(k * channels + i) * taps + t];
      });
}

template <class T, class Sum, class Engine, class Store>
ConvReport product(const ConvGeometry& g, const ConvOptions& o, const ConvCall& call,
                   const KernelContext& context, Engine engine, const Store& store) {
  ConvReport report;
  const void* w = call.b;
  const bool nhwc = o.layout == Layout::kNHWC;
  // Float16 sums have their order; NHWC patches are packed by channels.
  TapOrder order = TapOrder::kChannelsLast;
  std::vector<std::byte> reordered;
  if (o.filterLayout == FilterLayout::kOIHW && g.taps() > 1) {
    if (nhwc || call.compute == Compute::kFloat16) {
      const auto bytes = static_cast<uint64_t>(g.out_channels * g.terms() * size_of(call.b_type));
      reordered.resize(bytes);
      report.workspace_bytes += bytes;
      w = reordered.data();
      if (size_of(call.b_type) == 4) channels_last<uint32_t>(g, call.b, reordered.data(), context);
      if (size_of(call.b_type) == 2) channels_last<uint16_t>(g, call.b, reordered.data(), context);
      if (size_of(call.b_type) == 1) channels_last<uint8_t>(g, call.b, reordered.data(), context);
    } else {
      order = TapOrder::kChannelsFirst;
    }
  }
  // Vectors of 16-bit pixels that do not lie side by side would be loaded one by one.
  const bool rows_of_pixels =
      g.taps() == 1 && g.w.stride == 1 && g.h.stride == 1 && g.h.all_full() && g.w.all_full();
  const void* x = call.a;
  DType x_type = call.a_type;
  std::optional<WidenedImages> wide;
  if (!nhwc && size_of(x_type) == 2 && !rows_of_pixels) {
    wide.emplace(g, call, context);
    x = wide->data();
    x_type = DType::kF32;
    report.workspace_bytes += wide->bytes();
  }
  const PatchOperand<T> patches(g, x, pack_from(x_type, call.compute), order);
  const bool by_lines =
      o.filterLayout != FilterLayout::kHWIO;  // all k of an output channel side by side
  const Shape groups{g.groups};
  const MatrixOperand<T> filters(
      w, pack_from(call.b_type, call.compute), by_lines, by_lines ? g.terms() : g.out_channels,
      BatchOffsets(groups, groups, by_lines ? g.group_out * g.terms() : g.group_out));
  const int64_t pixels = g.batch * g.pixels();
  const GemmReport ran = nhwc ? engine(context, GemmSize{g.groups, pixels, g.group_out, g.terms()},
                                       patches, filters, store)
                              : engine(context, GemmSize{g.groups, g.group_out, pixels, g.terms()},
                                       filters, patches, store);
  report.workspace_bytes += ran.workspace_bytes;
  std::snprintf(report.kernel, sizeof report.kernel, "conv2d_%s_%s", nhwc ? "nhwc" : "nchw",
                ran.kernel);
  return report;
}

}  // namespace

ConvReport conv2d_product(const ConvGeometry& g, const ConvOptions& o, const ConvCall& call,
                          const KernelContext& context) {
  const bool nhwc = o.layout == Layout::kNHWC;
  const ConvTarget target{call.out, call.out_type, 0, g.y};
  if (call.compute == Compute::kInt32)
    return product<int16_t, int32_t>(g, o, call, context, gemm_s8,
                                     ConvIntegerStore(g, target, nhwc, call));
  const ConvFloatStore store(g, target, nhwc, call,
                             [&](int64_t n, int64_t k, int64_t oh, int64_t ow) {
                               return conv2d_plain_sum(g, call, n, k, oh, ow);
                             });
  const auto engine = call.compute == Compute::kFloat16 ? gemm_f16 : gemm_f32;
  return product<float, float>(g, o, call, context, engine, store);
}

}  // namespace halftone
