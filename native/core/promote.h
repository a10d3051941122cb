// The dtype in which two operands of different dtypes meet. The table is in docs/numerics.md ("Type
// rules"); promoteTypes() of lib/dtype.ts says the same and is tested against this.
#pragma once
#include "core/dtype.h"

namespace halftone {

/// Whether two dtypes meet in one: the stored types only in themselves, uint64 in no signed
/// integer.
constexpr bool promotes(DType a, DType b) {
  if (a == b) return true;
  if (is_stored(a) || is_stored(b)) return false;
  const DTypeKind x = info(a).kind, y = info(b).kind;
  return !(a == DType::kU64 && y == DTypeKind::kSigned) &&
         !(b == DType::kU64 && x == DTypeKind::kSigned);
}

/// The smallest dtype of the higher kind (bool < integer < float) that holds both: exactly for two
/// integers or two floats; an integer with a float gives that float, so large integers are rounded.
/// Where promotes(a, b) is false, a.
constexpr DType promote(DType a, DType b) {
  if (a == b || !promotes(a, b)) return a;
  if (a == DType::kBool) return b;
  if (b == DType::kBool) return a;
  if (is_float(a) != is_float(b)) return is_float(a) ? a : b;
  if (size_of(a) != size_of(b) && is_float(a)) return size_of(a) > size_of(b) ? a : b;
  if (is_float(a)) return DType::kF32;  // float16 with bfloat16: neither holds the other
  if (info(a).kind == info(b).kind) return size_of(a) > size_of(b) ? a : b;
  const bool a_signed = info(a).kind == DTypeKind::kSigned;
  const DType with_sign = a_signed ? a : b, without = a_signed ? b : a;
  if (size_of(with_sign) > size_of(without)) return with_sign;
  return size_of(without) == 1 ? DType::kS16 : size_of(without) == 2 ? DType::kS32 : DType::kS64;
}

}  // namespace halftone
