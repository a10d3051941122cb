// Tensors out of nothing: full, arange and random.
#pragma once
#include <algorithm>
#include <cmath>

#include "core/schema.h"
#include "ops/cast/cast_value.h"

namespace halftone {

/// Least and greatest value of an integer dtype (bool: 0 and 1) as float64; the greatest one of
/// 64 bits is then 2^63 or 2^64, one too many: `beyond` is not reached.
struct NumberRange {
  double min = 0, max = 1, beyond = 2;
  bool holds(double x) const { return x >= min && x <= max && x < beyond; }
};
inline NumberRange integer_range(DType t) {
  if (t == DType::kBool) return {};
  const bool is_signed = info(t).kind == DTypeKind::kSigned;
  const double beyond = std::ldexp(1.0, size_of(t) * 8 - (is_signed ? 1 : 0));
  return {is_signed ? -beyond : 0, beyond - 1, beyond};
}

/// x rounded to a float dtype.
inline double rounded_to(DType t, double x) {
  if (t == DType::kF16) return to_float(to_f16(x));
  if (t == DType::kBF16) return to_float(to_bf16(x));
  return t == DType::kF32 ? static_cast<float>(x) : x;
}

/// Refuses a value that `dtype` does not have. Floats have all of them: they are rounded.
inline Status check_value(const char* argument, double value, DType dtype) {
  if (is_float(dtype)) return {};
  const NumberRange range = integer_range(dtype);
  if (std::trunc(value) == value && range.holds(value)) return {};
  return param_error(argument, " must be a whole number in [", range.min, ", ", range.max, "] for ",
                     name(dtype), ", got ", value);
}

/// y [shape] of `dtype`, every element `value`: rounded once for floats, whole and in range for all
/// other dtypes. ONNX ConstantOfShape-9.
struct Full {
  static constexpr const char* kName = "full";
  static constexpr const char* kDoc = "A tensor with one value everywhere. ONNX ConstantOfShape-9.";
  static constexpr std::span<const Port> kInputs = {};
  static constexpr const char* kOutputs[] = {"y"};
  struct Params {
    IntList shape;
    double value = 0;
    DType dtype = DType::kF32;
    template <class V>
    void fields(V&& v) {
      v("shape", shape, {.doc = "sizes of the axes", .min = 0, .required = true});
      v("value", value, {.doc = "of each element", .required = true});
      v("dtype", dtype, {.doc = "dtype of the result"});
    }
  };
  static Status infer(const Params& p, const Inputs&, Outputs& out) {
    HALFTONE_TRY(check_value("value", p.value, p.dtype));
    HALFTONE_TRY(check_size(p.shape.shape(), p.dtype));
    out.push_back({p.dtype, p.shape.shape()});
    return {};
  }
};

/// y [n], n = ceil((stop - start) / step) or 0: start + i * step in float64, rounded once to
/// `dtype`. For integers, start and step must be whole and every value in range. ONNX Range-11,
/// numpy.arange.
struct Arange {
  static constexpr const char* kName = "arange";
  static constexpr const char* kDoc =
      "start, start + step, ... up to but without stop, computed in float64. ONNX Range-11.";
  static constexpr std::span<const Port> kInputs = {};
  static constexpr const char* kOutputs[] = {"y"};
  struct Params {
    double start = 0;
    double stop = 0;
    double step = 1;
    DType dtype = DType::kF32;
    template <class V>
    void fields(V&& v) {
      v("start", start, {.doc = "first value"});
      v("stop", stop, {.doc = "end, not included", .required = true});
      v("step", step, {.doc = "difference of two neighbours, not 0"});
      v("dtype", dtype, {.doc = "dtype of the result"});
    }
  };
  static Status infer(const Params& p, const Inputs&, Outputs& out) {
    if (p.dtype == DType::kBool)
      return dtype_error("dtype must be a float or an integer, got bool");
    if (!std::isfinite(p.start) || !std::isfinite(p.stop) || !std::isfinite(p.step))
      return param_error("start, stop and step must be finite, got ", p.start, ", ", p.stop,
                         " and ", p.step);
    if (p.step == 0) return param_error("step must not be 0, got 0");
    const double count = std::max(std::ceil((p.stop - p.start) / p.step), 0.0);
    if (!(count <= 0x1p53))
      return param_error("the number of elements must be at most 2^53, got ", count, " from start ",
                         p.start, ", stop ", p.stop, " and step ", p.step);
    if (count > 0) {
      HALFTONE_TRY(check_value("start", p.start, p.dtype));
      if (count > 1 && is_integer(p.dtype) && std::trunc(p.step) != p.step)
        return param_error("step must be a whole number for ", name(p.dtype), ", got ", p.step);
      HALFTONE_TRY(check_value("the last value", p.start + (count - 1) * p.step, p.dtype));
    }
    const Shape shape{static_cast<int64_t>(count)};
    HALFTONE_TRY(check_size(shape, p.dtype));
    out.push_back({p.dtype, shape});
    return {};
  }
};

enum class Distribution : int32_t { kUniform = 0, kNormal = 1 };
template <>
struct EnumNames<Distribution> {
  static constexpr const char* kName = "Distribution";
  static constexpr const char* kDoc = "What random numbers are drawn from.";
  static constexpr const char* kValues[] = {"uniform", "normal"};
};

/// y [shape] of random numbers, a function of seed, position and options alone: the same bits on
/// every machine, with any number of threads. Philox-4x32-10 with the seed as key and the position
/// as counter (Salmon, Moraes, Dror, Shaw: Parallel random numbers: as easy as 1, 2, 3; SC 2011).
/// - uniform floats: low + u * (high - low) with u of 32 bits (float64: 53), low and high rounded
/// to `dtype` first, then
///   rounded to `dtype`; what reaches high is the greatest number below it. So low <= y < high.
/// - uniform integers: whole numbers low <= y < high, each with a probability off by at most 2^-64
/// (absolute).
/// - normal: mean + std * n, Box-Muller in float64 from two numbers of 53 bits, rounded once;
/// floats only. |n| < 8.6.
///   Its logarithm, sine and cosine are of this project (2e-15 relative), not of the C library,
///   whose results vary.
struct Random {
  static constexpr const char* kName = "random";
  static constexpr const char* kDoc =
      "Random numbers that depend on seed and position alone (Philox-4x32-10).";
  static constexpr std::span<const Port> kInputs = {};
  static constexpr const char* kOutputs[] = {"y"};
  struct Params {
    IntList shape;
    DType dtype = DType::kF32;
    int64_t seed = 0;
    Distribution distribution = Distribution::kUniform;
    double low = 0;
    double high = 1;
    double mean = 0;
    double std = 1;
    template <class V>
    void fields(V&& v) {
      v("shape", shape, {.doc = "sizes of the axes", .min = 0, .required = true});
      v("dtype", dtype, {.doc = "dtype of the result; normal: floats only"});
      v("seed", seed, {.doc = "the same seed gives the same numbers", .required = true});
      v("distribution", distribution, {.doc = "shape of the density"});
      v("low", low, {.doc = "uniform: least value"});
      v("high", high, {.doc = "uniform: end, not included"});
      v("mean", mean, {.doc = "normal: centre"});
      v("std", std, {.doc = "normal: standard deviation, >= 0", .min = 0});
    }
  };
  static Status infer(const Params& p, const Inputs&, Outputs& out) {
    if (p.dtype == DType::kBool)
      return dtype_error("dtype must be a float or an integer, got bool");
    if (p.dtype == DType::kU64)  // drawn as int64
      return unsupported("dtype uint64 is not offered; nearest: int64");
    HALFTONE_TRY(p.distribution == Distribution::kNormal ? check_normal(p) : check_uniform(p));
    HALFTONE_TRY(check_size(p.shape.shape(), p.dtype));
    out.push_back({p.dtype, p.shape.shape()});
    return {};
  }

