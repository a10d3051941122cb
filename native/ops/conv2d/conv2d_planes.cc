// conv2d of NCHW images on the float32 engine, with the images' planes as a B that is not packed:
// filters [cout, k] times taps [k, windows]. Step k of neighbouring windows lies side by side.
#include <cstdio>
#include <memory>

#include "ops/conv2d/conv_fast.h"
#include "ops/conv2d/conv_planes.h"
#include "ops/conv2d/conv_store.h"
#include "ops/gemm/matrix.h"

namespace halftone {
namespace {

/// Elements [from, from + n) of images that are float16, bfloat16 or rounded to tf32.
void widen(const ConvCall& call, int64_t from, int64_t n, float* to) {
  if (call.a_type == DType::kF16) return convert(static_cast<const f16*>(call.a) + from, to, n);
  if (call.a_type == DType::kBF16) return convert(static_cast<const bf16*>(call.a) + from, to, n);
  for (int64_t i = 0; i < n; ++i) to[i] = round_tf32(static_cast<const float*>(call.a)[from + i]);
}

/// The planes of whole images: [batch, channel] of PlaneLayout.
class ImagePlanes {
 public:
  ImagePlanes(const ConvGeometry& g, const ConvCall& call, const KernelContext& context)
      : layout_(g, g.h.out) {
    if (as_they_are(g, call)) {
      layout_.h.size = g.h.in;
      layout_.w.size = g.w.in;
      data_ = static_cast<const float*>(call.a);
      image_size_ = g.x.n;
      end_ = data_ + g.batch * image_size_;
      return;
    }
    const int64_t planes = g.batch * g.in_channels, size = layout_.elements();
    image_size_ = g.in_channels * size;
    // The last panel may be read to its full width.
    elements_ = planes * size + kGemmMaxWidth;
    copy_ = std::make_unique_for_overwrite<float[]>(static_cast<size_t>(elements_));
    data_ = copy_.get();
    end_ = data_ + elements_;
    std::fill_n(copy_.get() + planes * size, kGemmMaxWidth, 0.0f);
    const float* const as_float = call.a_type == DType::kF32 && call.compute == Compute::kFloat32
                                      ? static_cast<const float*>(call.a)
                                      : nullptr;
    context.parallel_for(planes, 1 + (1 << 14) / (1 + size), [&](int64_t first, int64_t last) {
      std::vector<float> scratch;
      for (int64_t plane = first; plane < last; ++plane)
        fill_planes(
            g, layout_, 0, false, as_float ? as_float + plane * g.x.c : nullptr,
            [&](int64_t row, int64_t column, int64_t n, float* to) {
              widen(call, plane * g.x.c + row * g.x.h + column, n, to);
            },
            scratch, copy_.get() + plane * size);
    });
  }

  /// Whether images of this type and geometry already are their planes, and are not copied.
  static bool as_they_are(const ConvGeometry& g, const ConvCall& call) {
    return call.a_type == DType::kF32 && call.compute == Compute::kFloat32 && g.h.stride == 1 &&
           g.w.stride == 1 && g.h.before == 0 && g.w.before == 0 && g.h.all_full() &&
           g.w.all_full();
  }

  const float* image(int64_t n) const { return data_ + n * image_size_; }
  const float* end() const { return end_; }  // of what may be read
  const PlaneLayout& layout() const { return layout_; }
  uint64_t bytes() const { return static_cast<uint64_t>(elements_) * sizeof(float); }

 private:
  PlaneLayout layout_;
  const float *data_ = nullptr, *end_ = nullptr;
  int64_t image_size_ = 0, elements_ = 0;
  std::unique_ptr<float[]> copy_;
};

/// Batch b of the product is group b % groups of image b / groups.
class PlaneOperand final : public GemmOperand<float> {
 public:
  PlaneOperand(const ConvGeometry& g, const ImagePlanes& planes, bool channels_first)
      : g_(g), planes_(planes), step_(static_cast<size_t>(g.terms())) {
    const std::vector<int64_t> taps = planes.layout().offsets(g);
    const int64_t channel = planes.layout().elements();
    auto step = step_.begin();
    if (channels_first) {
      for (int64_t c = 0; c < g.group_in; ++c)
        for (const int64_t tap : taps) *step++ = c * channel + tap;
    } else {
      for (const int64_t tap : taps)
        for (int64_t c = 0; c < g.group_in; ++c) *step++ = c * channel + tap;
    }
    furthest_ = *std::max_element(step_.begin(), step_.end());
  }

