// What this machine can do at most, measured: the yardstick for benchmarks.
#pragma once
#include <cstdint>

#include "core/backend.h"

namespace halftone {

/// What of a device is measured. The numbers are part of the backend ABI.
enum class PeakKind : int32_t {
  kCopy = 0,    // bytes read and written per second by copies in the device's memory
  kFmaF32 = 1,  // operations per second of float32 multiply-adds; one is two
  kFmaF16 = 2,  // the same of float16, without tensor cores
  kDot4S8 = 3,  // the same of dp4a, which is eight
};

/// Floating-point operations per second (an FMA counts as two) of independent float32 FMAs in
/// registers, in the widest instructions of cpu_isa(), on `threads` >= 1 threads. Best of several
/// runs; takes about 0.1 s.
double peak_fma(int threads);

/// Bytes copied per second by memcpy between buffers of `bytes` (> 0) each, on the calling thread;
/// reading and writing move twice as many. Best of several runs. 0 when the memory cannot be had.
double peak_copy(int64_t bytes);

/// Measures a peak of a device, from a few runs of about `seconds` (> 0) each; blocks for as long.
/// kUnsupported where that kind is not measured. The CPU takes its own time: about 0.1 s.
Status measure_peak(const Backend& backend, int device, PeakKind kind, double seconds,
                    double* per_second);

}  // namespace halftone
