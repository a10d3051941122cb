// Random convolutions for the tests of conv2d and its gradients, and references for them. The
// references are written from the definition, in float64 over every input pixel, and share no code
// with native/ops/conv2d but its parameters.
#pragma once
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <string>
#include <vector>

#include "ops/conv2d/conv2d.h"
#include "run_op.h"
#include "tolerance.h"

namespace halftone::test {

/// SplitMix64 (Steele, Lea, Flood 2014).
class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed) {}
  uint64_t next() {
    uint64_t z = state_ += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
  }
  int64_t below(int64_t n) { return static_cast<int64_t>(next() % static_cast<uint64_t>(n)); }
  int64_t between(int64_t a, int64_t b) { return a + below(b - a + 1); }
  bool chance(int percent) { return below(100) < percent; }
  double uniform() { return static_cast<double>(next() >> 11) * 0x1p-53; }
  template <class T>
  T pick(std::initializer_list<T> all) {
    return all.begin()[below(static_cast<int64_t>(all.size()))];
  }

 private:
  uint64_t state_;
};

/// HALFTONE_TEST_SEED, else a fixed one; printed, so that a failure can be repeated.
inline uint64_t test_seed() {
  const char* text = std::getenv("HALFTONE_TEST_SEED");
  const uint64_t seed = text ? std::strtoull(text, nullptr, 10) : 20240531;
  std::printf("  seed %llu\n", static_cast<unsigned long long>(seed));
  return seed;
}

inline double get(const HostTensor& t, int64_t i) {
  return dispatch(t.dtype, [&](auto tag) -> double {
    using T = typename decltype(tag)::type;
    T v;
    std::memcpy(&v, t.bytes.data() + i * static_cast<int64_t>(sizeof(T)), sizeof(T));
    if constexpr (std::is_same_v<T, f16> || std::is_same_v<T, bf16>)
      return to_float(v);
    else if constexpr (std::is_same_v<T, Bool>)
      return v.value;
    else
      return static_cast<double>(v);
  });
}

inline void set(HostTensor& t, int64_t i, double value) {
  dispatch(t.dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    T v;
    if constexpr (std::is_same_v<T, f16>)
      v = to_f16(value);
    else if constexpr (std::is_same_v<T, bf16>)
      v = to_bf16(value);
    else if constexpr (std::is_same_v<T, Bool>)
      v = Bool(value != 0);
    else
      v = static_cast<T>(value);
    std::memcpy(t.bytes.data() + i * static_cast<int64_t>(sizeof(T)), &v, sizeof(T));
  });
}

/// Fills with values in [-scale, scale], or [0, scale]; some exact zeros. Integers: their whole
/// range, extremes often.
inline void fill(Random& random, HostTensor& t, double scale = 1, bool positive = false) {
  for (int64_t i = 0; i < t.shape.elements(); ++i) {
    if (is_integer(t.dtype)) {
      const int64_t low = t.dtype == DType::kU8 ? 0 : t.dtype == DType::kS8 ? -128 : -100000;
      const int64_t high = t.dtype == DType::kU8 ? 255 : t.dtype == DType::kS8 ? 127 : 100000;
      set(t, i,
          static_cast<double>(random.chance(10) ? random.pick({low, high})
                                                : random.between(low, high)));
    } else {
      const double v = positive ? random.uniform() : 2 * random.uniform() - 1;
      set(t, i, random.chance(5) ? (random.chance(50) ? 0.0 : -0.0) : v * scale);
    }
  }
}

/// A convolution to test.
struct ConvCase {
  ConvOptions options;
  int64_t n, c, h, w, k, r, s;  // sizes of x [n, c, h, w] and of the filter [k, c / groups, r, s]
  int64_t pad[2], out[2];       // leading padding and size of the output, computed here

