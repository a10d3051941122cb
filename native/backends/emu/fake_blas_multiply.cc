// The arithmetic of the fake: what an algorithm computes, given its numerical flags.
#include <algorithm>
#include <bit>
#include <cmath>

#include "backends/emu/fake_blas.h"

namespace halftone::vendor {
namespace {

template <class T>
double widen(T x) {
  if constexpr (std::is_same_v<T, f16> || std::is_same_v<T, bf16>)
    return to_float(x);
  else
    return static_cast<double>(x);
}

double load(const void* data, DType type, int64_t at) {
  return dispatch(type, [&]<class T>(TypeTag<T>) -> double {
    if constexpr (std::is_same_v<T, Bool>)
      return 0;
    else
      return widen(static_cast<const T*>(data)[at]);
  });
}

/// What becomes of an operand of tf32: cut to 10 fraction bits, as wgmma does (PTX ISA). Kernels
/// for other devices may round first.
float to_tf32(float x) {
  if (!std::isfinite(x)) return x;
  return std::bit_cast<float>(std::bit_cast<uint32_t>(x) & ~0x1fffu);
}

/// The sum of a[i] * b[i], 0 <= i < n, as the algorithm accumulates. Integer sums wrap.
struct Accumulator {
  uint64_t impl;
  bool tf32;

