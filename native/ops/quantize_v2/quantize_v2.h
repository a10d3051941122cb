// TensorFlow's quantized types: real numbers between minRange and maxRange, spread over the codes.
// Arithmetic as in tensorflow/core/kernels/{quantize,dequantize}_op.cc, in float32, bit for bit.
#pragma once
#include <limits>

#include "ops/quantize/codes.h"

namespace halftone {

enum class RangeMode : int32_t { kMinCombined = 0, kMinFirst = 1, kScaled = 2 };
template <>
struct EnumNames<RangeMode> {
  static constexpr const char* kName = "RangeMode";
  static constexpr const char* kDoc = "How TensorFlow's quantized types map a range to codes.";
  static constexpr const char* kValues[] = {"MIN_COMBINED", "MIN_FIRST", "SCALED"};
};

enum class RangeRounding : int32_t { kHalfAwayFromZero = 0, kHalfToEven = 1 };
template <>
struct EnumNames<RangeRounding> {
  static constexpr const char* kName = "RangeRounding";
  static constexpr const char* kDoc = "How TensorFlow's QuantizeV2 rounds in SCALED mode.";
  static constexpr const char* kValues[] = {"HALF_AWAY_FROM_ZERO", "HALF_TO_EVEN"};
};

namespace detail {

/// minRange and maxRange at `first` and after it: float32, one number each or one per channel.
inline Status check_ranges(const Inputs& in, int first, const Port* ports, MaybeInt axis) {
  for (int i = first; i < first + 2; ++i) {
    const TensorDesc& range = in[i];
    if (range.dtype != DType::kF32)
      return dtype_error(ports[i].name, " must be float32, got ", name(range.dtype));
    HALFTONE_TRY(check_channels(ports[i].name, range.shape, in[0].shape, axis));
  }
  return {};
}

}  // namespace detail

struct QuantizeV2 {
  static constexpr const char* kName = "quantizeV2";
  static constexpr const char* kDoc = "TensorFlow's QuantizeV2: codes of the numbers in a range.";
  static constexpr Port kInputs[] = {
      {.name = "x", .doc = "float32"},
      {.name = "minRange", .doc = "float32: [] or [1], or [x.shape[axis]]"},
      {.name = "maxRange", .doc = "like minRange, not below it"},
  };
  static constexpr const char* kOutputs[] = {"output", "outputMin", "outputMax"};

  struct Params {
    DType dtype = DType::kS8;
    RangeMode mode = RangeMode::kMinCombined;
    RangeRounding roundMode = RangeRounding::kHalfAwayFromZero;
    bool narrowRange = false;
    MaybeInt axis;
    double ensureMinimumRange = 0.01;
    bool onednn = false;
    template <class V>
    void fields(V&& v) {
      v("dtype", dtype, {.doc = "of the codes: int8, uint8, int16, uint16 or int32"});
      v("mode", mode, {.doc = "how the range is laid over the codes"});
      v("roundMode", roundMode, {.doc = "HALF_TO_EVEN is for SCALED only"});
      v("narrowRange", narrowRange, {.doc = "leave out the least code; for SCALED only"});
      v("axis", axis, {.doc = "along which ranges differ; null: one range for all"});
      v("ensureMinimumRange", ensureMinimumRange,
        {.doc = "least width of the range, relative to its larger end and at least to 1",
         .min = 0});
      v("onednn", onednn,
        {.doc = "as TensorFlow's x86 builds with oneDNN compute SCALED with HALF_TO_EVEN (8 bits) "
                "and MIN_FIRST (uint8)"});
    }
  };

  static Status infer(const Params& p, const Inputs& in, Outputs& out) {
    if (in[0].dtype != DType::kF32)
      return dtype_error("x must be float32, got ", name(in[0].dtype));
    if (!is_code(p.dtype))
      return dtype_error("dtype must be int8, uint8, int16, uint16 or int32, got ", name(p.dtype));
    const bool scaled = p.mode == RangeMode::kScaled;
    const bool even = p.roundMode == RangeRounding::kHalfToEven;
    const char* mode = EnumNames<RangeMode>::kValues[static_cast<int>(p.mode)];
    if (even && !scaled)
      return param_error("roundMode must be HALF_AWAY_FROM_ZERO unless mode is SCALED, got ", mode);
    if (p.narrowRange && !scaled)
      return param_error("narrowRange must be false unless mode is SCALED, got ", mode);
    const bool eight = size_of(p.dtype) == 1;
    const bool has_onednn = (scaled && even && eight && !p.narrowRange) ||
                            (p.mode == RangeMode::kMinFirst && p.dtype == DType::kU8);
    if (p.onednn && (!has_onednn || p.axis.present))
      return unsupported(
          "onednn is for SCALED with HALF_TO_EVEN, 8 bits and the full range, and for MIN_FIRST "
          "with uint8, without axis, got ",
          mode, " and ", name(p.dtype), "; without it TensorFlow's own kernel is reproduced");
    HALFTONE_TRY(detail::check_ranges(in, 1, kInputs, p.axis));
    out.push_back({p.dtype, in[0].shape});
    out.push_back(in[1]);
    out.push_back(in[2]);
    return {};
  }
};

struct DequantizeV2 {
  static constexpr const char* kName = "dequantizeV2";
  static constexpr const char* kDoc = "TensorFlow's Dequantize: numbers of the codes in a range.";
  static constexpr Port kInputs[] = {
      {.name = "q", .doc = "int8, uint8, int16, uint16 or int32"},
      {.name = "minRange", .doc = "float32: [] or [1], or [q.shape[axis]]"},
      {.name = "maxRange", .doc = "like minRange"},
  };
  static constexpr const char* kOutputs[] = {"y"};

