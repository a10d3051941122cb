// Depthwise convolutions, row by row: float32 and tf32 (the sums of the plain kernel, bit for bit),
// integers, and float16 sums where the CPU has float16 arithmetic.
#include <cstdio>

#include "ops/conv2d/conv_depthwise_isa.h"
#include "ops/conv2d/conv_fast.h"
#include "ops/conv2d/conv_store.h"

namespace halftone {
namespace {

// Elements [first, last) of a tensor as the kernels take them.
void load(const ConvCall& call, const void* data, DType type, int64_t first, int64_t last,
          float* to) {
  const int64_t n = last - first;
  if (type == DType::kF16) return convert(static_cast<const f16*>(data) + first, to, n);
  if (type == DType::kBF16) return convert(static_cast<const bf16*>(data) + first, to, n);
  const float* from = static_cast<const float*>(data) + first;
  for (int64_t i = 0; i < n; ++i)
    to[i] = call.compute == Compute::kTf32 ? round_tf32(from[i]) : from[i];
}
void load(const ConvCall&, const void* data, DType type, int64_t first, int64_t last, int32_t* to) {
  for (int64_t i = first; i < last; ++i)
    to[i - first] = type == DType::kS8 ? int32_t{static_cast<const int8_t*>(data)[i]}
                                       : int32_t{static_cast<const uint8_t*>(data)[i]};
}
void load(const ConvCall&, const void* data, DType, int64_t first, int64_t last, uint16_t* to) {
  std::copy_n(static_cast<const uint16_t*>(data) + first, last - first, to);
}

// Sums as the store takes them.
float* sums_of(std::vector<float>& sums, std::vector<float>&) { return sums.data(); }
int32_t* sums_of(std::vector<int32_t>& sums, std::vector<float>&) { return sums.data(); }
float* sums_of(std::vector<uint16_t>& sums, std::vector<float>& wide) {
  wide.resize(sums.size());
  convert(reinterpret_cast<const f16*>(sums.data()), wide.data(),
          static_cast<int64_t>(sums.size()));
  return wide.data();
}

template <class T, class Store>
ConvReport run(const ConvGeometry& g, bool nhwc, const ConvCall& call, const KernelContext& context,
               const DepthwiseKernels<T>& kernels, bool x_as_it_is, const Store& store) {
  // Filters as [tap, channel] for NHWC, [channel, tap] for NCHW.
  std::vector<T> w(static_cast<size_t>(g.out_channels * g.taps()));
  for (int64_t k = 0; k < g.out_channels; ++k)
    for (int64_t r = 0; r < g.h.kernel; ++r)
      for (int64_t s = 0; s < g.w.kernel; ++s) {
        const int64_t tap = r * g.w.kernel + s,
                      to = nhwc ? tap * g.out_channels + k : k * g.taps() + tap;
        const int64_t from = k * g.f.n + r * g.f.h + s * g.f.w;
        load(call, call.b, call.b_type, from, from + 1, &w[static_cast<size_t>(to)]);
      }
  const int64_t elements = g.batch * g.in_channels * g.h.in * g.w.in;
  std::unique_ptr<T[]> copy;
  const T* x = static_cast<const T*>(call.a);
  if (!x_as_it_is) {
    copy = std::make_unique_for_overwrite<T[]>(static_cast<size_t>(elements));
    x = copy.get();
    context.parallel_for(elements, 1 << 15, [&](int64_t first, int64_t last) {
      load(call, call.a, call.a_type, first, last, copy.get() + first);
    });
  }

  // Rows of one image, and for NCHW of one channel, lie side by side in the output: a few are
  // stored at a time.
  const int64_t row_size = g.w.out * (nhwc ? g.out_channels : 1),
                planes = g.batch * (nhwc ? 1 : g.out_channels);
  const int64_t at_once = std::min(g.h.out, 1 + 4096 / (1 + row_size)),
                blocks = (g.h.out - 1) / at_once + 1;
  const int64_t grain = 1 + (1 << 15) / (1 + at_once * row_size * g.taps());
  context.parallel_for(planes * blocks, grain, [&](int64_t first, int64_t last) {
    std::vector<T> sums(static_cast<size_t>(at_once * row_size));
    std::vector<float> wide;
    DepthwiseRow<T> p;
    p.row_step = g.h.dilation * g.x.h;
    p.columns = g.w.kernel;
    p.out = g.w.out;
    p.in = g.w.in;
    p.stride = g.w.stride;
    p.dilation = g.w.dilation;
    p.before = g.w.before;
    p.channels = nhwc ? g.out_channels : 1;
    for (int64_t block = first; block < last; ++block) {
      const int64_t plane = block / blocks, row = block % blocks * at_once,
                    rows = std::min(at_once, g.h.out - row);
      const int64_t n = nhwc ? plane : plane / g.out_channels,
                    k = nhwc ? 0 : plane % g.out_channels;
      for (int64_t i = 0; i < rows; ++i) {
        const TapRange taps = g.h.taps(row + i);
        p.rows = taps.last - taps.first;
        p.w = w.data() + taps.first * g.w.kernel * p.channels + k * g.taps();
        p.x = x + n * g.x.n + k / g.group_out * g.x.c;
        if (p.rows > 0) p.x += (g.h.start(row + i) + taps.first * g.h.dilation) * g.x.h;
        T* to = sums.data() + i * row_size;
        if (p.rows > 0)
          (nhwc ? kernels.nhwc : kernels.nchw)(p, to);
        else
          std::fill_n(to, row_size, T{});
      }
      // As group 0: channels are counted through all groups.
      const int64_t pixel = (n * g.h.out + row) * g.w.out, pixels = rows * g.w.out;
      if (nhwc)
        store.store(0, pixel, 0, pixels, g.out_channels, sums_of(sums, wide), g.out_channels);
      else
        store.store(0, k, pixel, 1, pixels, sums_of(sums, wide), pixels);
    }
  });
  ConvReport report;
  report.workspace_bytes = (w.size() + (copy ? static_cast<uint64_t>(elements) : 0)) * sizeof(T);
  std::snprintf(report.kernel, sizeof report.kernel, "conv2d_depthwise_%s_%s_%s",
                nhwc ? "nhwc" : "nchw",
                call.compute == Compute::kInt32     ? "s32"
                : call.compute == Compute::kFloat16 ? "f16"
                                                    : "f32",
                name(cpu_isa()));
  return report;
}

}  // namespace

bool conv2d_depthwise_offered(const ConvGeometry& g, const ConvOptions& o, const ConvCall& call) {
  if (call.compute == Compute::kFloat16 && !HALFTONE_ISA_PICK(depthwise_f16)().nhwc) return false;
  return g.depthwise() && (o.layout == Layout::kNCHW || g.group_out == 1);
}

ConvReport conv2d_depthwise(const ConvGeometry& g, const ConvOptions& o, const ConvCall& call,
                            const KernelContext& context) {
  const bool nhwc = o.layout == Layout::kNHWC;
  const ConvTarget target{call.out, call.out_type, 0, g.y};
  if (call.compute == Compute::kInt32)
    return run<int32_t>(g, nhwc, call, context, HALFTONE_ISA_PICK(depthwise_s32)(), false,
                        ConvIntegerStore(g, target, nhwc, call));
  const ConvFloatStore store(g, target, nhwc, call, nullptr);
  if (call.compute == Compute::kFloat16)
    return run<uint16_t>(g, nhwc, call, context, HALFTONE_ISA_PICK(depthwise_f16)(), true, store);
  const bool as_it_is = call.a_type == DType::kF32 && call.compute == Compute::kFloat32;
  return run<float>(g, nhwc, call, context, HALFTONE_ISA_PICK(depthwise_f32)(), as_it_is, store);
}

}  // namespace halftone
