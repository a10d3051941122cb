// Numbers of a small tensor, read by the host while an operator is enqueued.
#pragma once
#include <vector>

#include "device/context.h"

namespace halftone::device {

/// Copies a tensor to the host and waits for the stream. Only for numbers that decide whether the
/// call is refused, which has to be known before the result is handed on: a stream that is being
/// captured cannot be waited for.
template <class T>
Status read_values(const DeviceContext& context, const TensorView& view, std::vector<T>* out) {
  out->resize(static_cast<size_t>(view.elements()));
  if (out->empty()) return {};
  HALFTONE_TRY(vendor::copy_async(out->data(), view.data, out->size() * sizeof(T),
                                  vendor::Copy::kDeviceToHost, context.stream()));
  return vendor::stream_synchronize(context.stream());
}

/// Copies numbers from the host and waits until they are taken over. For after read_values(), when
/// the stream has nothing else to do.
template <class T>
Status write_values(const DeviceContext& context, const std::vector<T>& values, void* to) {
  if (values.empty()) return {};
  HALFTONE_TRY(vendor::copy_async(to, values.data(), values.size() * sizeof(T),
                                  vendor::Copy::kHostToDevice, context.stream()));
  return vendor::stream_synchronize(context.stream());
}

}  // namespace halftone::device