 private:
  static Status check_normal(const Params& p) {
    if (!is_float(p.dtype))
      return dtype_error("dtype must be a float for the normal distribution, got ", name(p.dtype));
    if (p.low != 0 || p.high != 1)
      return param_error("low and high must be left out with the normal distribution, got ", p.low,
                         " and ", p.high);
    if (!std::isfinite(p.mean) || !std::isfinite(p.std) || p.std < 0)
      return param_error("mean and std must be finite and std >= 0, got mean ", p.mean, " and std ",
                         p.std);
    return {};
  }
  static Status check_uniform(const Params& p) {
    if (p.mean != 0 || p.std != 1)
      return param_error("mean and std must be left out with the uniform distribution, got ",
                         p.mean, " and ", p.std);
    if (!(p.low < p.high) || !std::isfinite(p.high - p.low))
      return param_error("low must be less than high and both finite, got ", p.low, " and ",
                         p.high);
    if (is_float(p.dtype)) {
      const double low = rounded_to(p.dtype, p.low), high = rounded_to(p.dtype, p.high);
      if (low < high && std::isfinite(high - low)) return {};
      return param_error("low and high must be finite and different as ", name(p.dtype), ", got ",
                         p.low, " and ", p.high);
    }
    HALFTONE_TRY(check_value("low", p.low, p.dtype));
    if (std::trunc(p.high) != p.high || p.high > integer_range(p.dtype).max + 1)
      return param_error("high must be a whole number of at most ", integer_range(p.dtype).max + 1,
                         " for ", name(p.dtype), ", got ", p.high);
    if (p.high - p.low < 2 || p.high - p.low > 0x1p53)
      return param_error("high - low must lie in [2, 2^53] for ", name(p.dtype), ", got low ",
                         p.low, " and high ", p.high);
    return {};
  }
};

}  // namespace halftone
