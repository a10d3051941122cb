// The arithmetic of each compute type: how a product joins a sum, and what happens to a sum before
// it is stored. ConvCall must be complete where this is included (conv_plain.h).
#pragma once
#include <bit>
#include <cstdint>
#include <type_traits>

#include "core/half.h"
#include "ops/conv2d/conv_plain.h"

namespace halftone {

inline float widen(float v) { return v; }
inline float widen(f16 v) { return to_float(v); }
inline float widen(bf16 v) { return to_float(v); }

template <class Y>
Y narrow(float v) {
  if constexpr (std::is_same_v<Y, f16>)
    return to_f16(v);
  else if constexpr (std::is_same_v<Y, bf16>)
    return to_bf16(v);
  else
    return v;
}

/// Float32 with 10 fraction bits: nearest, ties away from zero, as PTX cvt.rna.tf32.f32. NaN and
/// infinity are kept.
inline float round_tf32(float v) {
  const uint32_t u = std::bit_cast<uint32_t>(v);
  if ((u & 0x7f800000u) == 0x7f800000u) return v;
  return std::bit_cast<float>((u + 0x1000u) & 0xffffe000u);
}

/// Element i of a float tensor, exact.
inline float widened(const void* data, DType type, int64_t i) {
  if (type == DType::kF16) return to_float(static_cast<const f16*>(data)[i]);
  if (type == DType::kBF16) return to_float(static_cast<const bf16*>(data)[i]);
  return static_cast<const float*>(data)[i];
}

/// Inputs widened exactly; float32 products and sums, each rounded.
struct F32Sums {
  using Acc = float;
  template <class A, class B>
  static float term(A a, B b, float acc) {
    return acc + widen(a) * widen(b);
  }
  template <class Y>
  static Y store(float acc) {
    return narrow<Y>(acc);
  }
};

/// Inputs rounded to tf32: products are exact in float32 (22 bits), sums are float32.
struct Tf32Sums : F32Sums {
  static float term(float a, float b, float acc) { return acc + round_tf32(a) * round_tf32(b); }
};

/// One float16 rounding per term.
struct F16Sums {
  using Acc = f16;
  static f16 term(f16 a, f16 b, f16 acc) {
    // Pictures have large areas of zeros, and fma_f16 is slow: +0 and a zero of either sign is +0.
    const bool a_is_zero = (a.bits & 0x7fffu) == 0, b_is_finite = (b.bits & 0x7c00u) != 0x7c00u;
    if (a_is_zero && b_is_finite && acc.bits == 0) return acc;
    return fma_f16(a, b, acc);
  }
  template <class Y>
  static f16 store(f16 acc) {
    return acc;
  }
};

/// Exact modulo 2^32: unsigned, because signed overflow is undefined.
struct S32Sums {
  using Acc = uint32_t;
  template <class A, class B>
  static uint32_t term(A a, B b, uint32_t acc) {
    return acc + static_cast<uint32_t>(static_cast<int32_t>(a) * static_cast<int32_t>(b));
  }
  template <class Y>
  static int32_t store(uint32_t acc) {
    return static_cast<int32_t>(acc);
  }
};

/// Bias of one output channel, residual and activation, then the one rounding to the output's
/// dtype.
template <class Sums, class Y>
struct Epilogue {
  bool has_bias, relu;
  typename Sums::Acc bias;
  const Y* residual;  // may be null

  /// `at`: where the result lies.
  Y operator()(typename Sums::Acc acc, int64_t at) const {
    if constexpr (std::is_same_v<Sums, F16Sums>) {
      // Rounding the float32 sum once more is harmless: 24 bits >= 2 * 11 + 2 (Figueroa).
      if (has_bias) acc = to_f16(to_float(acc) + to_float(bias));
      if (residual) acc = to_f16(to_float(acc) + to_float(residual[at]));
      return relu && to_float(acc) <= 0 ? f16{0} : acc;  // -0 becomes 0, as in relu
    } else if constexpr (std::is_same_v<Sums, S32Sums>) {
      acc += bias;
      if (residual) acc += static_cast<uint32_t>(residual[at]);
      const int32_t sum = static_cast<int32_t>(acc);
      return relu && sum < 0 ? 0 : sum;
    } else {
      if (has_bias) acc += bias;
      if (residual) acc += widen(residual[at]);
      return narrow<Y>(relu && acc <= 0 ? 0.0f : acc);
    }
  }
};

template <class Sums, class Y>
Epilogue<Sums, Y> make_epilogue(const ConvCall& call, int64_t channel) {
  Epilogue<Sums, Y> e{call.bias != nullptr,
                      call.activation == Activation::kRelu,
                      {},
                      static_cast<const Y*>(call.residual)};
  if (!call.bias) return e;
  if constexpr (std::is_same_v<Sums, F16Sums>) {
    e.bias = static_cast<const f16*>(call.bias)[channel];
  } else if constexpr (std::is_same_v<Sums, S32Sums>) {
    e.bias = static_cast<uint32_t>(static_cast<const int32_t*>(call.bias)[channel]);
  } else {
    e.bias = widened(call.bias, call.bias_type, channel);
  }
  return e;
}

}  // namespace halftone
