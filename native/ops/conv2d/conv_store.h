// Where the product engines' sums go: bias, residual, activation, the rounding, and the place in
// the output.
#pragma once
#include <functional>
#include <vector>

#include "ops/conv2d/conv_arithmetic.h"
#include "ops/conv2d/conv_pack_isa.h"
#include "ops/gemm/gemm.h"

namespace halftone {

/// The output seen as images of g.h.out x g.w.out windows: window (n, oh, ow) of channel k is
/// element origin + n * at.n + k * at.c + oh * at.h + ow * at.w.
struct ConvTarget {
  void* out = nullptr;
  DType type = DType::kF32;
  int64_t origin = 0;
  Strides4 at;
};

/// Calls run(from, n, k, k_step, pixel, to, step) for each run of outputs that lie `step` elements
/// apart: their sums begin at sums[from], their channels are k, k + k_step, ..., their windows
/// pixel, pixel + (1 - k_step), ..., and the first one is element `to`. Rows of the product are
/// windows when `pixel_rows`, else output channels of the group.
template <class Run>
void each_run(const ConvGeometry& g, const ConvTarget& t, bool pixel_rows, int64_t group,
              int64_t row, int64_t col, int64_t rows, int64_t cols, int64_t ld, Run&& run) {
  const int64_t channel = group * g.group_out;
  const auto place = [&](int64_t pixel) {
    const int64_t ow = pixel % g.w.out, oh = pixel / g.w.out % g.h.out,
                  n = pixel / g.w.out / g.h.out;
    return t.origin + n * t.at.n + oh * t.at.h + ow * t.at.w;
  };
  const bool dense = t.at.w == 1 && t.at.h == g.w.out;  // an image's windows lie side by side
  const int64_t length = dense ? g.pixels() : g.w.out;
  if (pixel_rows) {
    for (int64_t r = 0; r < rows;) {
      // Divisions for a row of windows, not for each of them.
      const int64_t last = std::min(rows, r + g.w.out - (row + r) % g.w.out);
      int64_t to = place(row + r) + (channel + col) * t.at.c;
      for (; r < last; ++r, to += t.at.w) run(r * ld, cols, channel + col, 1, row + r, to, t.at.c);
    }
    return;
  }
  for (int64_t r = 0; r < rows; ++r) {
    for (int64_t c = 0; c < cols;) {
      const int64_t pixel = col + c, n = std::min(cols - c, length - pixel % length),
                    k = channel + row + r;
      run(r * ld + c, n, k, 0, pixel, place(pixel) + k * t.at.c, t.at.w);
      c += n;
    }
  }
}

/// out[i * step] = in[i].
template <class T>
void scatter(const T* in, int64_t n, T* out, int64_t step) {
  for (int64_t i = 0; i < n; ++i) out[i * step] = in[i];
}

/// Rounds `n` sums to the target's dtype and writes them.
inline void round_and_write(const float* sums, int64_t n, const ConvTarget& t, int64_t to,
                            int64_t step) {
  const auto write = [&](auto* out) {
    using T = std::remove_reference_t<decltype(*out)>;
    T rounded[256];
    for (int64_t i = 0; i < n; i += 256) {
      const int64_t part = std::min<int64_t>(256, n - i);
      if constexpr (std::is_same_v<T, float>) {
        step == 1 ? static_cast<void>(std::copy_n(sums + i, part, out + i))
                  : scatter(sums + i, part, out + i * step, step);
      } else if (step == 1) {
        convert(sums + i, out + i, part);
      } else {
        convert(sums + i, rounded, part);
        scatter(rounded, part, out + i * step, step);
      }
    }
  };
  if (t.type == DType::kF32) write(static_cast<float*>(t.out) + to);
  if (t.type == DType::kF16) write(static_cast<f16*>(t.out) + to);
  if (t.type == DType::kBF16) write(static_cast<bf16*>(t.out) + to);
}

/// The engines multiply padding as zeros, where the definition skips it. That shows as a NaN, from
/// 0 * Infinity or 0 * NaN. And in float16 sums, which are exact to the bit, adding +0 turns a sum
/// of -0 (from products too small for float16) into +0, which shows only if the sum ends as a zero.
/// Such sums are made again, by the definition, if their windows reach into the padding. This says
/// whether any of `n` sums may be one; an infinity is looked at once more too.
inline bool padding_may_show(const float* sums, int64_t n, bool half) {
  return HALFTONE_ISA_PICK(conv_any_special)(sums, n, half);
}

/// Sums one output by the definition.
using SumByDefinition = std::function<float(int64_t n, int64_t k, int64_t oh, int64_t ow)>;

class ConvFloatStore final : public GemmStore<float> {
 public:
  /// call: bias, residual and activation. `again`: where the engine has multiplied padding.
  ConvFloatStore(const ConvGeometry& g, const ConvTarget& target, bool pixel_rows,
                 const ConvCall& call, SumByDefinition again)
      : g_(g),
        target_(target),
        pixel_rows_(pixel_rows),
        relu_(call.activation == Activation::kRelu),
        half_(call.compute == Compute::kFloat16),
        again_(std::move(again)),
        residual_(call.residual),
        finish_(HALFTONE_ISA_PICK(conv_finish_f32)) {
    if (g.h.all_full() && g.w.all_full()) again_ = nullptr;
    if (!call.bias) return;
    bias_.resize(static_cast<size_t>(g.out_channels));
    for (int64_t k = 0; k < g.out_channels; ++k)
      bias_[static_cast<size_t>(k)] = call.compute == Compute::kFloat16
                                          ? to_float(make_epilogue<F16Sums, f16>(call, k).bias)
                                          : make_epilogue<F32Sums, float>(call, k).bias;
  }

