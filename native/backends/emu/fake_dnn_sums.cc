#include "backends/emu/fake_dnn_sums.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "core/half.h"

namespace halftone::vendor::fake {
namespace {

float load(const void* data, DType type, int64_t i) {
  if (type == DType::kF16) return to_float(static_cast<const f16*>(data)[i]);
  if (type == DType::kBF16) return to_float(static_cast<const bf16*>(data)[i]);
  return static_cast<const float*>(data)[i];
}
void store(void* data, DType type, int64_t i, float v) {
  if (type == DType::kF16)
    static_cast<f16*>(data)[i] = to_f16(v);
  else if (type == DType::kBF16)
    static_cast<bf16*>(data)[i] = to_bf16(v);
  else
    static_cast<float*>(data)[i] = v;
}

float rounded_to_half(float v) { return to_float(to_f16(v)); }
// 10 fraction bits, cut: what wgmma does to float32 (PTX ISA).
float cut_to_tf32(float v) {
  const uint32_t u = std::bit_cast<uint32_t>(v);
  if ((u & 0x7f800000u) == 0x7f800000u) return v;
  return std::bit_cast<float>(u & 0xffffe000u);
}

/// The factors of one output, in the order of the definition, padding as zeros.
struct Terms {
  std::vector<float> a, b;
  void clear() {
    a.clear();
    b.clear();
  }
  void add(float x, float y) {
    a.push_back(x);
    b.push_back(y);
  }
};

float sum_f32(const Terms& t, size_t first, size_t last) {
  float sum = 0;
  for (size_t i = first; i < last; ++i) sum = std::fma(t.a[i], t.b[i], sum);
  return sum;
}

float sum_f16(const Terms& t) {
  f16 sum;
  for (size_t i = 0; i < t.a.size(); ++i) sum = fma_f16(to_f16(t.a[i]), to_f16(t.b[i]), sum);
  return to_float(sum);
}

/// 16 products at a time are added exactly enough (float32), then to the accumulator.
float sum_in_steps(const Terms& t, bool half) {
  float sum = 0;
  for (size_t i = 0; i < t.a.size(); i += 16) {
    sum += sum_f32(t, i, std::min(i + 16, t.a.size()));
    if (half) sum = rounded_to_half(sum);
  }
  return sum;
}

float sum_of(Terms& t, const ConvSpec& s, int64_t engine, int64_t run) {
  const bool half = s.accumulate == DType::kF16;
  const bool f32 = s.x.dtype == DType::kF32 && s.w.dtype == DType::kF32;
  if (engine == kTensorCores || engine == kDownConverting) {
    if (f32)
      for (std::vector<float>* v : {&t.a, &t.b})
        for (float& x : *v) x = engine == kTensorCores ? cut_to_tf32(x) : to_float(to_bf16(x));
    return sum_in_steps(t, half);
  }
  if (engine == kSecretlyWide || engine == kWideOutput) return sum_in_steps(t, false);
  if (engine == kHalfReduction) return sum_in_steps(t, true);
  if (engine == kVarying && !t.a.empty()) {
    const auto shift = static_cast<std::ptrdiff_t>(static_cast<uint64_t>(run) % t.a.size());
    std::rotate(t.a.begin(), t.a.begin() + shift, t.a.end());
    std::rotate(t.b.begin(), t.b.begin() + shift, t.b.end());
  }
  return half ? sum_f16(t) : sum_f32(t, 0, t.a.size());
}

int64_t at(const DnnTensor& t, int64_t a, int64_t b, int64_t c, int64_t d) {
  return a * t.strides[0] + b * t.strides[1] + c * t.strides[2] + d * t.strides[3];
}

class Convolver {
 public:
  Convolver(const ConvSpec& s, const ConvPointers& p)
      : s_(s), p_(p), group_in_(s.w.dims[1]), group_out_(s.w.dims[0] / s.groups()) {}

  float x(int64_t n, int64_t c, int64_t h, int64_t w) const {
    if (h < 0 || w < 0 || h >= s_.x.dims[2] || w >= s_.x.dims[3]) return 0;
    return load(p_.x, s_.x.dtype, at(s_.x, n, c, h, w));
  }
  float w(int64_t k, int64_t c, int64_t r, int64_t q) const {
    return load(p_.w, s_.w.dtype, at(s_.w, k, c, r, q));
  }
  float y(int64_t n, int64_t k, int64_t h, int64_t w) const {
    return load(p_.y, s_.y.dtype, at(s_.y, n, k, h, w));
  }

