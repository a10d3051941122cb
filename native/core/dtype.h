// The element types of tensors: one enum, one table, one way to go from a run-time dtype to a C++
// type.
#pragma once
#include <cstdint>
#include <string_view>
#include <type_traits>

#include "core/half.h"

namespace halftone {

/// Element type. The numbers are part of the backend ABI: append, never reorder.
enum class DType : int32_t {
  kF32 = 0,
  kF16 = 1,
  kBF16 = 2,
  kS8 = 3,
  kU8 = 4,
  kS16 = 5,
  kU16 = 6,
  kS32 = 7,
  kS64 = 8,
  kBool = 9,
  kF64 = 10,
  kU32 = 11,
  kU64 = 12,
  kF8E4M3FN = 13,
  kF8E4M3FNUZ = 14,
  kF8E5M2 = 15,
  kF8E5M2FNUZ = 16,
  kF8E8M0 = 17,
  kF4E2M1 = 18,
  kS4 = 19,
  kU4 = 20,
  kS2 = 21,
  kU2 = 22,
};
inline constexpr int kDTypeCount = 23;

/// A stored boolean: one byte, 0 or 1. A type of its own, so that it is never taken for uint8.
struct Bool {
  uint8_t value = 0;
  constexpr Bool() = default;
  constexpr explicit Bool(bool b) : value(b ? 1 : 0) {}
  constexpr explicit operator bool() const { return value != 0; }
};

/// One element of a dtype of kind kStored. The floats hold their code in the low bits; int4 and
/// int2 are sign-extended to the byte. Several elements to a byte exist in files only.
template <DType kType>
struct StoredElement {
  uint8_t bits = 0;
};

/// kStored: held, moved and converted, but not computed in.
enum class DTypeKind : int32_t { kFloat, kSigned, kUnsigned, kBool, kStored };

struct DTypeInfo {
  DType dtype;
  const char* name;        // public name: "float16"
  const char* short_name;  // name inside kernel names: "f16"
  int32_t size;            // bytes per element
  DTypeKind kind;
};

inline constexpr DTypeInfo kDTypes[kDTypeCount] = {
    {DType::kF32, "float32", "f32", 4, DTypeKind::kFloat},
    {DType::kF16, "float16", "f16", 2, DTypeKind::kFloat},
    {DType::kBF16, "bfloat16", "bf16", 2, DTypeKind::kFloat},
    {DType::kS8, "int8", "s8", 1, DTypeKind::kSigned},
    {DType::kU8, "uint8", "u8", 1, DTypeKind::kUnsigned},
    {DType::kS16, "int16", "s16", 2, DTypeKind::kSigned},
    {DType::kU16, "uint16", "u16", 2, DTypeKind::kUnsigned},
    {DType::kS32, "int32", "s32", 4, DTypeKind::kSigned},
    {DType::kS64, "int64", "s64", 8, DTypeKind::kSigned},
    {DType::kBool, "bool", "b8", 1, DTypeKind::kBool},
    {DType::kF64, "float64", "f64", 8, DTypeKind::kFloat},
    {DType::kU32, "uint32", "u32", 4, DTypeKind::kUnsigned},
    {DType::kU64, "uint64", "u64", 8, DTypeKind::kUnsigned},
    {DType::kF8E4M3FN, "float8e4m3fn", "f8e4m3fn", 1, DTypeKind::kStored},
    {DType::kF8E4M3FNUZ, "float8e4m3fnuz", "f8e4m3fnuz", 1, DTypeKind::kStored},
    {DType::kF8E5M2, "float8e5m2", "f8e5m2", 1, DTypeKind::kStored},
    {DType::kF8E5M2FNUZ, "float8e5m2fnuz", "f8e5m2fnuz", 1, DTypeKind::kStored},
    {DType::kF8E8M0, "float8e8m0", "f8e8m0", 1, DTypeKind::kStored},
    {DType::kF4E2M1, "float4e2m1", "f4e2m1", 1, DTypeKind::kStored},
    {DType::kS4, "int4", "s4", 1, DTypeKind::kStored},
    {DType::kU4, "uint4", "u4", 1, DTypeKind::kStored},
    {DType::kS2, "int2", "s2", 1, DTypeKind::kStored},
    {DType::kU2, "uint2", "u2", 1, DTypeKind::kStored},
};

constexpr const DTypeInfo& info(DType t) { return kDTypes[static_cast<int>(t)]; }
constexpr const char* name(DType t) { return info(t).name; }
constexpr int32_t size_of(DType t) { return info(t).size; }
constexpr bool is_float(DType t) { return info(t).kind == DTypeKind::kFloat; }
constexpr bool is_integer(DType t) {
  return info(t).kind == DTypeKind::kSigned || info(t).kind == DTypeKind::kUnsigned;
}
constexpr bool is_stored(DType t) { return info(t).kind == DTypeKind::kStored; }
constexpr bool is_valid(int32_t t) { return t >= 0 && t < kDTypeCount; }

/// The dtype whose public name is `s`; false when there is none.
constexpr bool parse_dtype(std::string_view s, DType* out) {
  for (const auto& d : kDTypes)
    if (s == d.name) {
      *out = d.dtype;
      return true;
    }
  return false;
}

template <class T>
struct TypeTag {
  using type = T;
};

/// Calls f(TypeTag<T>{}) with the C++ type that stores `t`; with uint8_t for the types of kind
/// kStored, which infer() keeps away from all operators but those that move or convert elements.
template <class F>
decltype(auto) dispatch(DType t, F&& f) {
  switch (t) {
    case DType::kF32:
      return f(TypeTag<float>{});
    case DType::kF16:
      return f(TypeTag<f16>{});
    case DType::kBF16:
      return f(TypeTag<bf16>{});
    case DType::kS8:
      return f(TypeTag<int8_t>{});
    case DType::kU8:
      return f(TypeTag<uint8_t>{});
    case DType::kS16:
      return f(TypeTag<int16_t>{});
    case DType::kU16:
      return f(TypeTag<uint16_t>{});
    case DType::kS32:
      return f(TypeTag<int32_t>{});
    case DType::kS64:
      return f(TypeTag<int64_t>{});
    case DType::kBool:
      return f(TypeTag<Bool>{});
    case DType::kF64:
      return f(TypeTag<double>{});
    case DType::kU32:
      return f(TypeTag<uint32_t>{});
    case DType::kU64:
      return f(TypeTag<uint64_t>{});
    default:
      break;
  }
  return f(TypeTag<uint8_t>{});
}

/// Calls f(TypeTag<StoredElement<t>>{}) for a dtype `t` of kind kStored.
template <class F>
decltype(auto) dispatch_stored(DType t, F&& f) {
  switch (t) {
    case DType::kF8E4M3FN:
      return f(TypeTag<StoredElement<DType::kF8E4M3FN>>{});
    case DType::kF8E4M3FNUZ:
      return f(TypeTag<StoredElement<DType::kF8E4M3FNUZ>>{});
    case DType::kF8E5M2:
      return f(TypeTag<StoredElement<DType::kF8E5M2>>{});
    case DType::kF8E5M2FNUZ:
      return f(TypeTag<StoredElement<DType::kF8E5M2FNUZ>>{});
    case DType::kF8E8M0:
      return f(TypeTag<StoredElement<DType::kF8E8M0>>{});
    case DType::kF4E2M1:
      return f(TypeTag<StoredElement<DType::kF4E2M1>>{});
    case DType::kS4:
      return f(TypeTag<StoredElement<DType::kS4>>{});
    case DType::kU4:
      return f(TypeTag<StoredElement<DType::kU4>>{});
    case DType::kS2:
      return f(TypeTag<StoredElement<DType::kS2>>{});
    default:
      return f(TypeTag<StoredElement<DType::kU2>>{});
  }
}

template <class T>
inline constexpr DType dtype_of = [] {
  if constexpr (std::is_same_v<T, float>) return DType::kF32;
  if constexpr (std::is_same_v<T, f16>) return DType::kF16;
  if constexpr (std::is_same_v<T, bf16>) return DType::kBF16;
  if constexpr (std::is_same_v<T, int8_t>) return DType::kS8;
  if constexpr (std::is_same_v<T, uint8_t>) return DType::kU8;
  if constexpr (std::is_same_v<T, int16_t>) return DType::kS16;
  if constexpr (std::is_same_v<T, uint16_t>) return DType::kU16;
  if constexpr (std::is_same_v<T, int32_t>) return DType::kS32;
  if constexpr (std::is_same_v<T, int64_t>) return DType::kS64;
  if constexpr (std::is_same_v<T, Bool>) return DType::kBool;
  if constexpr (std::is_same_v<T, double>) return DType::kF64;
  if constexpr (std::is_same_v<T, uint32_t>) return DType::kU32;
  if constexpr (std::is_same_v<T, uint64_t>) return DType::kU64;
}();
template <DType kType>
inline constexpr DType dtype_of<StoredElement<kType>> = kType;

}  // namespace halftone