  Shape x() const {
    return options.layout == Layout::kNCHW ? Shape{n, c, h, w} : Shape{n, h, w, c};
  }
  Shape y() const {
    return options.layout == Layout::kNCHW ? Shape{n, k, out[0], out[1]}
                                           : Shape{n, out[0], out[1], k};
  }
  Shape filter() const {
    const int64_t i = c / options.groups;
    if (options.filterLayout == FilterLayout::kOIHW) return {k, i, r, s};
    if (options.filterLayout == FilterLayout::kOHWI) return {k, r, s, i};
    return {r, s, i, k};
  }
  int64_t image_index(int64_t ni, int64_t ci, int64_t hi, int64_t wi, int64_t cs, int64_t hs,
                      int64_t ws) const {
    return options.layout == Layout::kNCHW ? ((ni * cs + ci) * hs + hi) * ws + wi
                                           : ((ni * hs + hi) * ws + wi) * cs + ci;
  }
  int64_t xi(int64_t ni, int64_t ci, int64_t hi, int64_t wi) const {
    return image_index(ni, ci, hi, wi, c, h, w);
  }
  int64_t yi(int64_t ni, int64_t ki, int64_t hi, int64_t wi) const {
    return image_index(ni, ki, hi, wi, k, out[0], out[1]);
  }
  int64_t fi(int64_t ki, int64_t ci, int64_t ri, int64_t si) const {
    const int64_t i = c / options.groups;
    if (options.filterLayout == FilterLayout::kOIHW) return ((ki * i + ci) * r + ri) * s + si;
    if (options.filterLayout == FilterLayout::kOHWI) return ((ki * r + ri) * s + si) * i + ci;
    return ((ri * s + si) * i + ci) * k + ki;
  }
  /// Calls f(index in the filter, index in x, index in y) for every product that is not padding.
  /// Each output gets its products in the order r, s, c; each input in the order r, s, k; each
  /// filter value in the order n, oh, ow.
  template <class F>
  void each_product(F&& f) const {
    const int64_t gi = c / options.groups, go = k / options.groups;
    for (int64_t ri = 0; ri < r; ++ri)
      for (int64_t si = 0; si < s; ++si)
        for (int64_t ni = 0; ni < n; ++ni)
          for (int64_t oh = 0; oh < out[0]; ++oh)
            for (int64_t ow = 0; ow < out[1]; ++ow) {
              const int64_t ih = oh * options.stride[0] + ri * options.dilation[0] - pad[0];
              const int64_t iw = ow * options.stride[1] + si * options.dilation[1] - pad[1];
              if (ih < 0 || ih >= h || iw < 0 || iw >= w) continue;
              for (int64_t ki = 0; ki < k; ++ki)
                for (int64_t ci = 0; ci < gi; ++ci)
                  f(fi(ki, ci, ri, si), xi(ni, ki / go * gi + ci, ih, iw), yi(ni, ki, oh, ow));
            }
  }
  std::string text() const {
    return concat(options.layout == Layout::kNCHW ? "NCHW" : "NHWC", " x ", x(), " w ", filter(),
                  " filterLayout ", static_cast<int>(options.filterLayout), " stride ",
                  options.stride.shape(), " dilation ", options.dilation.shape(), " padding ",
                  options.padding.mode, ":", pad[0], ",", pad[1], " groups ", options.groups,
                  " -> ", y());
  }
};

