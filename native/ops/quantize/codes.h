// What the quantization ops share: the range of a code type, and how scales lie along an axis.
#pragma once
#include <algorithm>
#include <cstdint>
#include <limits>

#include "core/field.h"
#include "core/narrow.h"
#include "core/schema.h"

namespace halftone {

/// The dtype whose C++ type holds the codes of a dtype of kind kStored in memory.
constexpr DType code_storage(DType t) {
  if (!is_stored(t)) return t;
  return narrow_format(t).kind == NarrowKind::kSigned ? DType::kS8 : DType::kU8;
}

/// Whether real numbers are quantized to t as to a float: float8 but e8m0, and float4.
constexpr bool is_float_code(DType t) { return is_narrow_float(t) && t != DType::kF8E8M0; }

/// Least and greatest code of an integer dtype of at most 32 bits.
struct CodeRange {
  int32_t low = 0;
  int32_t high = 0;
};

constexpr bool is_code(DType t) {
  return t == DType::kS8 || t == DType::kU8 || t == DType::kS16 || t == DType::kU16 ||
         t == DType::kS32 || (is_stored(t) && is_narrow_integer(narrow_format(t)));
}

/// `narrow` leaves out the least code: [-127, 127] for int8.
constexpr CodeRange code_range(DType t, bool narrow = false) {
  const int32_t skip = narrow ? 1 : 0;
  if (is_stored(t)) {
    const NarrowFormat f = narrow_format(t);
    const int32_t low = f.kind == NarrowKind::kSigned ? -(1 << (f.bits - 1)) : 0;
    return {low + skip, low + (1 << f.bits) - 1};
  }
  switch (t) {
    case DType::kS8:
      return {-128 + skip, 127};
    case DType::kU8:
      return {skip, 255};
    case DType::kS16:
      return {-32768 + skip, 32767};
    case DType::kU16:
      return {skip, 65535};
    default:
      return {std::numeric_limits<int32_t>::min() + skip, std::numeric_limits<int32_t>::max()};
  }
}

/// A tensor seen as [outer, channels, inner] around the axis along which scales differ. Per tensor:
/// [1, 1, elements]. In blocks: `block` > 0 neighbours along the axis share one scale, and the
/// scales lie as [outer, blocks(), inner].
struct ChannelLayout {
  int64_t outer = 1, channels = 1, inner = 1, block = 0;

  constexpr int64_t blocks() const { return (channels + block - 1) / block; }
  /// Which scale element i has.
  constexpr int64_t scale_of(int64_t i) const {
    if (block == 0) return i / inner % channels;
    const int64_t row = i / inner;
    return (row / channels * blocks() + row % channels / block) * inner + i % inner;
  }
};

inline ChannelLayout channel_layout(const Shape& shape, MaybeInt axis, int64_t block = 0) {
  ChannelLayout l;
  l.block = block;
  if (!axis.present) {
    l.inner = shape.elements();
    return l;
  }
  const int at = static_cast<int>(axis.value < 0 ? axis.value + shape.rank : axis.value);
  for (int i = 0; i < shape.rank; ++i)
    (i < at ? l.outer : i == at ? l.channels : l.inner) *= shape[i];
  return l;
}

/// "_per_axis", "_blocked" or nothing, for the names of kernels.
template <class Params>
constexpr const char* quantize_suffix(const Params& p) {
  return p.blockSize > 0 ? "_blocked" : p.axis.present ? "_per_axis" : "";
}

/// Checks a tensor of one number per block of `block` neighbours along the axis: the shape of x,
/// with ceil(x.shape[axis] / block) there.
inline Status check_blocks(const char* port, const Shape& values, const Shape& x, MaybeInt axis,
                           int64_t block) {
  if (!axis.present) return param_error("axis must be given with blockSize ", block, ", got null");
  int32_t at = 0;
  HALFTONE_TRY(normalize_axis(axis.value, x.rank, "axis", &at));
  Shape expected = x;
  expected[at] = x[at] / block + (x[at] % block != 0 ? 1 : 0);
  if (!(values == expected))
    return shape_error(port, ".shape must be ", expected, ", one for each block of ", block,
                       " along axis ", at, ", got ", port, " ", values, " and x ", x);
  return {};
}

/// Checks a tensor of one number per channel: shape [] or [1] without an axis, [x.shape[axis]] with
/// one. With a block size, check_blocks().
inline Status check_channels(const char* port, const Shape& values, const Shape& x, MaybeInt axis,
                             int64_t block = 0) {
  if (block > 0) return check_blocks(port, values, x, axis, block);
  if (!axis.present) {
    if (values.rank > 1 || values.elements() != 1)
      return shape_error(port, " must hold one number ([] or [1]) when axis is null, got ", port,
                         " ", values);
    return {};
  }
  int32_t at = 0;
  HALFTONE_TRY(normalize_axis(axis.value, x.rank, "axis", &at));
  if (values.rank != 1 || values[0] != x[at])
    return shape_error(port, ".shape must be [x.shape[", at, "]], got ", port, " ", values,
                       " and x ", x);
  return {};
}

/// Checks the optional zero points: their dtype, and one for each scale.
inline Status check_zero_point(const Inputs& in, int port, DType codes, MaybeInt axis,
                               int64_t block = 0) {
  if (!in.has(port)) return {};
  if (in[port].dtype != codes)
    return dtype_error("zeroPoint.dtype must be the dtype of the codes, got zeroPoint ",
                       name(in[port].dtype), " and codes ", name(codes));
  return check_channels("zeroPoint", in[port].shape, in[0].shape, axis, block);
}

}  // namespace halftone