  struct Params {
    DType dtype = DType::kF32;
    RangeMode mode = RangeMode::kMinCombined;
    bool narrowRange = false;
    MaybeInt axis;
    template <class V>
    void fields(V&& v) {
      v("dtype", dtype, {.doc = "float32, or bfloat16 with MIN_COMBINED"});
      v("mode", mode, {.doc = "how the range is laid over the codes"});
      v("narrowRange", narrowRange, {.doc = "the least code was left out; for SCALED only"});
      v("axis", axis, {.doc = "along which ranges differ; null: one range for all"});
    }
  };

  static Status infer(const Params& p, const Inputs& in, Outputs& out) {
    if (!is_code(in[0].dtype))
      return dtype_error("q must be int8, uint8, int16, uint16 or int32, got ", name(in[0].dtype));
    if (p.dtype != DType::kF32 && p.dtype != DType::kBF16)
      return dtype_error("dtype must be float32 or bfloat16, got ", name(p.dtype));
    const char* mode = EnumNames<RangeMode>::kValues[static_cast<int>(p.mode)];
    if (p.dtype == DType::kBF16 && p.mode != RangeMode::kMinCombined)
      return unsupported("bfloat16 is for MIN_COMBINED, got ", mode,
                         "; dequantize to float32 and cast");
    if (p.mode == RangeMode::kMinFirst && p.axis.present)
      return unsupported("MIN_FIRST takes one range for all, got axis ", p.axis.value,
                         "; use SCALED or MIN_COMBINED");
    HALFTONE_TRY(detail::check_ranges(in, 1, kInputs, p.axis));
    out.push_back({p.dtype, in[0].shape});
    return {};
  }
};

struct QuantizedRelu {
  static constexpr const char* kName = "quantizedRelu";
  static constexpr const char* kDoc =
      "TensorFlow's QuantizedRelu and QuantizedReluX: codes clamped to those of 0 and maxValue.";
  static constexpr Port kInputs[] = {
      {.name = "x", .doc = "uint8 or int32"},
      {.name = "minRange", .doc = "float32: [] or [1]"},
      {.name = "maxRange", .doc = "float32: [] or [1]"},
  };
  static constexpr const char* kOutputs[] = {"output", "outputMin", "outputMax"};

  struct Params {
    double maxValue = std::numeric_limits<double>::infinity();
    template <class V>
    void fields(V&& v) {
      v("maxValue", maxValue, {.doc = "upper end, 6 for QuantizedRelu6; Infinity: none", .min = 0});
    }
  };

  static Status infer(const Params&, const Inputs& in, Outputs& out) {
    if (in[0].dtype != DType::kU8 && in[0].dtype != DType::kS32)
      return dtype_error("x must be uint8 or int32, got ", name(in[0].dtype));
    HALFTONE_TRY(detail::check_ranges(in, 1, kInputs, {}));
    out.push_back(in[0]);
    out.push_back(in[1]);
    out.push_back(in[2]);
    return {};
  }
};

struct RequantizeV2 {
  static constexpr const char* kName = "requantizeV2";
  static constexpr const char* kDoc =
      "TensorFlow's Requantize: int32 codes of one range as uint8 codes of another, in 16-bit "
      "fixed point.";
  static constexpr Port kInputs[] = {
      {.name = "x", .doc = "int32"},
      {.name = "minRange", .doc = "float32: [] or [1]; the range of x"},
      {.name = "maxRange", .doc = "float32: [] or [1]"},
      {.name = "requestedMin", .doc = "float32: [] or [1]; the range of the result"},
      {.name = "requestedMax", .doc = "float32: [] or [1]"},
  };
  static constexpr const char* kOutputs[] = {"output", "outputMin", "outputMax"};
  using Params = NoParams;

  static Status infer(const Params&, const Inputs& in, Outputs& out) {
    if (in[0].dtype != DType::kS32) return dtype_error("x must be int32, got ", name(in[0].dtype));
    HALFTONE_TRY(detail::check_ranges(in, 1, kInputs, {}));
    HALFTONE_TRY(detail::check_ranges(in, 3, kInputs, {}));
    out.push_back({DType::kU8, in[0].shape});
    out.push_back(in[3]);
    out.push_back(in[4]);
    return {};
  }
};

}  // namespace halftone
