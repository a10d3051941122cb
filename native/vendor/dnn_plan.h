// Which of the plans that the library proposes may be used: the arithmetic decides, then memory,
// then the library's own order. Used as it is for execution and for planning without a device.
#pragma once
#include <functional>
#include <string>
#include <vector>

#include "core/field.h"
#include "vendor/dnn.h"

namespace halftone::vendor {

/// What a plan must be like.
struct PlanPolicy {
  uint32_t forbidden = 0;       // NumericalNotes that no engine may have
  uint32_t required = 0;        // NumericalNotes that it must have
  int64_t workspace_limit = 0;  // bytes
};

/// The policy of a compute type for operands stored as `storage`:
/// - never Winograd or FFT: they sum other products than the definition's;
/// - float32 and tf32: no inputs converted down, no sums of reduced precision;
/// - float32 of float32 storage: no tensor cores, which would round the inputs to tf32. (Products
/// of
///   16-bit inputs are exact in tensor cores.)
/// - tf32: tensor cores, because without them it would be float32;
/// - float16: sums in float16 cannot be told from the notes: see dnn_canary.h.
PlanPolicy policy_for(Compute compute, DType storage, int64_t workspace_limit);

bool allowed(const PlanPolicy& policy, const DnnEngine& engine);

/// A plan that may be used.
struct ChosenPlan {
  std::shared_ptr<DnnPlan> plan;
  DnnEngine engine;
  int64_t workspace = 0;
};

/// Decides about engines that the notes leave open; an error ends the search.
using EngineCheck = std::function<Status(const DnnEngine&, bool* fit)>;

/// The first `most` plans that the policy and `check` (may be empty) allow, in the library's order:
/// CUDNN_HEUR_MODE_A, then FALLBACK. Engines that add in varying order (kNondeterministic) are
/// taken only when there is nothing else. None, without an error, when there is nothing at all.
Status choose_plans(DnnTarget& target, const ConvSpec& spec, const PlanPolicy& policy,
                    const EngineCheck& check, size_t most, std::vector<ChosenPlan>* out);

/// Everything that a choice depends on, as one line of text. `device` names the device and, for
/// plans that are kept beyond this process, its driver.
std::string plan_key(const ConvSpec& spec, Compute compute, const std::string& device);

}  // namespace halftone::vendor
