// The type in which the elements of a tensor are computed: it differs from how they are stored for
// the 16-bit floats.
#pragma once
#include <type_traits>

#include "core/dtype.h"

namespace halftone {

/// The type in which elements of type T are computed: float32 for the 16-bit floats, else T.
template <class T>
using ComputeType = std::conditional_t<std::is_same_v<T, f16> || std::is_same_v<T, bf16>, float, T>;

/// Whether T is stored in another type than it is computed in.
template <class T>
inline constexpr bool is_widened = !std::is_same_v<ComputeType<T>, T>;

constexpr bool is_16bit_float(DType t) { return t == DType::kF16 || t == DType::kBF16; }

/// The dtype of ComputeType.
constexpr DType compute_dtype(DType t) { return is_16bit_float(t) ? DType::kF32 : t; }

}  // namespace halftone