  GemmInPlace<float> in_place(const GemmPanel& panel, int64_t) const override {
    const float* base = window(panel);
    if (planes_.end() - base < furthest_ + panel.width) return {};
    return {base, step_.data() + panel.k0};
  }
  void pack(const GemmPanel& panel, float* to) const override {
    const float* base = window(panel);
    for (int64_t k = 0; k < panel.kc; ++k, to += panel.width) {
      std::copy_n(base + step_[static_cast<size_t>(panel.k0 + k)], panel.count, to);
      std::fill(to + panel.count, to + panel.width, 0.0f);
    }
  }

 private:
  const float* window(const GemmPanel& panel) const {
    return planes_.image(panel.batch / g_.groups) +
           panel.batch % g_.groups * g_.group_in * planes_.layout().elements() + panel.first;
  }

  const ConvGeometry& g_;
  const ImagePlanes& planes_;
  std::vector<int64_t> step_;
  int64_t furthest_ = 0;
};

/// Leaves out what belongs to no window, and hands the rest on.
class PlaneStore final : public GemmStore<float> {
 public:
  PlaneStore(const ConvGeometry& g, int64_t columns, const ConvFloatStore& store)
      : g_(g), columns_(columns), store_(store) {}

  void store(int64_t batch, int64_t row, int64_t col, int64_t rows, int64_t cols, float* sums,
             int64_t ld) const override {
    const int64_t first = windows_before(col), count = windows_before(col + cols) - first;
    if (count == 0) return;
    for (int64_t r = 0; r < rows; ++r)
      close_up(columns_, g_.w.out, col % columns_, cols, sums + r * ld);
    store_.store(batch % g_.groups, row, batch / g_.groups * g_.pixels() + first, rows, count, sums,
                 ld);
  }

 private:
  int64_t windows_before(int64_t position) const {
    return position / columns_ * g_.w.out + std::min(position % columns_, g_.w.out);
  }

  const ConvGeometry& g_;
  int64_t columns_;
  const ConvFloatStore& store_;
};

}  // namespace

bool conv2d_planes_offered(const ConvGeometry& g, const ConvOptions& o, const ConvCall& call) {
  if (g.terms() == 0) return false;  // the bias alone
  if (o.layout != Layout::kNCHW || call.compute == Compute::kInt32 ||
      call.compute == Compute::kFloat16)
    return false;
  // Here filters are packed once more for each image, which takes as long as multiplying them with
  // dozens of windows.
  if (g.batch > 1 && g.pixels() < 128) return false;
  if (g.taps() == 1) return ImagePlanes::as_they_are(g, call);
  // What a tap costs a vector of windows. Packed: loads, masks and a store, as much as 16
  // multiplications (a profile of 3 x 3 taps, AVX-512). In place: the products of the positions
  // between the rows of windows, for all output channels.
  constexpr int64_t kPack = 16;
  const int64_t between = PlaneLayout(g, g.h.out).w.size - g.w.out;
  return g.group_out * between <= kPack * g.w.out && planes_are_small(g);
}

ConvReport conv2d_planes(const ConvGeometry& g, const ConvOptions& o, const ConvCall& call,
                         const KernelContext& context) {
  const ImagePlanes planes(g, call, context);
  const bool by_lines = o.filterLayout != FilterLayout::kHWIO;
  const PlaneOperand taps(g, planes, o.filterLayout == FilterLayout::kOIHW);
  const Shape groups{g.groups}, batches{g.batch, g.groups};
  const MatrixOperand<float> filters(
      call.b, pack_from(call.b_type, call.compute), by_lines, by_lines ? g.terms() : g.out_channels,
      BatchOffsets(groups, batches, by_lines ? g.group_out * g.terms() : g.group_out));
  const ConvFloatStore store(g, {call.out, call.out_type, 0, g.y}, false, call,
                             [&](int64_t n, int64_t k, int64_t oh, int64_t ow) {
                               return conv2d_plain_sum(g, call, n, k, oh, ow);
                             });
  const int64_t columns = planes.layout().w.size;
  const GemmSize size{g.batch * g.groups, g.group_out, (g.h.out - 1) * columns + g.w.out,
                      g.terms()};
  const GemmReport ran = gemm_f32(context, size, filters, taps, PlaneStore(g, columns, store));
  ConvReport report;
  report.workspace_bytes = planes.bytes() + ran.workspace_bytes;
  std::snprintf(report.kernel, sizeof report.kernel, "conv2d_planes_nchw_%s", ran.kernel);
  return report;
}

}  // namespace halftone
