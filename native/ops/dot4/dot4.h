// dot4: the dp4a instruction as an op.
#pragma once
#include "core/schema.h"

namespace halftone {

/// y = c + a0 * b0 + a1 * b1 + a2 * b2 + a3 * b3, modulo 2^32: CUDA's __dp4a, and PTX dp4a.s32.u32
/// and dp4a.u32.s32 for mixed signs. a, b [..., 4] of int8 or uint8, whose leading axes broadcast;
/// c int32 broadcasts to them.
struct Dot4 {
  static constexpr const char* kName = "dot4";
  static constexpr const char* kDoc =
      "c + the sum of four products of 8-bit integers, in int32. CUDA __dp4a.";
  static constexpr Port kInputs[] = {
      {.name = "a", .doc = "[..., 4]; int8 or uint8"},
      {.name = "b", .doc = "[..., 4]; int8 or uint8"},
      {.name = "c",
       .doc = "broadcasts to the leading axes; int32; 0 when left out",
       .optional = true}};
  static constexpr const char* kOutputs[] = {"y"};
  using Params = NoParams;

  static Shape groups(const Shape& s) {
    Shape out;
    for (int i = 0; i + 1 < s.rank; ++i) out.push_back(s[i]);
    return out;
  }

  static Status infer(const Params&, const Inputs& in, Outputs& out) {
    for (int i = 0; i < 2; ++i) {
      const TensorDesc& t = in[i];
      if (t.dtype != DType::kS8 && t.dtype != DType::kU8)
        return dtype_error(kInputs[i].name, " must be int8 or uint8, got ", name(t.dtype));
      if (t.shape.rank < 1 || t.shape[t.shape.rank - 1] != 4)
        return shape_error(kInputs[i].name, " must have 4 elements on its last axis, got ",
                           t.shape);
    }
    Shape y;
    HALFTONE_TRY(
        broadcast(groups(in[0].shape), "the leading axes of a", groups(in[1].shape), "of b", &y));
    if (in.has(2)) {
      if (in[2].dtype != DType::kS32)
        return dtype_error("c must be int32, got ", name(in[2].dtype));
      Shape both;
      if (!broadcast(in[2].shape, "c", y, "the result", &both).ok() || !(both == y))
        return shape_error("c must broadcast to the result's shape ", y, ", got c ", in[2].shape);
    }
    out.push_back({DType::kS32, y});
    return {};
  }
};

/// The instruction: four bytes of each, any signs. Sums of four products fit int32; adding c wraps.
template <class A, class B>
constexpr int32_t dot4(const A* a, const B* b, int32_t c) {
  int32_t sum = 0;
  for (int i = 0; i < 4; ++i) sum += int32_t{a[i]} * int32_t{b[i]};
  return static_cast<int32_t>(static_cast<uint32_t>(c) + static_cast<uint32_t>(sum));
}

/// Calls f(TypeTag<A>{}, TypeTag<B>{}) with the C++ types of two 8-bit integer dtypes.
template <class F>
decltype(auto) dispatch_bytes(DType a, DType b, F&& f) {
  const auto second = [&](auto tag) -> decltype(auto) {
    return b == DType::kS8 ? f(tag, TypeTag<int8_t>{}) : f(tag, TypeTag<uint8_t>{});
  };
  return a == DType::kS8 ? second(TypeTag<int8_t>{}) : second(TypeTag<uint8_t>{});
}

}  // namespace halftone
