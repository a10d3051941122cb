// Products of the vendor's BLAS on a stream: which algorithm runs, and what it was.
#pragma once
#include "device/context.h"
#include "vendor/blas.h"

namespace halftone {

/// The most workspace that an algorithm may ask for: what cuBLAS recommends, 32 MiB on Hopper and
/// Blackwell, 4 MiB on others, within the caller's limit.
uint64_t blas_workspace_limit(const DeviceContext& context);

/// The algorithm for `problem`, looked up for this stream or found now; *found = false when the
/// library has none whose arithmetic is within problem.impl_mask. The first of the library's
/// guesses, or with the setting `autotune` the fastest of them, timed on `operands`.
Status find_blas(DeviceContext& context, const vendor::BlasMatmul& problem,
                 const vendor::BlasOperands& operands, bool* found,
                 vendor::BlasAlgorithm* algorithm);

/// Runs it, with a workspace from the stream's memory unless `operands` brings one.
Status run_blas(DeviceContext& context, const vendor::BlasMatmul& problem,
                const vendor::BlasAlgorithm& algorithm, vendor::BlasOperands operands);

}  // namespace halftone
