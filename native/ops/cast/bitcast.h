// bitcast: the same bits under another dtype.
#pragma once
#include "core/narrow.h"
#include "core/schema.h"

namespace halftone {

/// Bits of an element as files hold it: those of a sub-byte type, not its byte in memory.
constexpr int32_t bits_of(DType t) { return is_stored(t) ? narrow_format(t).bits : size_of(t) * 8; }

/// y = the bits of x read as `to`, element by element. Both types have the same number of bits. No
/// bool can be made: its bits must be 0 or 1. ONNX BitCast-26.
struct Bitcast {
  static constexpr const char* kName = "bitcast";
  static constexpr const char* kDoc =
      "The same bits as another dtype with as many bits per element. ONNX BitCast-26.";
  static constexpr bool kStoredTypes = true;
  static constexpr Port kInputs[] = {{.name = "x", .doc = "any shape, any dtype"}};
  static constexpr const char* kOutputs[] = {"y"};
  struct Params {
    DType to = DType::kF32;
    template <class V>
    void fields(V&& v) {
      v("to", to, {.doc = "dtype of the result, of as many bits as x", .required = true});
    }
  };

  static Status infer(const Params& p, const Inputs& in, Outputs& out) {
    if (!is_valid(static_cast<int32_t>(p.to)))
      return param_error("to must be a dtype, got number ", static_cast<int32_t>(p.to));
    const DType from = in[0].dtype;
    if (bits_of(from) != bits_of(p.to))
      return dtype_error("to must have as many bits as x, got ", name(p.to), " (", bits_of(p.to),
                         ") and ", name(from), " (", bits_of(from), ")");
    if (p.to == DType::kBool && from != DType::kBool)
      return dtype_error("to must not be bool, whose bits are 0 or 1, got bool and ", name(from));
    out.push_back({p.to, in[0].shape});
    return {};
  }
};

}  // namespace halftone
