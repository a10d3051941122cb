// Experiments that tell what an engine really computes. The library does not say whether sums asked
// for in float16 are made in float16, nor whether an activation lets a NaN through; so each engine
// is tried once on a convolution whose result gives it away.
#pragma once
#include <functional>
#include <string>

#include "vendor/dnn_plan.h"

namespace halftone::vendor {

/// Where experiments are made: a stream, and memory that lasts until the caller is done. Nothing
/// may be captured on the stream: the results are waited for.
struct CanaryBench {
  Stream stream = nullptr;
  std::function<Status(size_t bytes, void** data)> scratch;
};

/// Whether `engine`, in graphs of the kind of `spec` (direction, dtypes, layout, bias, activation),
/// keeps what `spec` promises:
/// - float16 sums: 2048 products of +4096 followed by 2048 of -4096 give 0 in float32. Any float16
///   accumulator that takes at least 16 products between two roundings passes 65504 on the way, and
///   what it gives is no number any more.
/// - an activation: a NaN among the inputs arrives at the output.
/// An engine that cannot do the experiment's convolution does not fit: nobody knows.
/// Verdicts are kept for the process, by device, library version, kind of graph and engine.
Status engine_keeps_promises(DnnTarget& target, const CanaryBench& bench, const ConvSpec& spec,
                             const DnnEngine& engine, const std::string& device, bool* fit);

/// Forgets all verdicts; how many experiments were made since the last time. For tests.
int64_t forget_verdicts();

}  // namespace halftone::vendor
