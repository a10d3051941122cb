// cast for launchers of other operators whose operands meet in a common dtype.
#pragma once
#include "device/context.h"

namespace halftone {

/// Enqueues y = x as y's dtype, as cast does it. Same shape, no overlap.
Status cast_on_device(const TensorView& x, const TensorView& y, bool saturate,
                      DeviceContext& context);

}  // namespace halftone
