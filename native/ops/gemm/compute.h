// Which arithmetic a product may use for which storage: one rule for all convolutions and matrix
// products.
#pragma once
#include "core/field.h"
#include "core/status.h"

namespace halftone {

/// Public name of a Compute: "float32".
constexpr const char* name(Compute c) {
  return c == Compute::kDefault ? "default" : EnumNames<Compute>::kValues[static_cast<int>(c)];
}

/// What `asked` means for operands stored as `storage` (for mixed int8 and uint8: either):
///   float32: float32 (default), tf32      float16: float32 (default), float16     bfloat16:
///   float32 int8, uint8: int32                    float64: only the default, float64 sums; *out
///   stays kDefault
/// Everything else is refused with the nearest thing that exists.
inline Status resolve_compute(DType storage, Compute asked, Compute* out) {
  *out = asked;
  const char* nearest = "";
  switch (storage) {
    case DType::kF32:
      if (asked == Compute::kDefault) *out = Compute::kFloat32;
      if (*out == Compute::kFloat32 || *out == Compute::kTf32) return {};
      nearest = "'float32' and 'tf32' are; for float16 sums cast the inputs to float16";
      break;
    case DType::kF16:
      if (asked == Compute::kDefault) *out = Compute::kFloat32;
      if (*out == Compute::kFloat32 || *out == Compute::kFloat16) return {};
      nearest = "'float32' and 'float16' are";
      break;
    case DType::kBF16:
      if (asked == Compute::kDefault) *out = Compute::kFloat32;
      if (*out == Compute::kFloat32) return {};
      nearest = "'float32' is; for float16 sums cast the inputs to float16";
      break;
    case DType::kS8:
    case DType::kU8:
      if (asked == Compute::kDefault) *out = Compute::kInt32;
      if (*out == Compute::kInt32) return {};
      nearest = "'int32' is";
      break;
    case DType::kF64:
      if (asked == Compute::kDefault) return {};
      nearest = "leave it out: float64 is summed in float64";
      break;
    default:
      return dtype_error("no product of ", name(storage),
                         " exists: float32, float16, bfloat16, float64, int8 and uint8 do");
  }
  return unsupported("compute '", name(asked), "' is not offered for ", name(storage), ": ",
                     nearest);
}

}  // namespace halftone
