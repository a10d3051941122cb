// Elementwise functions of two tensors, with NumPy's broadcasting: arithmetic and comparisons, rows
// of one table.
//
// Types: both operands are first converted to the dtype that promote() gives (docs/numerics.md,
// "Type rules"), which is exact unless an integer meets a float that cannot hold it. float16 and
// bfloat16 are computed in float32 and rounded once, which for + - * / is the correctly rounded
// result: 24 bits are at least 2 * 11 + 2.
#pragma once
#include "core/arithmetic.h"
#include "core/promote.h"
#include "core/schema.h"

namespace halftone {

/// Which dtypes a function takes (after promotion), and what it gives.
enum class BinaryKind {
  kArithmetic,  // numbers -> the promoted dtype
  kOrder,       // numbers -> bool
  kEquality,    // numbers and bool -> bool
  kLogical,     // bool -> bool
};

constexpr bool takes(BinaryKind kind, DType promoted) {
  const bool is_bool = promoted == DType::kBool;
  return kind == BinaryKind::kEquality || (kind == BinaryKind::kLogical) == is_bool;
}

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
  ROW(Equal, "equal", kEquality, "a == b: false where either is NaN; the zeros are equal. ONNX Equal-19.", a == b)    \
  ROW(NotEqual, "notEqual", kEquality, "a != b: true where either is NaN.", a != b)                                   \
  ROW(Less, "less", kOrder, "a < b: false where either is NaN. ONNX Less-13.", a < b)                                 \
  ROW(LessEqual, "lessEqual", kOrder, "a <= b: false where either is NaN. ONNX LessOrEqual-16.", a <= b)              \
  ROW(Greater, "greater", kOrder, "a > b: false where either is NaN. ONNX Greater-13.", a > b)                        \
  ROW(GreaterEqual, "greaterEqual", kOrder, "a >= b: false where either is NaN. ONNX GreaterOrEqual-16.", a >= b)     \
  ROW(LogicalAnd, "logicalAnd", kLogical, "a and b. ONNX And-7.", (a & b) != 0)                                       \
  ROW(LogicalOr, "logicalOr", kLogical, "a or b. ONNX Or-7.", (a | b) != 0)                                           \
  ROW(LogicalXor, "logicalXor", kLogical, "a or b, not both. ONNX Xor-7.", (a ^ b) != 0)
// clang-format on

/// y = f(a, b), element by element.
template <class Row>
struct Binary {
  static constexpr const char* kName = Row::kName;
  static constexpr const char* kDoc = Row::kDoc;
  static constexpr Port kInputs[] = {{.name = "a", .doc = "any shape"},
                                     {.name = "b", .doc = "any shape that broadcasts with a's"}};
  static constexpr const char* kOutputs[] = {"y"};
  using Params = NoParams;

  static Status infer(const Params&, const Inputs& in, Outputs& out) {
    const DType promoted = promote(in[0].dtype, in[1].dtype);
    if (!takes(Row::kKind, promoted))
      return dtype_error(Row::kKind == BinaryKind::kLogical
                             ? "a and b must be bool"
                             : "a or b must be a number (float or integer)",
                         ", got ", name(in[0].dtype), " and ", name(in[1].dtype));
    TensorDesc y{Row::kKind == BinaryKind::kArithmetic ? promoted : DType::kBool, {}};
    HALFTONE_TRY(broadcast(in[0].shape, "a", in[1].shape, "b", &y.shape));
    out.push_back(y);
    return {};
  }
};

#define HALFTONE_BINARY_ROW(Type, name, kind, doc, body)  \
  struct Type##Row {                                      \
    static constexpr const char* kName = name;            \
    static constexpr const char* kDoc = doc;              \
    static constexpr BinaryKind kKind = BinaryKind::kind; \
    template <class T>                                    \
    static auto apply(T a, T b) {                         \
      return body;                                        \
    }                                                     \
  };                                                      \
  using Type = Binary<Type##Row>;
HALFTONE_BINARY_TABLE(HALFTONE_BINARY_ROW)
#undef HALFTONE_BINARY_ROW

}  // namespace halftone
