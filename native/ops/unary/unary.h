// Elementwise functions of one tensor. Those without parameters are rows of a table; gelu and clip
// follow.
//
// For all: y has the shape and dtype of x. float16 and bfloat16 are computed in float32 and rounded
// once. NaN gives NaN (its payload is not specified). Integers wrap.
#pragma once
#include "core/compute_type.h"
#include "core/schema.h"
#include "ops/unary/unary_table.h"

namespace halftone {

inline Status check_domain(Domain domain, DType t) {
  const DTypeKind kind = info(t).kind;
  if (domain == Domain::kInteger) {
    if (is_integer(t)) return {};
    return dtype_error("x must be an integer, got ", name(t));
  }
  if (kind == DTypeKind::kFloat) return {};
  if (domain == Domain::kFloatOrSigned && kind == DTypeKind::kSigned) return {};
  if (domain == Domain::kNumber && kind != DTypeKind::kBool) return {};
  const char* allowed = domain == Domain::kFloat ? "a float (float32, float16, bfloat16, float64)"
                        : domain == Domain::kFloatOrSigned ? "a float or a signed integer"
                                                           : "a float or an integer";
  return dtype_error("x must be ", allowed, ", got ", name(t));
}

/// Whether a function takes elements of type T: check_domain() as a constant.
template <class T>
constexpr bool takes(Domain domain) {
  const DTypeKind kind = info(dtype_of<T>).kind;
  if (domain == Domain::kInteger) return is_integer(dtype_of<T>);
  return kind == DTypeKind::kFloat ||
         (domain == Domain::kFloatOrSigned && kind == DTypeKind::kSigned) ||
         (domain == Domain::kNumber && kind != DTypeKind::kBool);
}

/// y = f(x), element by element.
template <class Row>
struct Unary {
  static constexpr const char* kName = Row::kName;
  static constexpr const char* kDoc = Row::kDoc;
  static constexpr Port kInputs[1] = {{.name = "x", .doc = "any shape"}};
  static constexpr const char* kOutputs[1] = {"y"};
  using Params = NoParams;

  static Status infer(const Params&, const Inputs& in, Outputs& out) {
    HALFTONE_TRY(check_domain(Row::kDomain, in[0].dtype));
    out.push_back(in[0]);
    return {};
  }
};

#define HALFTONE_UNARY_ROW(Type, name, domain, doc, body)     \
  struct Type##Row {                                          \
    static constexpr const char* kName = name;                \
    static constexpr const char* kDoc = doc;                  \
    static constexpr Domain kDomain = Domain::domain;         \
    static constexpr UnaryIndex kIndex = UnaryIndex::k##Type; \
    template <class T>                                        \
    HALFTONE_HD T apply(T x) {                                \
      return body;                                            \
    }                                                         \
  };                                                          \
  using Type = Unary<Type##Row>;
HALFTONE_UNARY_TABLE(HALFTONE_UNARY_ROW)
#undef HALFTONE_UNARY_ROW

/// 'none': by erf. 'tanh': the polynomial in tanh of the paper (Hendrycks and Gimpel, 2016).
enum class GeluApproximation : int32_t { kNone = 0, kTanh = 1 };
template <>
struct EnumNames<GeluApproximation> {
  static constexpr const char* kName = "GeluApproximation";
  static constexpr const char* kDoc = "The formula of gelu(): by erf, or by tanh.";
  static constexpr const char* kValues[] = {"none", "tanh"};
};

/// y = 0.5 x (1 + erf(x / sqrt 2)), or 0.5 x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))).
struct Gelu {
  static constexpr const char* kName = "gelu";
  static constexpr const char* kDoc =
      "Gaussian error linear unit, exact (erf) or by tanh. gelu(-Infinity) is NaN, as the formula "
      "says. ONNX Gelu-20.";
  static constexpr Port kInputs[] = {{.name = "x", .doc = "any shape, a float"}};
  static constexpr const char* kOutputs[] = {"y"};
  struct Params {
    GeluApproximation approximate = GeluApproximation::kNone;
    template <class V>
    void fields(V&& v) {
      v("approximate", approximate,
        {.doc = "'tanh': the approximation that many published models use"});
    }
  };

  static Status infer(const Params&, const Inputs& in, Outputs& out) {
    HALFTONE_TRY(check_domain(Domain::kFloat, in[0].dtype));
    out.push_back(in[0]);
    return {};
  }
};

/// y = min(max(x, min), max). The bounds are first rounded to x's dtype; for integers, inwards and
/// saturated.
struct Clip {
  static constexpr const char* kName = "clip";
  static constexpr const char* kDoc =
      "min(max(x, min), max): where min > max all elements become max. NaN stays NaN. ONNX "
      "Clip-13.";
  static constexpr Port kInputs[] = {{.name = "x", .doc = "any shape, a float or an integer"}};
  static constexpr const char* kOutputs[] = {"y"};
  struct Params {
    double min = -std::numeric_limits<double>::infinity();
    double max = std::numeric_limits<double>::infinity();
    template <class V>
    void fields(V&& v) {
      v("min", min, {.doc = "smallest result; not NaN"});
      v("max", max, {.doc = "largest result; not NaN"});
    }
  };

  static Status infer(const Params& p, const Inputs& in, Outputs& out) {
    HALFTONE_TRY(check_domain(Domain::kNumber, in[0].dtype));
    if (p.min != p.min || p.max != p.max)
      return param_error("min and max must not be NaN, got min ", p.min, " and max ", p.max);
    out.push_back(in[0]);
    return {};
  }
};

/// A bound of clip for elements of type T, in their compute type.
template <class T>
ComputeType<T> clip_bound(double value, [[maybe_unused]] bool is_low) {
  if constexpr (std::is_same_v<T, f16>)
    return to_float(to_f16(value));
  else if constexpr (std::is_same_v<T, bf16>)
    return to_float(to_bf16(value));
  else if constexpr (std::floating_point<T>)
    return static_cast<T>(value);
  else
    return math::integer_bound<T>(value, is_low);
}

}  // namespace halftone
