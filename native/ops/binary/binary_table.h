// The binary functions as data. Plain C++ without the schema, for binary_isa.cc.
#pragma once
#include "core/arithmetic.h"

namespace halftone {

/// Which dtypes a function takes (after promotion), and what it gives.
enum class BinaryKind {
  kArithmetic,  // numbers -> the promoted dtype
  kOrder,       // numbers -> bool
  kEquality,    // numbers and bool -> bool
  kLogical,     // bool -> bool
  kBitwise,     // integers -> the promoted dtype
};

// Type, public name, kind, documentation, body for operands a and b of the compute type T.
// clang-format off
#define HALFTONE_BINARY_TABLE(ROW)                                                                                    \
  ROW(Add, "add", kArithmetic, "a + b. Integers wrap. ONNX Add-14.", math::add(a, b))                                 \
  ROW(Sub, "sub", kArithmetic, "a - b. Integers wrap. ONNX Sub-14.", math::subtract(a, b))                            \
  ROW(Mul, "mul", kArithmetic, "a * b. Integers wrap. ONNX Mul-14.", math::multiply(a, b))                            \
  ROW(Div, "div", kArithmetic, "a / b. Integers: truncated toward zero, and 0 where b is 0. ONNX Div-14.", math::divide(a, b)) \
  ROW(Min, "min", kArithmetic, "The smaller one; NaN if either is NaN, and -0 is less than +0 (IEEE 754-2019 minimum). ONNX Min-13 of two.", math::minimum(a, b)) \
  ROW(Max, "max", kArithmetic, "The greater one; NaN if either is NaN, and +0 is greater than -0 (IEEE 754-2019 maximum). ONNX Max-13 of two.", math::maximum(a, b)) \
  ROW(Pow, "pow", kArithmetic, "a to the power b; pow(x, 0) is 1, also of NaN. Integers wrap, and negative exponents give 1 / a^|b| truncated (0 where a is 0). ONNX Pow-15, but the result has the promoted dtype.", math::power(a, b)) \
  ROW(Fmod, "fmod", kArithmetic, "What division leaves, with the sign of a: a - trunc(a / b) b, exactly. Floats: NaN for an infinite a or a b of 0; integers: a where b is 0. ONNX Mod-13, fmod 1.", math::remainder(a, b)) \
  ROW(Equal, "equal", kEquality, "a == b: false where either is NaN; the zeros are equal. ONNX Equal-19.", a == b)    \
  ROW(NotEqual, "notEqual", kEquality, "a != b: true where either is NaN.", a != b)                                   \
  ROW(Less, "less", kOrder, "a < b: false where either is NaN. ONNX Less-13.", a < b)                                 \
  ROW(LessEqual, "lessEqual", kOrder, "a <= b: false where either is NaN. ONNX LessOrEqual-16.", a <= b)              \
  ROW(Greater, "greater", kOrder, "a > b: false where either is NaN. ONNX Greater-13.", a > b)                        \
  ROW(GreaterEqual, "greaterEqual", kOrder, "a >= b: false where either is NaN. ONNX GreaterOrEqual-16.", a >= b)     \
  ROW(LogicalAnd, "logicalAnd", kLogical, "a and b. ONNX And-7.", (a & b) != 0)                                       \
  ROW(LogicalOr, "logicalOr", kLogical, "a or b. ONNX Or-7.", (a | b) != 0)                                           \
  ROW(LogicalXor, "logicalXor", kLogical, "a or b, not both. ONNX Xor-7.", (a ^ b) != 0)             \
  ROW(BitwiseAnd, "bitwiseAnd", kBitwise, "The bits that both integers have. ONNX BitwiseAnd-18.", math::same_type(a, a & b)) \
  ROW(BitwiseOr, "bitwiseOr", kBitwise, "The bits that either integer has. ONNX BitwiseOr-18.", math::same_type(a, a | b)) \
  ROW(BitwiseXor, "bitwiseXor", kBitwise, "The bits that one of the integers has. ONNX BitwiseXor-18.", math::same_type(a, a ^ b)) \
  ROW(ShiftLeft, "shiftLeft", kBitwise, "a with its bits moved up by b, zeros behind them; 0 where b is not in [0, bits). ONNX BitShift-11, LEFT.", math::shift_left(a, b)) \
  ROW(ShiftRight, "shiftRight", kBitwise, "a with its bits moved down by b, its sign before them; only signs where b is not in [0, bits). ONNX BitShift-11, RIGHT.", math::shift_right(a, b))
// clang-format on

/// The row of a function.
enum class BinaryIndex {
#define HALFTONE_BINARY_ROW(Type, name, kind, doc, body) k##Type,
  HALFTONE_BINARY_TABLE(HALFTONE_BINARY_ROW)
#undef HALFTONE_BINARY_ROW
};

}  // namespace halftone