  void store(int64_t group, int64_t row, int64_t col, int64_t rows, int64_t cols, float* sums,
             int64_t ld) const override {
    each_run(g_, target_, pixel_rows_, group, row, col, rows, cols, ld,
             [&](int64_t from, int64_t n, int64_t k, int64_t k_step, int64_t pixel, int64_t to,
                 int64_t step) {
               float* run = sums + from;
               const float* bias = bias_.empty() ? nullptr : bias_.data() + k;
               if (again_) sum_again(run, n, k, k_step, pixel);
               if (residual_) return add_residual(run, n, bias, k_step, to, step);
               if (target_.type == DType::kF32 && step == 1)
                 return finish_(run, n, bias, k_step, relu_, static_cast<float*>(target_.out) + to);
               // The one rounding follows. For float16 sums it is that of the float16 addition of
               // the bias: a float32 sum of two float16 rounds to float16 like the exact sum,
               // because 24 >= 2 * 11 + 2.
               if (bias || relu_) finish_(run, n, bias, k_step, relu_, run);
               round_and_write(run, n, target_, to, step);
             });
  }

 private:
  void add_residual(float* run, int64_t n, const float* bias, int64_t k_step, int64_t to,
                    int64_t step) const {
    constexpr int64_t kChunk = 256;
    float addends[kChunk];
    for (int64_t first = 0; first < n; first += kChunk) {
      const int64_t part = std::min(kChunk, n - first);
      float* sums = run + first;
      if (bias) finish_(sums, part, bias + first * k_step, k_step, false, sums);
      if (half_ && bias)
        for (int64_t i = 0; i < part; ++i) sums[i] = to_float(to_f16(sums[i]));
      gather(to + first * step, part, step, addends);
      finish_(sums, part, addends, 1, relu_, sums);
    }
    round_and_write(run, n, target_, to, step);
  }

  void gather(int64_t from, int64_t n, int64_t step, float* to) const {
    if (step == 1 && target_.type == DType::kF16)
      return convert(static_cast<const f16*>(residual_) + from, to, n);
    if (step == 1 && target_.type == DType::kBF16)
      return convert(static_cast<const bf16*>(residual_) + from, to, n);
    for (int64_t i = 0; i < n; ++i) to[i] = widened(residual_, target_.type, from + i * step);
  }

  void sum_again(float* run, int64_t n, int64_t k, int64_t k_step, int64_t pixel) const {
    if (!padding_may_show(run, n, half_)) return;
    for (int64_t i = 0; i < n; ++i) {
      if (run[i] == run[i] && !(half_ && run[i] == 0)) continue;
      const int64_t p = k_step ? pixel : pixel + i, ow = p % g_.w.out, oh = p / g_.w.out % g_.h.out;
      if (!g_.h.full(oh) || !g_.w.full(ow))
        run[i] = again_(p / g_.pixels(), k + i * k_step, oh, ow);
    }
  }

  const ConvGeometry& g_;
  ConvTarget target_;
  bool pixel_rows_, relu_, half_;
  SumByDefinition again_;
  std::vector<float> bias_;
  const void* residual_;
  void (*finish_)(const float*, int64_t, const float*, int64_t, bool, float*);
};

class ConvIntegerStore final : public GemmStore<int32_t> {
 public:
  ConvIntegerStore(const ConvGeometry& g, const ConvTarget& target, bool pixel_rows,
                   const ConvCall& call)
      : g_(g),
        target_(target),
        pixel_rows_(pixel_rows),
        relu_(call.activation == Activation::kRelu),
        bias_(static_cast<const int32_t*>(call.bias)),
        residual_(static_cast<const int32_t*>(call.residual)),
        finish_(HALFTONE_ISA_PICK(conv_finish_s32)) {}

  void store(int64_t group, int64_t row, int64_t col, int64_t rows, int64_t cols, int32_t* sums,
             int64_t ld) const override {
    each_run(g_, target_, pixel_rows_, group, row, col, rows, cols, ld,
             [&](int64_t from, int64_t n, int64_t k, int64_t k_step, int64_t, int64_t to, int64_t) {
               int32_t* out = static_cast<int32_t*>(target_.out) + to;
               const int32_t* bias = bias_ ? bias_ + k : nullptr;
               if (!residual_) return finish_(sums + from, n, bias, k_step, relu_, out);
               finish_(sums + from, n, bias, k_step, false, sums + from);
               finish_(sums + from, n, residual_ + to, 1, relu_, out);
             });
  }

 private:
  const ConvGeometry& g_;
  ConvTarget target_;
  bool pixel_rows_, relu_;
  const int32_t *bias_, *residual_;
  void (*finish_)(const int32_t*, int64_t, const int32_t*, int64_t, bool, int32_t*);
};

}  // namespace halftone
