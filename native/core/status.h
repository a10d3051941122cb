// The outcome of a step that may be refused. Crosses module boundaries as a code and a text, never
// as an exception.
#pragma once
#include <charconv>
#include <cstdint>
#include <sstream>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace halftone {

/// Why something was refused. lib/errors.ts has one class per value; the numbers are part of the
/// backend ABI.
enum class Code : int32_t {
  kOk = 0,
  kShape = 1,               // ShapeError
  kDtype = 2,               // DtypeError
  kParam = 3,               // ParamError
  kUnsupported = 4,         // UnsupportedError
  kBackendUnavailable = 5,  // BackendUnavailableError
  kDevice = 6,              // DeviceError
  kDeviceLost = 7,   // DeviceError with code ERR_DEVICE_LOST: nothing on this device works any more
  kOutOfMemory = 8,  // OutOfMemoryError
  kDisposed = 9,     // DisposedError
  kAborted = 10,     // work given up because its stream is closing
  kInternal = 11,    // InternalError: our bug
};

struct [[nodiscard]] Status {
  Code code = Code::kOk;
  std::string message;

  bool ok() const { return code == Code::kOk; }
};

namespace detail {

template <class T>
void append(std::ostringstream& to, const T& value) {
  if constexpr (std::is_floating_point_v<T>) {
    char text[32];  // the longest shortest form of a double has 24 characters
    const bool plain =
        value == 0 || (value > -1e16 && value < 1e16 && !(value > -1e-5 && value < 1e-5));
    const auto format = plain ? std::chars_format::fixed : std::chars_format::scientific;
    const auto end = std::to_chars(text, text + sizeof text, value, format).ptr;
    to << std::string_view(text, static_cast<size_t>(end - text));
  } else {
    to << value;
  }
}

}  // namespace detail

/// Joins its arguments as text: concat("M must equal ", 3). Floating-point numbers have as many
/// digits as tell them apart.
template <class... A>
std::string concat(A&&... a) {
  std::ostringstream s;
  (detail::append(s, a), ...);
  return std::move(s).str();
}

template <class... A>
Status error(Code code, A&&... a) {
  return {code, concat(std::forward<A>(a)...)};
}

/// Short forms for what infer() and kernels say most. The op's name is put in front by the caller
/// ("conv2d: ...").
template <class... A>
Status shape_error(A&&... a) {
  return error(Code::kShape, std::forward<A>(a)...);
}
template <class... A>
Status dtype_error(A&&... a) {
  return error(Code::kDtype, std::forward<A>(a)...);
}
template <class... A>
Status param_error(A&&... a) {
  return error(Code::kParam, std::forward<A>(a)...);
}
template <class... A>
Status unsupported(A&&... a) {
  return error(Code::kUnsupported, std::forward<A>(a)...);
}

#define HALFTONE_TRY(expression)                                    \
  do {                                                              \
    if (auto status_ = (expression); !status_.ok()) return status_; \
  } while (0)

}  // namespace halftone
