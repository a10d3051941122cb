// What a device can do at most, measured: the yardstick for benchmarks.
#pragma once
#include "core/peak.h"
#include "core/status.h"

namespace halftone::cuda {

/// Copies are between two buffers of 16 times the second-level cache; instructions run on all
/// multiprocessors, and their results are checked. The best of five runs of about `seconds` (> 0)
/// each, timed with events on a stream of its own. kUnsupported for a kind that is none.
Status peak(int device, PeakKind kind, double seconds, double* per_second);

}  // namespace halftone::cuda
