// The filter gradient on the product engines: dy [cout, pixels] times patches [pixels, taps and
// channels], one product per group, whose result lies as the filter does. The sums run over image,
// output row, output column.
#include <cstdio>
#include <optional>

#include "ops/conv2d/conv_fast.h"
#include "ops/conv2d/conv_pack_isa.h"
#include "ops/conv2d/conv_store.h"
#include "ops/gemm/matrix.h"

namespace halftone {
namespace {

/// One line of the patches: an element of a filter.
struct FilterElement {
  int64_t c, r, s;

  /// Line `j` of the product, in the order in which the filter's layout stores the elements of one
  /// output channel.
  FilterElement(const ConvGeometry& g, FilterLayout layout, int64_t j) {
    const bool channels_first = layout == FilterLayout::kOIHW;
    const int64_t tap = channels_first ? j % g.taps() : j / g.group_in;
    c = channels_first ? j / g.taps() : j % g.group_in;
    r = tap / g.w.kernel;
    s = tap % g.w.kernel;
  }
};

/// Lines: elements of a filter; steps of k: output pixels of the whole batch.
class PatchLines final : public GemmOperand<float> {
 public:
  PatchLines(const ConvGeometry& g, FilterLayout layout, const void* x, PackFrom how)
      : g_(g),
        layout_(layout),
        x_(static_cast<const char*>(x)),
        how_(how),
        size_(how == PackFrom::kF32 || how == PackFrom::kTf32 ? 4 : 2),
        steps_(HALFTONE_ISA_PICK(pack_pixel_steps)) {}

  void pack(const GemmPanel& p, float* to) const override {
    int64_t position[kGemmMaxWidth], row[kGemmMaxWidth], column[kGemmMaxWidth];
    for (int64_t i = 0; i < p.count; ++i) {
      const FilterElement e(g_, layout_, p.first + i);
      row[i] = e.r * g_.h.dilation;
      column[i] = e.s * g_.w.dilation;
      position[i] = e.c * g_.x.c + row[i] * g_.x.h + column[i] * g_.x.w;
    }
    for (int64_t i = p.count; i < kGemmMaxWidth; ++i) position[i] = position[i - 1] + 1;

    int64_t offset[kGemmBlockK];
    uint64_t inside[kGemmBlockK];
    const uint64_t all = p.count >= 64 ? ~uint64_t{0} : (uint64_t{1} << p.count) - 1;
    int64_t ow = p.k0 % g_.w.out, oh = p.k0 / g_.w.out % g_.h.out, n = p.k0 / g_.w.out / g_.h.out;
    uint64_t rows = lines_inside(row, p.count, g_.h, oh, all);
    for (int64_t k = 0; k < p.kc; ++k) {
      offset[k] = n * g_.x.n + g_.h.start(oh) * g_.x.h + g_.w.start(ow) * g_.x.w;
      inside[k] = rows & lines_inside(column, p.count, g_.w, ow, all);
      if (++ow < g_.w.out) continue;
      ow = 0;
      if (++oh == g_.h.out) oh = 0, ++n;
      rows = lines_inside(row, p.count, g_.h, oh, all);
    }
    steps_({x_ + p.batch * g_.group_in * g_.x.c * size_, how_, p.width, p.kc, position, offset,
            inside},
           to);
  }

 private:
  static uint64_t lines_inside(const int64_t* at, int64_t count, const WindowAxis& a, int64_t o,
                               uint64_t all) {
    if (a.full(o)) return all;
    const int64_t start = a.start(o);
    uint64_t bits = 0;
    for (int64_t i = 0; i < count; ++i)
      bits |= static_cast<uint64_t>(start + at[i] >= 0 && start + at[i] < a.in) << i;
    return bits;
  }

  const ConvGeometry& g_;
  FilterLayout layout_;
  const char* x_;
  PackFrom how_;
  int64_t size_;
  void (*steps_)(const PixelSteps&, void*);
};

/// dy of NCHW: lines are output channels, steps of k output pixels, which lie side by side within
/// an image.
class GradientLines final : public GemmOperand<float> {
 public:
  GradientLines(const ConvGeometry& g, const void* dy, PackFrom how)
      : g_(g),
        dy_(static_cast<const char*>(dy)),
        how_(how),
        size_(how == PackFrom::kF32 || how == PackFrom::kTf32 ? 4 : 2),
        lines_(HALFTONE_ISA_PICK(pack_lines)) {}

