// From run-time dtypes to the C++ types of reals and codes, for launchers of the quantization ops.
#pragma once
#include "core/dtype.h"

namespace halftone {

/// f(tag) with a type of float, f16, bf16.
template <class F>
auto dispatch_real(DType t, F&& f) {
  if (t == DType::kF16) return f(TypeTag<f16>{});
  if (t == DType::kBF16) return f(TypeTag<bf16>{});
  return f(TypeTag<float>{});
}

/// f(tag) with an integer type of 8 or 16 bits.
template <class F>
auto dispatch_narrow_code(DType t, F&& f) {
  if (t == DType::kU8) return f(TypeTag<uint8_t>{});
  if (t == DType::kS16) return f(TypeTag<int16_t>{});
  if (t == DType::kU16) return f(TypeTag<uint16_t>{});
  return f(TypeTag<int8_t>{});
}

/// f(tag) with an integer type of at most 32 bits.
template <class F>
auto dispatch_code(DType t, F&& f) {
  if (t == DType::kS32) return f(TypeTag<int32_t>{});
  return dispatch_narrow_code(t, f);
}

}  // namespace halftone