/// `large` cases are big enough to fill the tiles of the fast kernels.
inline ConvCase random_case(Random& random, bool large = false) {
  for (;;) {
    ConvCase t{};
    ConvOptions& o = t.options;
    o.layout = random.pick({Layout::kNCHW, Layout::kNHWC});
    o.filterLayout = random.pick({FilterLayout::kOIHW, FilterLayout::kOHWI, FilterLayout::kHWIO});
    o.stride = {random.chance(60) ? 1 : random.between(2, 3),
                random.chance(60) ? 1 : random.between(2, 3)};
    o.dilation = {random.chance(75) ? 1 : random.between(2, 3),
                  random.chance(75) ? 1 : random.between(2, 3)};
    t.n = random.chance(4) ? 0 : random.between(1, large ? 2 : 3);
    t.r = random.chance(30) ? 1 : random.between(1, 4);
    t.s = random.chance(30) ? 1 : random.between(1, 4);
    t.h = random.between(1, large ? 17 : 9);
    t.w = random.between(1, large ? 33 : 11);
    if (random.chance(20)) {  // depthwise, sometimes with more than one filter per channel
      o.groups = t.c = random.between(1, large ? 40 : 9);
      t.k = t.c * random.between(1, 2);
    } else {
      o.groups = random.chance(70) ? 1 : random.between(2, 4);
      t.c = o.groups * random.between(1, large ? 40 : 7);
      t.k = o.groups * random.between(1, large ? 70 : 9);
    }
    const int64_t extent[2] = {(t.r - 1) * o.dilation[0] + 1, (t.s - 1) * o.dilation[1] + 1};
    const int64_t size[2] = {t.h, t.w};
    o.padding.mode = static_cast<int32_t>(random.below(4));
    bool fits = true;
    for (int a = 0; a < 2; ++a) {
      if (o.padding.mode == Padding::kSame || o.padding.mode == Padding::kSameLower) {
        t.out[a] = static_cast<int64_t>(
            std::ceil(static_cast<double>(size[a]) / static_cast<double>(o.stride[a])));
        const int64_t total =
            std::max<int64_t>(0, (t.out[a] - 1) * o.stride[a] + extent[a] - size[a]);
        t.pad[a] = (total + (o.padding.mode == Padding::kSameLower ? 1 : 0)) / 2;
      } else {
        int64_t after = 0;
        if (o.padding.mode == Padding::kExplicit) {
          t.pad[a] = o.padding.values[2 * a] = random.below(4);
          after = o.padding.values[2 * a + 1] = random.below(4);
        }
        const int64_t room = size[a] + t.pad[a] + after - extent[a];
        fits = fits && room >= 0;
        t.out[a] = static_cast<int64_t>(
                       std::floor(static_cast<double>(room) / static_cast<double>(o.stride[a]))) +
                   1;
      }
    }
    if (fits) return t;
  }
}

/// A sum in float64 with the sum of absolute values and the number of terms, for the tolerance.
struct Sum {
  double value = 0, magnitude = 0;
  int64_t terms = 0;
  void add(double v) {
    value += v;
    magnitude += std::fabs(v);
    ++terms;
  }
};

/// Which of the three tensors of a convolution is computed from the other two.
enum class Wanted { kOutput, kInput, kFilter };

/// Calls f(index in out, index in a, index in b) for each product. (a, b): (x, w), (dy, w) or (x,
/// dy).
template <class F>
void each_term(const ConvCase& t, Wanted wanted, F&& f) {
  t.each_product([&](int64_t fi, int64_t xi, int64_t yi) {
    if (wanted == Wanted::kOutput) f(yi, xi, fi);
    if (wanted == Wanted::kInput) f(xi, yi, fi);
    if (wanted == Wanted::kFilter) f(fi, xi, yi);
  });
}

inline Shape shape_of(const ConvCase& t, Wanted wanted) {
  return wanted == Wanted::kOutput ? t.y() : wanted == Wanted::kInput ? t.x() : t.filter();
}

/// The sums in float64.
inline std::vector<Sum> reference(const ConvCase& t, Wanted wanted, const HostTensor& a,
                                  const HostTensor& b) {
  std::vector<Sum> sums(static_cast<size_t>(shape_of(t, wanted).elements()));
  each_term(t, wanted, [&](int64_t o, int64_t i, int64_t j) {
    sums[static_cast<size_t>(o)].add(get(a, i) * get(b, j));
  });
  return sums;
}

/// One float16 fused multiply-add in float64 (a * b is exact there; see core/half.h).
inline double fma16(double a, double b, double c) { return to_float(to_f16(a * b + c)); }

/// The sums in float16, one fused multiply-add after the other.
inline std::vector<double> reference_f16(const ConvCase& t, Wanted wanted, const HostTensor& a,
                                         const HostTensor& b) {
  std::vector<double> sums(static_cast<size_t>(shape_of(t, wanted).elements()), 0.0);
  each_term(t, wanted, [&](int64_t o, int64_t i, int64_t j) {
    double& sum = sums[static_cast<size_t>(o)];
    sum = fma16(get(a, i), get(b, j), sum);
  });
  return sums;
}

inline bool same_bits_or_nan(const HostTensor& a, const HostTensor& b, int64_t i) {
  const int64_t size = size_of(a.dtype);
  if (std::memcmp(a.bytes.data() + i * size, b.bytes.data() + i * size,
                  static_cast<size_t>(size)) == 0)
    return true;
  return is_float(a.dtype) && std::isnan(get(a, i)) && std::isnan(get(b, i));
}

}  // namespace halftone::test
