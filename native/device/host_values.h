// Numbers of a small tensor, read by the host while an operator is enqueued.
#pragma once
#include <vector>

#include "device/context.h"

namespace halftone::device {

/// Copies a tensor to the host and waits for the stream. Only for numbers that decide whether the
/// call is refused, which has to be known before the result is handed on. Not while the call is
/// recorded (DeviceContext::capturing).
template <class T>
Status read_values(const DeviceContext& context, const TensorView& view, std::vector<T>* out) {
  out->resize(static_cast<size_t>(view.elements()));
  if (out->empty()) return {};
  HALFTONE_TRY(vendor::copy_async(out->data(), view.data, out->size() * sizeof(T),
                                  vendor::Copy::kDeviceToHost, context.stream()));
  return vendor::stream_synchronize(context.stream());
}

}  // namespace halftone::device
