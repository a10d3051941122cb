#include "ops/conv2d/conv_planes.h"

namespace halftone {

bool planes_are_small(const ConvGeometry& g) {
  const PlaneLayout planes(g, g.h.out);
  double elements = 1;  // 64 bits might not hold it
  for (const int64_t size :
       {g.batch, g.in_channels, planes.h.phases, planes.h.size, planes.w.phases, planes.w.size})
    elements *= static_cast<double>(size);
  const double image = static_cast<double>(g.batch) * static_cast<double>(g.x.n);
  return elements <= 4 * image + (1 << 16);
}

TapRange plane_inside(const WindowAxis& axis, int64_t phase, int64_t window, int64_t size) {
  const auto at_least = [&](int64_t position) {  // the first one at `position` or after it
    const int64_t distance = position - axis.start(window) - phase;
    return std::clamp<int64_t>(distance <= 0 ? 0 : (distance - 1) / axis.stride + 1, 0, size);
  };
  return {at_least(0), at_least(axis.in)};
}

}  // namespace halftone
