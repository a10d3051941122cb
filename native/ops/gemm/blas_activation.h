// Whether the activations in the library's epilogues are those that products are defined with. What
// they do with a NaN, and how exactly GELU's tanh is computed, cuBLASLt does not say; so each kind
// is tried once.
#pragma once
#include <map>
#include <vector>

#include "device/context.h"
#include "vendor/blas.h"

namespace halftone {

/// The verdicts of one stream.
class BlasActivations {
 public:
  /// *holds: whether a small product like `problem` (arithmetic, types, transposes and epilogue)
  /// keeps a NaN, and has the activation of other sums within what its types allow. Waits for the
  /// stream the first time of each kind; what is recorded has run before.
  Status holds(DeviceContext& context, vendor::Blas* blas, const vendor::BlasMatmul& problem,
               bool* holds);

 private:
  std::map<std::vector<int64_t>, bool> verdicts_;
};

/// Whether the epilogue has an activation.
bool has_activation(vendor::BlasEpilogue epilogue);

}  // namespace halftone