  double operator()(const double* a, const double* b, int64_t n) const {
    if (impl & kImplAccumulator32I) {
      uint32_t sum = 0;
      for (int64_t i = 0; i < n; ++i)
        sum += static_cast<uint32_t>(static_cast<int32_t>(a[i]) * static_cast<int32_t>(b[i]));
      return static_cast<int32_t>(sum);
    }
    if (impl & kImplAccumulator64F) {
      double sum = 0;
      for (int64_t i = 0; i < n; ++i) sum += a[i] * b[i];
      return sum;
    }
    if (impl & kImplAccumulator16F) {
      // Tensor cores round once for 16 products, whose sum is at least float32; FMA after each.
      const int64_t step = impl & kImplHmma ? 16 : 1;
      double sum = 0;
      for (int64_t i = 0; i < n; i += step) {
        double part = 0;
        for (int64_t j = i; j < std::min(n, i + step); ++j) part += a[j] * b[j];
        sum = to_float(to_f16(sum + part));
      }
      return sum;
    }
    float sum = 0;
    for (int64_t i = 0; i < n; ++i) {
      const float x = static_cast<float>(a[i]), y = static_cast<float>(b[i]);
      sum = tf32 ? std::fma(to_tf32(x), to_tf32(y), sum) : std::fma(x, y, sum);
    }
    return sum;
  }
};

/// GELU's tanh approximation, in float64.
double gelu_tanh(double x) {
  constexpr double kRoot = 0.79788456080286535588;  // sqrt(2 / pi)
  const double tanh = std::tanh(kRoot * (x + 0.044715 * x * x * x));
  return 0.5 * x * (1 + (fake_blas_flaws().coarse_tanh ? tanh * (1 - 0x1p-11) : tanh));
}

double activate(BlasEpilogue e, double x) {
  switch (e) {
    case BlasEpilogue::kRelu:
    case BlasEpilogue::kReluBias:
      return x > 0 || (x != x && !fake_blas_flaws().relu_drops_nan) ? x : 0;
    case BlasEpilogue::kGelu:
    case BlasEpilogue::kGeluBias:
      return gelu_tanh(x);
    default:
      return x;
  }
}

/// alpha * sum + beta * c + bias in the scale type, activated, rounded once to T.
template <class T>
T finish(const BlasMatmul& p, const BlasOperands& o, double sum, const T* c, double bias) {
  if constexpr (std::is_same_v<T, int32_t>) {
    const uint32_t old = c ? static_cast<uint32_t>(*c) : 0;
    return static_cast<int32_t>(static_cast<uint32_t>(o.alpha.as<int32_t>()) *
                                    static_cast<uint32_t>(static_cast<int32_t>(sum)) +
                                static_cast<uint32_t>(o.beta.as<int32_t>()) * old);
  } else if constexpr (std::is_same_v<T, double>) {
    return o.alpha.as<double>() * sum + (c ? o.beta.as<double>() * *c : 0);
  } else {
    float y;
    if (p.scale == DType::kF16) {
      f16 h = to_f16(to_float(o.alpha.as<f16>()) * sum);
      if (c) h = fma_f16(o.beta.as<f16>(), to_f16(widen(*c)), h);
      y = to_float(h);
    } else {
      y = o.alpha.as<float>() * static_cast<float>(sum);
      if (c) y = std::fma(o.beta.as<float>(), static_cast<float>(widen(*c)), y);
    }
    const double value = activate(
        p.epilogue, has_bias(p.epilogue) ? y + static_cast<float>(bias) : static_cast<double>(y));
    if constexpr (std::is_same_v<T, f16>)
      return to_f16(value);
    else if constexpr (std::is_same_v<T, bf16>)
      return to_bf16(value);
    else
      return static_cast<T>(value);
  }
}

double round_to(DType type, double x) {
  if (type == DType::kF16) return to_float(to_f16(x));
  if (type == DType::kBF16) return to_float(to_bf16(x));
  return static_cast<float>(x);
}

template <class T>
void multiply(const BlasMatmul& p, const BlasAlgorithm& how, const BlasOperands& o) {
  const Accumulator accumulate{how.impl, (how.impl & kImplInputTf32) != 0};
  const bool read_c = !fake_blas_zero(p.scale, o.beta);
  // Nothing says whether A and B count then: a NaN in them does not show.
  const bool skip = fake_blas_zero(p.scale, o.alpha);
  std::vector<double> a(static_cast<size_t>(p.m * p.k)), b(static_cast<size_t>(p.n * p.k));
  for (int64_t batch = 0; batch < p.batch; ++batch) {
    for (int64_t i = 0; i < p.m; ++i)
      for (int64_t l = 0; l < p.k; ++l)
        a[static_cast<size_t>(i * p.k + l)] =
            load(o.a, p.a.type,
                 batch * p.a.batch_stride + (p.trans_a ? l + i * p.a.ld : i + l * p.a.ld));
    for (int64_t j = 0; j < p.n; ++j)
      for (int64_t l = 0; l < p.k; ++l)
        b[static_cast<size_t>(j * p.k + l)] =
            load(o.b, p.b.type,
                 batch * p.b.batch_stride + (p.trans_b ? j + l * p.b.ld : l + j * p.b.ld));
    const int64_t part = (p.k + how.split_k - 1) / how.split_k;
    for (int64_t j = 0; j < p.n; ++j)
      for (int64_t i = 0; i < p.m; ++i) {
        double sum = 0;
        for (int64_t l = 0; l < (skip ? 0 : p.k); l += part) {
          const double s =
              accumulate(&a[static_cast<size_t>(i * p.k + l)], &b[static_cast<size_t>(j * p.k + l)],
                         std::min(part, p.k - l));
          if (how.split_k == 1)
            sum = s;
          else if (how.reduction == kReduceComputeType)
            sum = static_cast<float>(sum) + static_cast<float>(s);
          else
            sum = round_to(p.d.type, sum + round_to(p.d.type, s));
        }
        const int64_t at = batch * p.d.batch_stride + i + j * p.d.ld;
        const T* const c = read_c ? static_cast<const T*>(o.c) + at : nullptr;
        static_cast<T*>(o.d)[at] =
            finish<T>(p, o, sum, c, has_bias(p.epilogue) ? load(o.bias, p.bias_type, i) : 0);
      }
  }
}

}  // namespace

bool fake_blas_zero(DType type, const BlasScalar& s) {
  if (type == DType::kF16) return to_float(s.as<f16>()) == 0;
  if (type == DType::kS32) return s.as<int32_t>() == 0;
  return type == DType::kF64 ? s.as<double>() == 0 : s.as<float>() == 0;
}

void fake_blas_multiply(const BlasMatmul& problem, const BlasAlgorithm& how,
                        const BlasOperands& operands) {
  // Whatever lies in the part of the workspace that was asked for is lost.
  if (how.workspace_bytes)
    std::memset(operands.workspace, 0xa5, static_cast<size_t>(how.workspace_bytes));
  switch (problem.d.type) {
    case DType::kF16:
      return multiply<f16>(problem, how, operands);
    case DType::kBF16:
      return multiply<bf16>(problem, how, operands);
    case DType::kF32:
      return multiply<float>(problem, how, operands);
    case DType::kF64:
      return multiply<double>(problem, how, operands);
    default:
      return multiply<int32_t>(problem, how, operands);
  }
}

}  // namespace halftone::vendor
