// conv2d on the product engines. NCHW: filters [cout, k] times patches [k, pixels]; NHWC: patches
// [pixels, k] times filters [k, cout]. Either way the sums lie as the output does.
#include <cstdio>
#include <vector>

#include "ops/conv2d/conv_arithmetic.h"
#include "ops/conv2d/conv_fast.h"
#include "ops/conv2d/conv_patches.h"
#include "ops/gemm/matrix.h"

namespace halftone {
namespace {

/// Hands tiles of sums on to the output: where each run of neighbouring outputs begins and which
/// channels they are. For NCHW rows are output channels of the group and columns pixels, for NHWC
/// the other way round.
template <class Run>
void each_run(const ConvGeometry& g, Layout layout, int64_t group, int64_t row, int64_t col,
              int64_t rows, int64_t cols, int64_t ld, Run&& run) {
  const int64_t channel = group * g.group_out;
  for (int64_t r = 0; r < rows; ++r) {
    if (layout == Layout::kNHWC) {
      const int64_t pixel = row + r;
      run(r * ld, cols, channel + col, 1, pixel, pixel * g.out_channels + channel + col);
      continue;
    }
    for (int64_t c = 0; c < cols;) {
      const int64_t image = (col + c) / g.pixels(), pixel = (col + c) % g.pixels();
      const int64_t n = std::min(cols - c, g.pixels() - pixel), k = channel + row + r;
      run(r * ld + c, n, k, 0, col + c, image * g.y.n + k * g.y.c + pixel);
      c += n;
    }
  }
}

class FloatStore final : public GemmStore<float> {
 public:
  FloatStore(const ConvGeometry& g, const ConvOptions& o, const ConvCall& call)
      : g_(g),
        layout_(o.layout),
        call_(call),
        relu_(call.activation == Activation::kRelu),
        finish_(HALFTONE_ISA_PICK(conv_finish_f32)) {
    if (call.bias) {
      bias_.resize(static_cast<size_t>(g.out_channels));
      for (int64_t k = 0; k < g.out_channels; ++k)
        bias_[static_cast<size_t>(k)] = call.compute == Compute::kFloat16
                                            ? to_float(make_epilogue<F16Sums, f16>(call, k).bias)
                                            : make_epilogue<F32Sums, float>(call, k).bias;
    }
    const TapRange h = g.h.full_windows(), w = g.w.full_windows();
    padded_ = h.first > 0 || h.last < g.h.out || w.first > 0 || w.last < g.w.out;
  }

  void store(int64_t group, int64_t row, int64_t col, int64_t rows, int64_t cols, float* sums,
             int64_t ld) const override {
    each_run(g_, layout_, group, row, col, rows, cols, ld,
             [&](int64_t from, int64_t n, int64_t k, int64_t k_step, int64_t pixel, int64_t to) {
               float* run = sums + from;
               const float* bias = bias_.empty() ? nullptr : bias_.data() + k;
               if (call_.compute == Compute::kFloat16 && padded_)
                 sum_again(run, n, k, k_step, pixel);
               if (call_.out_type == DType::kF32)
                 return finish_(run, n, bias, k_step, relu_, static_cast<float*>(call_.out) + to);
               // The one rounding follows. For float16 sums it is that of the float16 addition of
               // the bias: a float32 sum of two float16 rounds to float16 like the exact sum,
               // because 24 >= 2 * 11 + 2.
               if (bias || relu_) finish_(run, n, bias, k_step, relu_, run);
               if (call_.out_type == DType::kF16)
                 convert(run, static_cast<f16*>(call_.out) + to, n);
               else
                 convert(run, static_cast<bf16*>(call_.out) + to, n);
             });
  }

 private:
  // The engine multiplies padding as zeros, where the definition skips it. For float16 sums, which
  // are exact to the bit, there are two differences: 0 * Infinity and 0 * NaN give a NaN, which
  // stays; and adding +0 turns a sum of -0 (from products too small for float16) into +0, which
  // shows only if the sum ends as a zero. So outputs that saw padding and are NaN or zero are
  // summed again, by the definition.
  void sum_again(float* run, int64_t n, int64_t k, int64_t k_step, int64_t pixel) const {
    const TapRange h = g_.h.full_windows(), w = g_.w.full_windows();
    for (int64_t i = 0; i < n; ++i) {
      if (run[i] != 0 && run[i] == run[i]) continue;
      const int64_t p = k_step ? pixel : pixel + i, ow = p % g_.w.out, oh = p / g_.w.out % g_.h.out;
      if (oh >= h.first && oh < h.last && ow >= w.first && ow < w.last) continue;
      run[i] = to_float(conv2d_plain_sum_f16(g_, call_, p / g_.pixels(), k + i * k_step, oh, ow));
    }
  }

  const ConvGeometry& g_;
  Layout layout_;
  const ConvCall& call_;
  bool relu_, padded_;
  std::vector<float> bias_;
  void (*finish_)(const float*, int64_t, const float*, int64_t, bool, float*);
};

class IntegerStore final : public GemmStore<int32_t> {
 public:
  IntegerStore(const ConvGeometry& g, const ConvOptions& o, const ConvCall& call)
      : g_(g), layout_(o.layout), call_(call), finish_(HALFTONE_ISA_PICK(conv_finish_s32)) {}

  void store(int64_t group, int64_t row, int64_t col, int64_t rows, int64_t cols, int32_t* sums,
             int64_t ld) const override {
    each_run(g_, layout_, group, row, col, rows, cols, ld,
             [&](int64_t from, int64_t n, int64_t k, int64_t k_step, int64_t, int64_t to) {
               const int32_t* bias =
                   call_.bias ? static_cast<const int32_t*>(call_.bias) + k : nullptr;
               finish_(sums + from, n, bias, k_step, call_.activation == Activation::kRelu,
                       static_cast<int32_t*>(call_.out) + to);
             });
  }

 private:
  const ConvGeometry& g_;
  Layout layout_;
  const ConvCall& call_;
  void (*finish_)(const int32_t*, int64_t, const int32_t*, int64_t, bool, int32_t*);
};

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
      report.workspace_bytes = bytes;
      w = reordered.data();
      if (size_of(call.b_type) == 4) channels_last<uint32_t>(g, call.b, reordered.data(), context);
      if (size_of(call.b_type) == 2) channels_last<uint16_t>(g, call.b, reordered.data(), context);
      if (size_of(call.b_type) == 1) channels_last<uint8_t>(g, call.b, reordered.data(), context);
    } else {
      order = TapOrder::kChannelsFirst;
    }
  }
  const PatchOperand<T> patches(g, call.a, pack_from(call.a_type, call.compute), order);
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
  if (call.compute == Compute::kInt32)
    return product<int16_t, int32_t>(g, o, call, context, gemm_s8, IntegerStore(g, o, call));
  const FloatStore store(g, o, call);
  if (call.compute == Compute::kFloat16)
    return product<float, float>(g, o, call, context, gemm_f16, store);
  return product<float, float>(g, o, call, context, gemm_f32, store);
}

}  // namespace halftone
