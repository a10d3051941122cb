// The unary functions as data. Plain C++ without other headers of the project, for unary_isa.cc.
#pragma once
#include "ops/unary/unary_math.h"

namespace halftone {

/// Which dtypes a function takes.
enum class Domain { kFloat, kFloatOrSigned, kNumber, kInteger };

// Type, public name, dtypes, documentation, body for an x of the compute type T.
//
// Accuracy: neg, abs, sign, relu, floor, ceil, round are exact; sqrt and reciprocal are correctly
// rounded. exp, log and erf are within 2 units in the last place of float32 and float64, tanh
// within 3 and sigmoid within 4, which for 16-bit floats is the nearest value but for rare cases
// next to a tie, and never further than 1. sin, cos, asin, acos, atan and cosh are within 2, sinh,
// asinh and atanh within 3, tan and acosh within 4: the bounds of CUDA's float32 functions, which
// the C library's keep too. exp, tanh and sigmoid of float32 are our own (core/exponential.h), the
// others those of the C library.
// clang-format off
#define HALFTONE_UNARY_TABLE(ROW)                                                                                     \
  ROW(Neg, "neg", kFloatOrSigned, "-x. Flips the sign of zeros too; integers wrap. ONNX Neg-13.", math::negate(x))    \
  ROW(Abs, "abs", kNumber, "|x|. abs(-0) is +0; the smallest integer stays as it is. ONNX Abs-13.", math::absolute(x)) \
  ROW(Sqrt, "sqrt", kFloat, "Square root. sqrt(-0) is -0, of other negative numbers NaN. ONNX Sqrt-13.", std::sqrt(x)) \
  ROW(Exp, "exp", kFloat, "e to the power x. ONNX Exp-13.", math::exp(x))                                              \
  ROW(Log, "log", kFloat, "Natural logarithm. log(0) is -Infinity, of negative numbers NaN. ONNX Log-13.", std::log(x)) \
  ROW(Tanh, "tanh", kFloat, "Hyperbolic tangent; tanh(-0) is -0. ONNX Tanh-13.", math::tanh(x))                        \
  ROW(Sigmoid, "sigmoid", kFloat, "1 / (1 + exp(-x)). ONNX Sigmoid-13.", math::sigmoid(x))                            \
  ROW(Relu, "relu", kNumber, "max(x, 0): NaN stays NaN, relu(-0) is +0. ONNX Relu-14.", math::relu(x))                \
  ROW(Erf, "erf", kFloat, "Gauss error function; erf(-0) is -0. ONNX Erf-13.", std::erf(x))                           \
  ROW(Floor, "floor", kFloat, "Largest integer not above x; keeps -0. ONNX Floor-13.", math::floor(x))                \
  ROW(Ceil, "ceil", kFloat, "Smallest integer not below x; ceil(-0.5) is -0. ONNX Ceil-13.", math::ceil(x))           \
  ROW(Round, "round", kFloat, "Nearest integer, ties to even; round(-0.5) is -0. ONNX Round-22.", math::round_even(x)) \
  ROW(Reciprocal, "reciprocal", kFloat, "1 / x; of zero an infinity with its sign. ONNX Reciprocal-13.", T{1} / x)    \
  ROW(Sign, "sign", kNumber, "-1, 0 or 1. sign of both zeros is +0, of NaN NaN. ONNX Sign-13.", math::sign(x)) \
  ROW(Sin, "sin", kFloat, "Sine of radians; sin(-0) is -0, of infinities NaN. ONNX Sin-22.", std::sin(x))              \
  ROW(Cos, "cos", kFloat, "Cosine of radians; of infinities NaN. ONNX Cos-22.", std::cos(x))                           \
  ROW(Tan, "tan", kFloat, "Tangent of radians; tan(-0) is -0, of infinities NaN. ONNX Tan-22.", std::tan(x))           \
  ROW(Asin, "asin", kFloat, "Arcsine in radians; NaN outside [-1, 1]. ONNX Asin-22.", std::asin(x))                    \
  ROW(Acos, "acos", kFloat, "Arccosine in radians; NaN outside [-1, 1]. ONNX Acos-22.", std::acos(x))                  \
  ROW(Atan, "atan", kFloat, "Arctangent in radians. ONNX Atan-22.", std::atan(x))                                      \
  ROW(Sinh, "sinh", kFloat, "Hyperbolic sine; sinh(-0) is -0. ONNX Sinh-22.", std::sinh(x))                            \
  ROW(Cosh, "cosh", kFloat, "Hyperbolic cosine. ONNX Cosh-22.", std::cosh(x))                                          \
  ROW(Asinh, "asinh", kFloat, "Inverse hyperbolic sine; asinh(-0) is -0. ONNX Asinh-22.", std::asinh(x))               \
  ROW(Acosh, "acosh", kFloat, "Inverse hyperbolic cosine; NaN below 1. ONNX Acosh-22.", std::acosh(x))                 \
  ROW(Atanh, "atanh", kFloat, "Inverse hyperbolic tangent; of -1 and 1 infinities, NaN outside. ONNX Atanh-22.", std::atanh(x)) \
  ROW(BitwiseNot, "bitwiseNot", kInteger, "Every bit of an integer flipped. ONNX BitwiseNot-18.", math::flip_bits(x))
// clang-format on

/// The row of a function.
enum class UnaryIndex {
#define HALFTONE_UNARY_ROW(Type, name, domain, doc, body) k##Type,
  HALFTONE_UNARY_TABLE(HALFTONE_UNARY_ROW)
#undef HALFTONE_UNARY_ROW
};

}  // namespace halftone
