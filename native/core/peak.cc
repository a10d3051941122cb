#include "core/peak.h"

namespace halftone {

Status measure_peak(const Backend& backend, int device, PeakKind kind, double seconds,
                    double* per_second) {
  halftone_status status{};
  return to_status(
      backend.api->peak(device, static_cast<int32_t>(kind), seconds, per_second, &status), status);
}

}  // namespace halftone
