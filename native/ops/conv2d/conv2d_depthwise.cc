// Depthwise convolutions, a few rows of windows at a time: float32 and tf32 (the sums of the plain
// kernel, bit for bit), integers, and float16 sums where the CPU has float16 arithmetic.
//
// NHWC skips padding. NCHW multiplies it as zeros, which changes no float32 sum but to a NaN: such
// a sum begins at +0 and never becomes -0, since sums that cancel are +0. The store makes NaN, and
// zeros of float16 sums, again by the definition.
#include <cstdio>

#include "ops/conv2d/conv_depthwise_isa.h"
#include "ops/conv2d/conv_fast.h"
#include "ops/conv2d/conv_planes.h"
#include "ops/conv2d/conv_store.h"

namespace halftone {
namespace {

// Products of one piece of work: so many that waking a thread for it pays.
constexpr int64_t kPiece = 1 << 18;

// Elements [first, last) of a tensor as the kernels take them.
void load(const ConvCall& call, const void* data, DType type, int64_t first, int64_t last,
          float* to) {
  const int64_t n = last - first;
  if (type == DType::kF16) return convert(static_cast<const f16*>(data) + first, to, n);
  if (type == DType::kBF16) return convert(static_cast<const bf16*>(data) + first, to, n);
  const float* from = static_cast<const float*>(data) + first;
  if (call.compute != Compute::kTf32) return static_cast<void>(std::copy_n(from, n, to));
  for (int64_t i = 0; i < n; ++i) to[i] = round_tf32(from[i]);
}
void load(const ConvCall&, const void* data, DType type, int64_t first, int64_t last, int32_t* to) {
  for (int64_t i = first; i < last; ++i)
    to[i - first] = type == DType::kS8 ? int32_t{static_cast<const int8_t*>(data)[i]}
                                       : int32_t{static_cast<const uint8_t*>(data)[i]};
}
void load(const ConvCall&, const void* data, DType, int64_t first, int64_t last, uint16_t* to) {
  std::copy_n(static_cast<const uint16_t*>(data) + first, last - first, to);
}

// `n` sums as the store takes them.
float* sums_of(float* sums, int64_t, std::vector<float>&) { return sums; }
int32_t* sums_of(int32_t* sums, int64_t, std::vector<float>&) { return sums; }
float* sums_of(uint16_t* sums, int64_t n, std::vector<float>& wide) {
  wide.resize(static_cast<size_t>(n));
  convert(reinterpret_cast<const f16*>(sums), wide.data(), n);
  return wide.data();
}

/// Filters as [tap, channel] for NHWC, [channel, tap] for NCHW.
template <class T>
std::vector<T> filters(const ConvGeometry& g, bool nhwc, const ConvCall& call) {
  const int64_t taps = g.taps();
  std::vector<T> all(static_cast<size_t>(g.out_channels * taps));
  load(call, call.b, call.b_type, 0, g.out_channels * taps, all.data());
  if (nhwc ? g.f.n == 1 : g.f.n == taps) return all;
  std::vector<T> w(all.size());
  for (int64_t k = 0; k < g.out_channels; ++k)
    for (int64_t t = 0; t < taps; ++t)
      w[static_cast<size_t>(nhwc ? t * g.out_channels + k : k * taps + t)] =
          all[static_cast<size_t>(k * g.f.n + t / g.w.kernel * g.f.h + t % g.w.kernel * g.f.w)];
  return w;
}

/// The elements of the images where they lie in memory as the kernels take them, else nullptr.
template <class T>
const T* as_they_are(const ConvCall& call) {
  const bool good = std::is_same_v<T, uint16_t> ||
                    (call.a_type == DType::kF32 && call.compute == Compute::kFloat32);
  return good ? static_cast<const T*>(call.a) : nullptr;
}

template <class T, class Store>
uint64_t run_nhwc(const ConvGeometry& g, const ConvCall& call, const KernelContext& context,
                  const DepthwiseKernels<T>& kernels, const Store& store) {
  const std::vector<T> w = filters<T>(g, true, call);
  const int64_t elements = g.batch * g.x.n, channels = g.out_channels;
  std::unique_ptr<T[]> copy;
  const T* x = as_they_are<T>(call);
  if (!x) {
    copy = std::make_unique_for_overwrite<T[]>(static_cast<size_t>(elements));
    x = copy.get();
    context.parallel_for(elements, 1 << 15, [&](int64_t first, int64_t last) {
      load(call, call.a, call.a_type, first, last, copy.get() + first);
    });
  }
  // A few rows of windows at a time, which lie side by side in the output.
  const int64_t row_size = g.w.out * channels,
                at_once = std::min(g.h.out, 1 + 4096 / (1 + row_size)),
                blocks = (g.h.out - 1) / at_once + 1;
  const int64_t grain = 1 + kPiece / (1 + at_once * row_size * g.taps());
  context.parallel_for(g.batch * blocks, grain, [&](int64_t first, int64_t last) {
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
    p.channels = channels;
    for (int64_t block = first; block < last; ++block) {
      const int64_t n = block / blocks, row = block % blocks * at_once,
                    rows = std::min(at_once, g.h.out - row);
      for (int64_t i = 0; i < rows; ++i) {
        const TapRange taps = g.h.taps(row + i);
        p.rows = taps.last - taps.first;
        p.w = w.data() + taps.first * g.w.kernel * channels;
        p.x = x + n * g.x.n;
        if (p.rows > 0) p.x += (g.h.start(row + i) + taps.first * g.h.dilation) * g.x.h;
        T* to = sums.data() + i * row_size;
        if (p.rows > 0)
          kernels.nhwc(p, to);
        else
          std::fill_n(to, row_size, T{});
      }
      // As group 0: channels are counted through all groups.
      store.store(0, (n * g.h.out + row) * g.w.out, 0, rows * g.w.out, channels,
                  sums_of(sums.data(), rows * row_size, wide), channels);
    }
  });
  return (w.size() + (copy ? static_cast<uint64_t>(elements) : 0)) * sizeof(T);
}

template <class T, class Store>
uint64_t run_nchw(const ConvGeometry& g, const ConvCall& call, const KernelContext& context,
                  const DepthwiseKernels<T>& kernels, const Store& store) {
  const std::vector<T> w = filters<T>(g, false, call);
  // So many rows at once that they and their sums stay in the second level cache, and the rows that
  // two blocks share are few.
  constexpr int64_t kBlock = 1 << 14;
  const PlaneLayout one(g, 1);
  const int64_t row_size = one.elements() / one.h.size,
                at_once = std::min(g.h.out, std::max<int64_t>(4, kBlock / row_size - one.h.size));
  const PlaneLayout planes(g, at_once);
  const std::vector<int64_t> offset = planes.offsets(g);
  // Of small images several channels at a time: what was just written is not read at once, while
  // it is still on its way to the cache.
  const int64_t x_size = planes.elements(), sums_size = at_once * planes.w.size;
  const int64_t most =
      at_once < g.h.out ? 1 : std::clamp<int64_t>(kBlock / x_size, 1, g.out_channels);
  const int64_t row_blocks = (g.h.out - 1) / at_once + 1,
                channel_blocks = (g.out_channels - 1) / most + 1,
                inputs = (most - 1) / g.group_out + 2;  // that `most` channels may read
  const int64_t grain = 1 + kPiece / (1 + most * sums_size * g.taps());
  context.parallel_for(
      g.batch * channel_blocks * row_blocks, grain, [&](int64_t first, int64_t last) {
        const auto x = std::make_unique_for_overwrite<T[]>(
            static_cast<size_t>(inputs * x_size + kDepthwiseWidth));
        const auto sums = std::make_unique_for_overwrite<T[]>(
            static_cast<size_t>(most * sums_size + kDepthwiseWidth));
        std::fill_n(x.get() + inputs * x_size, kDepthwiseWidth, T{});
        std::vector<T> scratch;
        std::vector<float> wide;
        int64_t padded = -1;  // the row of windows whose padding is in x
        for (int64_t i = first; i < last; ++i) {
          const int64_t row = i % row_blocks * at_once, rows = std::min(at_once, g.h.out - row);
          const int64_t n = i / row_blocks / channel_blocks,
                        k = i / row_blocks % channel_blocks * most,
                        count = std::min(most, g.out_channels - k);
          const int64_t input = k / g.group_out;
          for (int64_t c = input; c <= (k + count - 1) / g.group_out; ++c) {
            const int64_t from = n * g.x.n + c * g.x.c;
            const T* const image = as_they_are<T>(call);
            fill_planes(
                g, planes, row, padded == row && most == 1, image ? image + from : nullptr,
                [&](int64_t h, int64_t v, int64_t columns, T* to) {
                  const int64_t at = from + h * g.x.h + v;
                  load(call, call.a, call.a_type, at, at + columns, to);
                },
                scratch, x.get() + (c - input) * x_size);
          }
          padded = row;

          const int64_t windows = (rows - 1) * planes.w.size + g.w.out, pixels = rows * g.w.out;
          for (int64_t j = 0; j < count; ++j)
            kernels.nchw({x.get() + ((k + j) / g.group_out - input) * x_size, offset.data(),
                          w.data() + (k + j) * g.taps(), g.taps(), windows},
                         sums.get() + j * sums_size);
          for (int64_t j = 0; j < count; ++j)
            close_up(planes.w.size, g.w.out, 0, windows, sums.get() + j * sums_size);
          // As group 0: channels are counted through all groups.
          store.store(0, k, (n * g.h.out + row) * g.w.out, count, pixels,
                      sums_of(sums.get(), count * sums_size, wide), sums_size);
        }
      });
  return (w.size() + static_cast<uint64_t>(inputs * x_size + most * sums_size)) * sizeof(T);
}

template <class T, class Store>
ConvReport run(const ConvGeometry& g, bool nhwc, const ConvCall& call, const KernelContext& context,
               const DepthwiseKernels<T>& kernels, const Store& store) {
  ConvReport report;
  report.workspace_bytes = nhwc ? run_nhwc<T>(g, call, context, kernels, store)
                                : run_nchw<T>(g, call, context, kernels, store);
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
  return g.depthwise() && (o.layout == Layout::kNCHW ? planes_are_small(g) : g.group_out == 1);
}

ConvReport conv2d_depthwise(const ConvGeometry& g, const ConvOptions& o, const ConvCall& call,
                            const KernelContext& context) {
  const bool nhwc = o.layout == Layout::kNHWC;
  const ConvTarget target{call.out, call.out_type, 0, g.y};
  if (call.compute == Compute::kInt32)
    return run<int32_t>(g, nhwc, call, context, HALFTONE_ISA_PICK(depthwise_s32)(),
                        ConvIntegerStore(g, target, nhwc, call));
  SumByDefinition again;
  if (!nhwc)
    again = [&](int64_t n, int64_t k, int64_t oh, int64_t ow) {
      return conv2d_plain_sum(g, call, n, k, oh, ow);
    };
  const ConvFloatStore store(g, target, nhwc, call, std::move(again));
  if (call.compute == Compute::kFloat16)
    return run<uint16_t>(g, nhwc, call, context, HALFTONE_ISA_PICK(depthwise_f16)(), store);
  return run<float>(g, nhwc, call, context, HALFTONE_ISA_PICK(depthwise_f32)(), store);
}

}  // namespace halftone
