#include "vendor/dnn_plan.h"

#include <iterator>

namespace halftone::vendor {
namespace {

constexpr const char* kNoteNames[] = {"TENSOR_CORE",
                                      "DOWN_CONVERT_INPUTS",
                                      "REDUCED_PRECISION_REDUCTION",
                                      "FFT",
                                      "NONDETERMINISTIC",
                                      "WINOGRAD",
                                      "WINOGRAD_TILE_4x4",
                                      "WINOGRAD_TILE_6x6",
                                      "WINOGRAD_TILE_13x13",
                                      "STRICT_NAN_PROP"};

void append(std::string& to, const DnnTensor& t) {
  to += info(t.dtype).short_name;
  for (int i = 0; i < 4; ++i) to += concat(i ? "," : " ", t.dims[i]);
  for (int i = 0; i < 4; ++i) to += concat(i ? "," : "/", t.strides[i]);
  to += concat("@", t.alignment);
}

}  // namespace

std::string note_names(uint32_t numerical) {
  std::string names;
  for (size_t i = 0; i < std::size(kNoteNames); ++i)
    if (numerical >> i & 1u) names += concat(names.empty() ? "" : ", ", kNoteNames[i]);
  return names.empty() ? "none" : names;
}

PlanPolicy policy_for(Compute compute, DType storage, int64_t workspace_limit) {
  PlanPolicy policy;
  policy.workspace_limit = workspace_limit;
  policy.forbidden = kFft | kWinograd | kWinograd4x4 | kWinograd6x6 | kWinograd13x13;
  if (compute != Compute::kFloat16)
    policy.forbidden |= kDownConvertInputs | kReducedPrecisionReduction;
  if (compute == Compute::kFloat32 && storage == DType::kF32) policy.forbidden |= kTensorCore;
  if (compute == Compute::kTf32) policy.required = kTensorCore;
  return policy;
}

bool allowed(const PlanPolicy& policy, const DnnEngine& engine) {
  return (engine.numerical & policy.forbidden) == 0 &&
         (engine.numerical & policy.required) == policy.required;
}

Status choose_plans(DnnTarget& target, const ConvSpec& spec, const PlanPolicy& policy,
                    const EngineCheck& check, size_t most, std::vector<ChosenPlan>* out) {
  out->clear();
  std::vector<std::shared_ptr<DnnConfig>> varying;
  const auto consider = [&](const DnnConfig& config) -> Status {
    const DnnEngine engine = dnn_engine(config);
    // First, as it is known after an engine's first configuration: of some 40 that are proposed
    // many are of one engine, and each may take a second to finalize where its kernel is compiled.
    bool fit = true;
    if (check) HALFTONE_TRY(check(engine, &fit));
    if (!fit) return {};
    std::shared_ptr<DnnPlan> plan;
    // Finalizing is the library's last word; a refusal is no error of ours, whatever its code,
    // unless memory ran out or the device is gone.
    if (Status made = dnn_finalize(target, config, &plan); !made.ok())
      return made.code == Code::kOutOfMemory || made.code == Code::kDeviceLost ? made : Status{};
    const int64_t workspace = dnn_workspace_bytes(*plan);
    if (workspace <= policy.workspace_limit) out->push_back({std::move(plan), engine, workspace});
    return {};
  };
  for (const DnnHeuristic heuristic : {DnnHeuristic::kA, DnnHeuristic::kFallback}) {
    std::vector<std::shared_ptr<DnnConfig>> configs;
    HALFTONE_TRY(dnn_configs(target, spec, heuristic, &configs));
    for (auto& config : configs) {
      const DnnEngine engine = dnn_engine(*config);
      if (!allowed(policy, engine)) continue;
      if (engine.numerical & kNondeterministic) {
        varying.push_back(std::move(config));
        continue;
      }
      HALFTONE_TRY(consider(*config));
      if (out->size() >= most) return {};
    }
    if (!out->empty()) return {};
  }
  for (const auto& config : varying) {
    HALFTONE_TRY(consider(*config));
    if (out->size() >= most) return {};
  }
  return {};
}

std::string plan_key(const ConvSpec& spec, Compute compute, const std::string& device) {
  constexpr const char* kDirections[] = {"forward", "backward-input", "backward-filter"};
  std::string key = kDirections[static_cast<int>(spec.direction)];
  key += " x ";
  append(key, spec.x);
  key += " w ";
  append(key, spec.w);
  key += " y ";
  append(key, spec.y);
  key += concat(" stride ", spec.stride[0], ",", spec.stride[1], " dilation ", spec.dilation[0],
                ",", spec.dilation[1], " padding ", spec.before[0], ",", spec.after[0], ",",
                spec.before[1], ",", spec.after[1], " sums ", info(spec.accumulate).short_name,
                " compute ", static_cast<int>(compute), " bias ",
                spec.bias ? info(spec.bias_type).short_name : "none",
                spec.residual ? " residual" : "", spec.relu ? " relu" : "", " on ", device);
  return key;
}

}  // namespace halftone::vendor
