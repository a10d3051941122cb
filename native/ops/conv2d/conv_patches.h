// Patches of images as an operand of the product engines (implicit im2col): line i is output pixel
// i, counted through the whole batch; step k is one tap of one input channel. The batches of the
// product are the groups.
#pragma once
#include <cstdint>

#include "ops/conv2d/conv_geometry.h"
#include "ops/conv2d/conv_pack_isa.h"
#include "ops/gemm/gemm.h"

namespace halftone {

/// Which k is which tap: channel, row, column (filters OIHW) or row, column, channel (filters OHWI,
/// HWIO).
enum class TapOrder { kChannelsFirst, kChannelsLast };

/// For each of up to 64 output pixels: where its patch begins, and which taps lie inside the image.
struct PatchMap {
  int64_t
      position[kGemmMaxWidth];  // element of tap (0, 0), channel 0; may lie outside of the tensor
  int64_t row[kGemmMaxWidth], column[kGemmMaxWidth];  // of tap (0, 0) in the image
  int64_t count = 0;
  bool all_inside = true;

  PatchMap(const ConvGeometry& g, int64_t first, int64_t count);

  uint64_t all() const { return count >= 64 ? ~uint64_t{0} : (uint64_t{1} << count) - 1; }
  /// Bit i: the taps of kernel row r (column s) of pixel i lie inside the image.
  uint64_t rows_inside(const ConvGeometry& g, int64_t r) const {
    return inside(row, r * g.h.dilation, g.h.in);
  }
  uint64_t columns_inside(const ConvGeometry& g, int64_t s) const {
    return inside(column, s * g.w.dilation, g.w.in);
  }

 private:
  uint64_t inside(const int64_t* at, int64_t shift, int64_t size) const {
    uint64_t bits = 0;
    for (int64_t i = 0; i < count; ++i)
      bits |=
          static_cast<uint64_t>(static_cast<uint64_t>(at[i] + shift) < static_cast<uint64_t>(size))
          << i;
    return bits;
  }
};

template <class T>
class PatchOperand final : public GemmOperand<T> {
 public:
  /// x: the image tensor of geometry g. NHWC images (g.x.c == 1) need TapOrder::kChannelsLast.
  PatchOperand(const ConvGeometry& g, const void* x, PackFrom how, TapOrder order)
      : g_(g),
        x_(static_cast<const char*>(x)),
        how_(how),
        order_(order),
        size_(how == PackFrom::kF32 || how == PackFrom::kTf32 ? 4
              : how == PackFrom::kS8 || how == PackFrom::kU8  ? 1
                                                              : 2),
        steps_(HALFTONE_ISA_PICK(pack_pixel_steps)),
        lines_(HALFTONE_ISA_PICK(pack_pixel_lines)) {}

  void pack(const GemmPanel& panel, T* to) const override;

 private:
  void pack_by_steps(const GemmPanel& panel, const PatchMap& map, T* to) const;
  void pack_by_lines(const GemmPanel& panel, const PatchMap& map, T* to) const;

  const ConvGeometry& g_;
  const char* x_;
  PackFrom how_;
  TapOrder order_;
  int64_t size_;
  void (*steps_)(const PixelSteps&, void*);
  void (*lines_)(const PixelLines&, void*);
};

}  // namespace halftone
