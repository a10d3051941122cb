// What tests see of the fake cuDNN: the engines it offers, and what reached it.
#pragma once
#include <string>
#include <vector>

#include "vendor/dnn.h"

namespace halftone::vendor::fake {

/// Ids of the engines. Each has a flaw that the real library's engines have too; kHonest has none.
enum DnnEngineId : int64_t {
  kHonest = 0,      // sums one term after the other in the compute type; takes everything
  kTensorCores,     // sums of 16 products at a time; cuts float32 inputs to tf32
  kSecretlyWide,    // compute float16: sums in float32 all the same
  kHalfReduction,   // compute float32: adds partial sums in float16
  kVarying,         // adds in another order each time
  kNeverFinal,      // is proposed, but cannot be finalized
  kWinogradish,     // transforms its inputs
  kReluDropsNan,    // the activation turns NaN into 0
  kFma,             // float32 of float32, exact products
  kDownConverting,  // rounds float32 inputs to bfloat16
  kWideOutput,      // float16 in, float32 out; compiled when finalized
  kSlow,            // proposed first, but only when it is asked for by dnn_offer_only
  kEngineCount
};

/// One call of dnn_execute.
struct DnnCall {
  ConvSpec spec;
  int64_t engine = -1;
};

/// The calls since the last reset, from all threads.
std::vector<DnnCall> dnn_calls();
/// How many plans were finalized (not loaded) since then.
int64_t dnn_finalized();
void dnn_reset();

/// Makes the library offer only these engines; empty: all.
void dnn_offer_only(std::vector<int64_t> engines);

}  // namespace halftone::vendor::fake