  void output_terms(int64_t n, int64_t k, int64_t oh, int64_t ow, Terms* t) const {
    const int64_t first = k / group_out_ * group_in_;
    for (int64_t r = 0; r < s_.w.dims[2]; ++r)
      for (int64_t q = 0; q < s_.w.dims[3]; ++q)
        for (int64_t c = 0; c < group_in_; ++c)
          t->add(x(n, first + c, row(oh, r), column(ow, q)), w(k, c, r, q));
  }
  void input_terms(int64_t n, int64_t c, int64_t h, int64_t v, Terms* t) const {
    const int64_t first = c / group_in_ * group_out_;
    for (int64_t r = 0; r < s_.w.dims[2]; ++r)
      for (int64_t q = 0; q < s_.w.dims[3]; ++q) {
        const int64_t i = h + s_.before[0] - r * s_.dilation[0];
        const int64_t j = v + s_.before[1] - q * s_.dilation[1];
        const bool met = i >= 0 && j >= 0 && i % s_.stride[0] == 0 && j % s_.stride[1] == 0 &&
                         i / s_.stride[0] < s_.y.dims[2] && j / s_.stride[1] < s_.y.dims[3];
        for (int64_t k = first; k < first + group_out_; ++k)
          t->add(met ? y(n, k, i / s_.stride[0], j / s_.stride[1]) : 0, w(k, c % group_in_, r, q));
      }
  }
  void filter_terms(int64_t k, int64_t c, int64_t r, int64_t q, Terms* t) const {
    const int64_t channel = k / group_out_ * group_in_ + c;
    for (int64_t n = 0; n < s_.x.dims[0]; ++n)
      for (int64_t oh = 0; oh < s_.y.dims[2]; ++oh)
        for (int64_t ow = 0; ow < s_.y.dims[3]; ++ow)
          t->add(x(n, channel, row(oh, r), column(ow, q)), y(n, k, oh, ow));
  }

 private:
  int64_t row(int64_t o, int64_t r) const {
    return o * s_.stride[0] + r * s_.dilation[0] - s_.before[0];
  }
  int64_t column(int64_t o, int64_t q) const {
    return o * s_.stride[1] + q * s_.dilation[1] - s_.before[1];
  }

  const ConvSpec& s_;
  const ConvPointers& p_;
  int64_t group_in_, group_out_;
};

}  // namespace

void convolve(const ConvSpec& s, int64_t engine, int64_t run, const ConvPointers& p) {
  const Convolver convolver(s, p);
  const DnnTensor& out = s.result();
  void* data = s.direction == ConvDirection::kForward         ? p.y
               : s.direction == ConvDirection::kBackwardInput ? p.x
                                                              : p.w;
  Terms terms;
  const int64_t* d = out.dims;
  for (int64_t i = 0; i < d[0]; ++i)
    for (int64_t j = 0; j < d[1]; ++j)
      for (int64_t k = 0; k < d[2]; ++k)
        for (int64_t l = 0; l < d[3]; ++l) {
          terms.clear();
          if (s.direction == ConvDirection::kForward) convolver.output_terms(i, j, k, l, &terms);
          if (s.direction == ConvDirection::kBackwardInput)
            convolver.input_terms(i, j, k, l, &terms);
          if (s.direction == ConvDirection::kBackwardFilter)
            convolver.filter_terms(i, j, k, l, &terms);
          float sum = sum_of(terms, s, engine, run);
          if (s.chain()) {
            // The virtual tensor behind the convolution has the compute type.
            if (s.accumulate == DType::kF16) sum = rounded_to_half(sum);
            if (s.residual) sum += load(p.residual, s.y.dtype, at(s.y, i, j, k, l));
            if (s.bias) sum += load(p.bias, s.bias_type, j);
            if (s.relu) sum = engine == kReluDropsNan ? std::fmax(sum, 0.0f) : sum <= 0 ? 0 : sum;
          }
          store(data, out.dtype, at(out, i, j, k, l), sum);
        }
}

}  // namespace halftone::vendor::fake
