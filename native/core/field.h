// How an op describes its parameters: each Params struct is plain data and names its members once,
// in fields(). The binding reads options through it, the schema hash, binding.d.ts and the
// documentation are made from it.
//
//   struct Params {
//     IntList stride = {1, 1};
//     Compute compute = Compute::kDefault;
//     template <class V>
//     void fields(V&& v) {
//       v("stride", stride, {.doc = "step over rows and columns", .min = 1, .max = kMaxInt, .count
//       = 2}); v("compute", compute, {.doc = "type of the sums"});
//     }
//   };
#pragma once
#include <cstdint>
#include <initializer_list>
#include <limits>
#include <span>

#include "core/shape.h"

namespace halftone {

inline constexpr int64_t kMaxInt = std::numeric_limits<int32_t>::max();
inline constexpr int kMaxList = kMaxRank;

/// A short list of integers: strides, axes, a shape.
struct IntList {
  int32_t count = 0;
  int64_t values[kMaxList] = {};

  constexpr IntList() = default;
  constexpr IntList(std::initializer_list<int64_t> v) : count(static_cast<int32_t>(v.size())) {
    int i = 0;
    for (int64_t x : v) values[i++] = x;
  }
  constexpr int64_t operator[](int i) const { return values[i]; }
  Shape shape() const {
    return Shape(std::span<const int64_t>(values, static_cast<size_t>(count)));
  }
};

/// An integer that may be absent (null in JavaScript).
struct MaybeInt {
  int32_t present = 0;
  int64_t value = 0;
};

/// A dtype that may be absent (null in JavaScript): then the op chooses, as its documentation says.
struct MaybeDType {
  int32_t value = -1;
  constexpr bool present() const { return value >= 0; }
  constexpr DType or_else(DType fallback) const {
    return present() ? static_cast<DType>(value) : fallback;
  }
};

/// 'valid' (none), 'same' (ceil(size / stride) outputs, the odd pixel after; ONNX SAME_UPPER,
/// TensorFlow SAME), 'same-lower' (the odd pixel before), or explicit [top, bottom, left, right].
struct Padding {
  enum Mode : int32_t { kExplicit = 0, kValid = 1, kSame = 2, kSameLower = 3 };
  int32_t mode = kValid;
  int64_t values[4] = {};  // top, bottom, left, right when explicit
};

/// Names of an enum's values, in order from 0. Specialize for each enum used in Params:
///   template <> struct EnumNames<Layout> { static constexpr const char* kName = "Layout";
///   kDoc, kValues... };
/// An enum may have kDefault = -1: null in JavaScript, the op chooses.
template <class E>
struct EnumNames;

/// The arithmetic of a convolution or matrix product: the type in which products are summed.
/// kDefault: int32 for integer inputs, float32 for all others (float64 for float64).
enum class Compute : int32_t { kDefault = -1, kFloat32 = 0, kFloat16 = 1, kTf32 = 2, kInt32 = 3 };
template <>
struct EnumNames<Compute> {
  static constexpr const char* kName = "Compute";
  static constexpr const char* kDoc =
      "The arithmetic of a convolution or matrix product: the type in which products are summed.";
  static constexpr const char* kValues[] = {"float32", "float16", "tf32", "int32"};
};

/// What a field says of itself.
struct FieldInfo {
  const char* doc = "";
  double min = -std::numeric_limits<double>::infinity();  // inclusive; numbers and list elements
  double max = std::numeric_limits<double>::infinity();
  int count = -1;  // IntList: exact number of values; -1: any up to 8
  bool required = false;
};

/// The kinds of fields: the C++ type decides.
enum class FieldKind : int32_t {
  kBool,
  kInt,
  kDouble,
  kEnum,
  kIntList,
  kMaybeInt,
  kDType,
  kMaybeDType,
  kPadding
};

}  // namespace halftone
