// Elementwise functions of two tensors, with NumPy's broadcasting: arithmetic and comparisons, rows
// of one table.
//
// Types: both operands are first converted to the dtype that promote() gives (docs/numerics.md,
// "Type rules"), which is exact unless an integer meets a float that cannot hold it. float16 and
// bfloat16 are computed in float32 and rounded once, which for + - * / is the correctly rounded
// result: 24 bits are at least 2 * 11 + 2.
#pragma once
#include "core/promote.h"
#include "core/schema.h"
#include "ops/binary/binary_table.h"

namespace halftone {

constexpr bool takes(BinaryKind kind, DType promoted) {
  if (kind == BinaryKind::kBitwise) return is_integer(promoted);
  const bool is_bool = promoted == DType::kBool;
  return kind == BinaryKind::kEquality || (kind == BinaryKind::kLogical) == is_bool;
}

/// Whether results have the promoted dtype; else they are bool.
constexpr bool keeps_dtype(BinaryKind kind) {
  return kind == BinaryKind::kArithmetic || kind == BinaryKind::kBitwise;
}

/// y = f(a, b), element by element.
template <class Row>
struct Binary {
  static constexpr const char* kName = Row::kName;
  static constexpr const char* kDoc = Row::kDoc;
  static constexpr Port kInputs[2] = {{.name = "a", .doc = "any shape"},
                                      {.name = "b", .doc = "any shape that broadcasts with a's"}};
  static constexpr const char* kOutputs[1] = {"y"};
  using Params = NoParams;

  static Status infer(const Params&, const Inputs& in, Outputs& out) {
    if (!promotes(in[0].dtype, in[1].dtype))
      return dtype_error("a and b must have a type that holds both, got ", name(in[0].dtype),
                         " and ", name(in[1].dtype), "; cast one of them first");
    const DType promoted = promote(in[0].dtype, in[1].dtype);
    if (!takes(Row::kKind, promoted))
      return dtype_error(Row::kKind == BinaryKind::kLogical ? "a and b must be bool"
                         : Row::kKind == BinaryKind::kBitwise
                             ? "a and b must be integers"
                             : "a or b must be a number (float or integer)",
                         ", got ", name(in[0].dtype), " and ", name(in[1].dtype));
    TensorDesc y{keeps_dtype(Row::kKind) ? promoted : DType::kBool, {}};
    HALFTONE_TRY(broadcast(in[0].shape, "a", in[1].shape, "b", &y.shape));
    out.push_back(y);
    return {};
  }
};

#define HALFTONE_BINARY_ROW(Type, name, kind, doc, body)        \
  struct Type##Row {                                            \
    static constexpr const char* kName = name;                  \
    static constexpr const char* kDoc = doc;                    \
    static constexpr BinaryKind kKind = BinaryKind::kind;       \
    static constexpr BinaryIndex kIndex = BinaryIndex::k##Type; \
    template <class T>                                          \
    HALFTONE_HD auto apply(T a, T b) {                          \
      return body;                                              \
    }                                                           \
  };                                                            \
  using Type = Binary<Type##Row>;
HALFTONE_BINARY_TABLE(HALFTONE_BINARY_ROW)
#undef HALFTONE_BINARY_ROW

}  // namespace halftone