  void pack(const GemmPanel& p, float* to) const override {
    for (int64_t k = 0; k < p.kc;) {
      const int64_t n = (p.k0 + k) / g_.pixels(), pixel = (p.k0 + k) % g_.pixels();
      const int64_t length = std::min(p.kc - k, g_.pixels() - pixel);
      const int64_t at = n * g_.y.n + (p.batch * g_.group_out + p.first) * g_.y.c + pixel;
      lines_({dy_ + at * size_, g_.y.c, p.count, p.width, length, how_, 0}, to + k * p.width);
      k += length;
    }
  }

 private:
  const ConvGeometry& g_;
  const char* dy_;
  PackFrom how_;
  int64_t size_;
  void (*lines_)(const PackPanel&, void*);
};

class FilterStore final : public GemmStore<float> {
 public:
  FilterStore(const ConvGeometry& g, FilterLayout layout, const ConvCall& call)
      : g_(g),
        layout_(layout),
        call_(call),
        target_{call.out, call.out_type, 0, {}},
        half_(call.compute == Compute::kFloat16),
        again_(!(g.h.all_full() && g.w.all_full())) {}

  void store(int64_t group, int64_t row, int64_t col, int64_t rows, int64_t cols, float* sums,
             int64_t ld) const override {
    const bool hwio =
        layout_ == FilterLayout::kHWIO;  // rows are elements of a filter, columns output channels
    for (int64_t r = 0; r < rows; ++r) {
      float* run = sums + r * ld;
      const int64_t first = group * g_.group_out;
      if (again_ && padding_may_show(run, cols, half_))
        for (int64_t i = 0; i < cols; ++i)
          if (run[i] != run[i] || (half_ && run[i] == 0))
            sum_again(&run[i], first + (hwio ? col + i : row + r), hwio ? row + r : col + i);
      const int64_t to =
          hwio ? (row + r) * g_.out_channels + first + col : (first + row + r) * g_.terms() + col;
      round_and_write(run, cols, target_, to, 1);
    }
  }

 private:
  void sum_again(float* sum, int64_t k, int64_t j) const {
    const FilterElement e(g_, layout_, j);
    *sum = conv2d_backward_filter_plain_sum(g_, call_, k, e.c, e.r, e.s);
  }

  const ConvGeometry& g_;
  FilterLayout layout_;
  const ConvCall& call_;
  ConvTarget target_;
  bool half_, again_;
};

}  // namespace

ConvReport conv2d_backward_filter_product(const ConvGeometry& g, const ConvOptions& o,
                                          const ConvCall& call, const KernelContext& context) {
  const bool nhwc = o.layout == Layout::kNHWC;
  const auto engine = call.compute == Compute::kFloat16 ? gemm_f16 : gemm_f32;
  const PackFrom how = pack_from(call.a_type, call.compute);
  // Patches of NCHW take their elements from everywhere, and vectors gather 32-bit words only.
  const bool widen = !nhwc && size_of(call.a_type) == 2;
  std::optional<WidenedImages> wide;
  if (widen) wide.emplace(g, call, context);
  const PatchLines patches(g, o.filterLayout, widen ? wide->data() : call.a,
                           widen ? PackFrom::kF32 : how);
  const GradientLines lines(g, call.b, how);
  const Shape groups{g.groups};
  const MatrixOperand<float> steps(call.b, how, false, g.out_channels,
                                   BatchOffsets(groups, groups, g.group_out));
  const GemmOperand<float>& dy = nhwc ? static_cast<const GemmOperand<float>&>(steps) : lines;
  const FilterStore store(g, o.filterLayout, call);
  const int64_t pixels = g.batch * g.pixels();
  const GemmReport ran =
      o.filterLayout == FilterLayout::kHWIO
          ? engine(context, GemmSize{g.groups, g.terms(), g.group_out, pixels}, patches, dy, store)
          : engine(context, GemmSize{g.groups, g.group_out, g.terms(), pixels}, dy, patches, store);
  ConvReport report;
  report.workspace_bytes = ran.workspace_bytes + (widen ? wide->bytes() : 0);
  std::snprintf(report.kernel, sizeof report.kernel, "conv2d_backward_filter_%s_%s",
                nhwc ? "nhwc" : "nchw", ran.kernel);
  return report;
}

}  // namespace halftone
