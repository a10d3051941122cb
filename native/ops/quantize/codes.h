// What the quantization ops share: the range of a code type, and how scales lie along an axis.
#pragma once
#include <algorithm>
#include <cstdint>
#include <limits>

#include "core/field.h"
#include "core/schema.h"

namespace halftone {

/// Least and greatest code of an integer dtype of at most 32 bits.
struct CodeRange {
  int32_t low = 0;
  int32_t high = 0;
};

constexpr bool is_code(DType t) {
  return t == DType::kS8 || t == DType::kU8 || t == DType::kS16 || t == DType::kU16 ||
         t == DType::kS32;
}

/// `narrow` leaves out the least code: [-127, 127] for int8.
constexpr CodeRange code_range(DType t, bool narrow = false) {
  const int32_t skip = narrow ? 1 : 0;
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
/// [1, 1, elements].
struct ChannelLayout {
  int64_t outer = 1, channels = 1, inner = 1;
};

inline ChannelLayout channel_layout(const Shape& shape, MaybeInt axis) {
  ChannelLayout l;
  if (!axis.present) {
    l.inner = shape.elements();
    return l;
  }
  const int at = static_cast<int>(axis.value < 0 ? axis.value + shape.rank : axis.value);
  for (int i = 0; i < shape.rank; ++i)
    (i < at ? l.outer : i == at ? l.channels : l.inner) *= shape[i];
  return l;
}

/// Checks a tensor of one number per channel: shape [] or [1] without an axis, [x.shape[axis]] with
/// one.
inline Status check_channels(const char* port, const Shape& values, const Shape& x, MaybeInt axis) {
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
inline Status check_zero_point(const Inputs& in, int port, DType codes, MaybeInt axis) {
  if (!in.has(port)) return {};
  if (in[port].dtype != codes)
    return dtype_error("zeroPoint.dtype must be the dtype of the codes, got zeroPoint ",
                       name(in[port].dtype), " and codes ", name(codes));
  return check_channels("zeroPoint", in[port].shape, in[0].shape, axis);
}

}  // namespace halftone
