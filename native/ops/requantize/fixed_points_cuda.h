// The multipliers of requantize's integer variants on a device: for requantize and conv2dInt8.
#pragma once
#include <vector>

#include "device/host_values.h"
#include "ops/requantize/fixed_points_kernel.cuh"

namespace halftone {

/// The multipliers of `scales`, in scratch memory. The host reads the scales only to refuse those
/// that have none; a recorded call cannot be refused, and takes 0 for the multiplier of a scale
/// that has none.
template <class S>
Status fixed_points_on_device(RequantizeVariant variant, DeviceContext& context,
                              const TensorView& scales, const FixedPoint** out) {
  const int64_t count = scales.elements();
  if (!context.capturing()) {
    std::vector<S> values;
    HALFTONE_TRY(device::read_values(context, scales, &values));
    HALFTONE_TRY(check_fixed_points(variant, values.data(), count));
  }
  void* data = nullptr;
  HALFTONE_TRY(context.scratch(static_cast<size_t>(count) * sizeof(FixedPoint), &data));
  *out = static_cast<const FixedPoint*>(data);
  if (count == 0) return {};
  return device::launch("requantize_fixed_points", make_fixed_points<S>,
                        device::blocks_for(count, 256), 256, 0, context.stream(), scales.as<S>(),
                        count, variant == RequantizeVariant::kTosa, static_cast<FixedPoint*>(data));
}

inline Status fixed_points_on_device(RequantizeVariant variant, DeviceContext& context,
                                     const TensorView& scales, const FixedPoint** out) {
  return scales.dtype == DType::kF64 ? fixed_points_on_device<double>(variant, context, scales, out)
                                     : fixed_points_on_device<float>(variant, context, scales, out);
}

}  // namespace halftone
