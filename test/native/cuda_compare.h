// The emulated device against the CPU backend: the same outputs bit for bit. A NaN equals a NaN,
// because a device's conversions keep no payload.
#pragma once
#include "check.h"
#include "run_cuda.h"

namespace halftone::test {

/// Index of the first element of `a` that differs from `b`; -1: none. Shapes and dtypes are equal.
inline int64_t first_difference(HostTensor& a, HostTensor& b) {
  return dispatch(a.dtype, [&](auto tag) -> int64_t {
    using T = typename decltype(tag)::type;
    for (int64_t i = 0; i < a.shape.elements(); ++i) {
      const T x = a.as<T>()[i], y = b.as<T>()[i];
      if (std::memcmp(&x, &y, sizeof x) == 0) continue;
      if constexpr (std::is_floating_point_v<T>) {
        if (x != x && y != y) continue;
      } else if constexpr (std::is_same_v<T, f16> || std::is_same_v<T, bf16>) {
        const float fx = to_float(x), fy = to_float(y);
        if (fx != fx && fy != fy) continue;
      }
      return i;
    }
    return -1;
  });
}

/// The number at `i`, for messages.
inline double number_at(HostTensor& t, int64_t i) {
  return dispatch(t.dtype, [&](auto tag) -> double {
    using T = typename decltype(tag)::type;
    const T x = t.as<T>()[i];
    if constexpr (std::is_same_v<T, f16> || std::is_same_v<T, bf16>)
      return static_cast<double>(to_float(x));
    else if constexpr (std::is_same_v<T, Bool>)
      return x.value;
    else
      return static_cast<double>(x);
  });
}

/// Runs Op on both and compares all outputs; returns what the device gave. `label` names the case
/// in failures.
template <class Op>
RunResult same_as_cpu(const std::string& label, const typename Op::Params& params,
                      const std::vector<HostTensor*>& inputs) {
  RunResult cpu = run_op<Op>(params, inputs), cuda = run_cuda<Op>(params, inputs);
  const auto complain = [&](const std::string& what) {
    check::fail(Op::kName, 0, concat(label, ": ", what));
  };
  if (!cpu.status.ok()) complain(concat("CPU: ", cpu.status.message));
  if (!cuda.status.ok()) complain(concat("device: ", cuda.status.message));
  if (!cpu.status.ok() || !cuda.status.ok()) return cuda;
  for (size_t k = 0; k < cpu.outputs.size(); ++k) {
    HostTensor &a = cpu.outputs[k], &b = cuda.outputs[k];
    if (const int64_t i = first_difference(a, b); i >= 0)
      complain(concat("output ", k, " differs at ", i, ": CPU ", number_at(a, i), ", device ",
                      number_at(b, i)));
  }
  return cuda;
}

}  // namespace halftone::test
