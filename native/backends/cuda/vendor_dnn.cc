// dnn.h through cuDNN 9's graph API. Handles and descriptors are used from one thread at a time.
#include <cudnn.h>

#include "backends/cuda/vendor_dnn_graph.h"
#include "vendor/dnn.h"

namespace halftone::vendor {

// A device is named by a handle, or, for planning without one, by a device property descriptor.
struct DnnTarget {
  cudnnHandle_t handle = nullptr;
  Descriptor profile;

  DnnTarget() = default;
  DnnTarget(const DnnTarget&) = delete;
  DnnTarget& operator=(const DnnTarget&) = delete;
  ~DnnTarget() {
    if (handle) cudnnDestroy(handle);
  }
};

struct DnnConfig {
  std::shared_ptr<ConvGraph> graph;
  Descriptor config;
  DnnEngine engine;
};

struct DnnPlan {
  std::shared_ptr<ConvGraph> graph;  // null for a loaded plan
  Descriptor plan;
  int64_t workspace = 0;
};

namespace {

// Values of one of the two kinds of notes, as bits.
template <class Note>
Status read_notes(const Descriptor& engine, cudnnBackendAttributeName_t attribute,
                  cudnnBackendAttributeType_t type, uint32_t* bits) {
  Note notes[32] = {};
  int64_t count = 0;
  HALFTONE_TRY(engine.get(attribute, type, 32, &count, notes));
  for (int64_t i = 0; i < count && i < 32; ++i) *bits |= 1u << static_cast<uint32_t>(notes[i]);
  return {};
}

Status read_engine(const Descriptor& engine, DnnEngine* out) {
  HALFTONE_TRY(engine.get(CUDNN_ATTR_ENGINE_GLOBAL_INDEX, &out->id));
  HALFTONE_TRY(read_notes<cudnnBackendNumericalNote_t>(engine, CUDNN_ATTR_ENGINE_NUMERICAL_NOTE,
                                                       CUDNN_TYPE_NUMERICAL_NOTE, &out->numerical));
  return read_notes<cudnnBackendBehaviorNote_t>(engine, CUDNN_ATTR_ENGINE_BEHAVIOR_NOTE,
                                                CUDNN_TYPE_BEHAVIOR_NOTE, &out->behavior);
}

// A graph that no engine can take is refused here or there: for the caller both mean "no
// configurations".
bool not_supported(const Status& status) { return status.code == Code::kUnsupported; }

Status plan_for(DnnTarget& target, Descriptor* plan) {
  HALFTONE_TRY(plan->create(CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR));
  if (target.handle)
    return plan->set(CUDNN_ATTR_EXECUTION_PLAN_HANDLE, CUDNN_TYPE_HANDLE, 1, &target.handle);
  return plan->set(CUDNN_ATTR_EXECUTION_PLAN_DEVICEPROP, target.profile);
}

}  // namespace

int64_t dnn_version() { return static_cast<int64_t>(cudnnGetVersion()); }

Status dnn_open(Stream stream, std::shared_ptr<DnnTarget>* out) {
  auto target = std::make_shared<DnnTarget>();
  HALFTONE_DNN(cudnnCreate(&target->handle));  // for the thread's current device
  HALFTONE_DNN(cudnnSetStream(target->handle, static_cast<cudaStream_t>(stream)));
  *out = std::move(target);
  return {};
}

Status dnn_open_profile(std::string_view json, std::shared_ptr<DnnTarget>* out) {
  const std::string text(json);
  auto target = std::make_shared<DnnTarget>();
  HALFTONE_TRY(target->profile.create(CUDNN_BACKEND_DEVICEPROP_DESCRIPTOR));
  HALFTONE_TRY(target->profile.set(CUDNN_ATTR_DEVICEPROP_JSON_REPRESENTATION, CUDNN_TYPE_CHAR,
                                   static_cast<int64_t>(text.size()) + 1, text.c_str()));
  HALFTONE_TRY(target->profile.finalize());
  *out = std::move(target);
  return {};
}

Status dnn_configs(DnnTarget& target, const ConvSpec& spec, DnnHeuristic heuristic,
                   std::vector<std::shared_ptr<DnnConfig>>* out) {
  out->clear();
  auto graph = std::make_shared<ConvGraph>();
  if (Status built = build_graph(spec, target.handle, graph.get()); !built.ok())
    return not_supported(built) ? Status{} : built;

  Descriptor heuristics;
  const cudnnBackendHeurMode_t mode =
      heuristic == DnnHeuristic::kA ? CUDNN_HEUR_MODE_A : CUDNN_HEUR_MODE_FALLBACK;
  HALFTONE_TRY(heuristics.create(CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR));
  HALFTONE_TRY(heuristics.set(CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH, graph->graph));
  HALFTONE_TRY(heuristics.set(CUDNN_ATTR_ENGINEHEUR_MODE, CUDNN_TYPE_HEUR_MODE, 1, &mode));
  if (!target.handle)
    HALFTONE_TRY(heuristics.set(CUDNN_ATTR_ENGINEHEUR_DEVICEPROP, target.profile));
  if (Status ready = heuristics.finalize(); !ready.ok())
    return not_supported(ready) ? Status{} : ready;

  int64_t count = 0;
  HALFTONE_TRY(heuristics.get(CUDNN_ATTR_ENGINEHEUR_RESULTS, CUDNN_TYPE_BACKEND_DESCRIPTOR, 0,
                              &count, nullptr));
  std::vector<std::shared_ptr<DnnConfig>> configs;
  std::vector<cudnnBackendDescriptor_t> raw;
  for (int64_t i = 0; i < count; ++i) {
    auto config = std::make_shared<DnnConfig>();
    HALFTONE_TRY(config->config.create(CUDNN_BACKEND_ENGINECFG_DESCRIPTOR));
    config->graph = graph;
    raw.push_back(config->config.get());
    configs.push_back(std::move(config));
  }
  if (count > 0)
    HALFTONE_TRY(heuristics.get(CUDNN_ATTR_ENGINEHEUR_RESULTS, CUDNN_TYPE_BACKEND_DESCRIPTOR, count,
                                &count, raw.data()));
  configs.resize(static_cast<size_t>(std::min<int64_t>(count, static_cast<int64_t>(raw.size()))));
  for (const auto& config : configs) {
    Descriptor engine;
    HALFTONE_TRY(engine.create(CUDNN_BACKEND_ENGINE_DESCRIPTOR));
    cudnnBackendDescriptor_t filled = engine.get();
    int64_t got = 0;
    HALFTONE_TRY(config->config.get(CUDNN_ATTR_ENGINECFG_ENGINE, CUDNN_TYPE_BACKEND_DESCRIPTOR, 1,
                                    &got, &filled));
    HALFTONE_TRY(read_engine(engine, &config->engine));
  }
  *out = std::move(configs);
  return {};
}

Status dnn_config_of_engine(DnnTarget& target, const ConvSpec& spec, int64_t id,
                            std::shared_ptr<DnnConfig>* out) {
  auto config = std::make_shared<DnnConfig>();
  config->graph = std::make_shared<ConvGraph>();
  HALFTONE_TRY(build_graph(spec, target.handle, config->graph.get()));
  Descriptor engine;
  HALFTONE_TRY(engine.create(CUDNN_BACKEND_ENGINE_DESCRIPTOR));
  HALFTONE_TRY(engine.set(CUDNN_ATTR_ENGINE_OPERATION_GRAPH, config->graph->graph));
  HALFTONE_TRY(engine.set(CUDNN_ATTR_ENGINE_GLOBAL_INDEX, id));
  if (!target.handle) HALFTONE_TRY(engine.set(CUDNN_ATTR_ENGINE_DEVICEPROP, target.profile));
  HALFTONE_TRY(engine.finalize());
  HALFTONE_TRY(read_engine(engine, &config->engine));
  HALFTONE_TRY(config->config.create(CUDNN_BACKEND_ENGINECFG_DESCRIPTOR));
  HALFTONE_TRY(config->config.set(CUDNN_ATTR_ENGINECFG_ENGINE, engine));
  HALFTONE_TRY(config->config.finalize());
  config->graph->parts.push_back(std::move(engine));
  *out = std::move(config);
  return {};
}

DnnEngine dnn_engine(const DnnConfig& config) { return config.engine; }

Status dnn_finalize(DnnTarget& target, const DnnConfig& config, std::shared_ptr<DnnPlan>* out) {
  auto plan = std::make_shared<DnnPlan>();
  HALFTONE_TRY(plan_for(target, &plan->plan));
  HALFTONE_TRY(plan->plan.set(CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG, config.config));
  HALFTONE_TRY(plan->plan.finalize());
  HALFTONE_TRY(plan->plan.get(CUDNN_ATTR_EXECUTION_PLAN_WORKSPACE_SIZE, &plan->workspace));
  plan->graph = config.graph;
  *out = std::move(plan);
  return {};
}

int64_t dnn_workspace_bytes(const DnnPlan& plan) { return plan.workspace; }

Status dnn_save(const DnnPlan& plan, std::string* json) {
  int64_t length = 0;
  HALFTONE_TRY(plan.plan.get(CUDNN_ATTR_EXECUTION_PLAN_JSON_REPRESENTATION, CUDNN_TYPE_CHAR, 0,
                             &length, nullptr));
  std::string text(static_cast<size_t>(length), '\0');
  HALFTONE_TRY(plan.plan.get(CUDNN_ATTR_EXECUTION_PLAN_JSON_REPRESENTATION, CUDNN_TYPE_CHAR, length,
                             &length, text.data()));
  text.resize(text.find('\0') == std::string::npos ? text.size() : text.find('\0'));
  *json = std::move(text);
  return {};
}

Status dnn_load(DnnTarget& target, const ConvSpec&, const std::string& json,
                std::shared_ptr<DnnPlan>* out) {
  auto plan = std::make_shared<DnnPlan>();
  HALFTONE_TRY(plan_for(target, &plan->plan));
  HALFTONE_TRY(plan->plan.set(CUDNN_ATTR_EXECUTION_PLAN_JSON_REPRESENTATION, CUDNN_TYPE_CHAR,
                              static_cast<int64_t>(json.size()) + 1, json.c_str()));
  HALFTONE_TRY(plan->plan.finalize());
  HALFTONE_TRY(plan->plan.get(CUDNN_ATTR_EXECUTION_PLAN_WORKSPACE_SIZE, &plan->workspace));
  *out = std::move(plan);
  return {};
}

Status dnn_execute(DnnTarget& target, const DnnPlan& plan, const ConvPointers& pointers,
                   void* workspace) {
  if (!target.handle) return error(Code::kDevice, "a device profile executes nothing");
  int64_t ids[5] = {kIdX, kIdW, kIdY}, count = 3;
  void* data[5] = {pointers.x, pointers.w, pointers.y};
  const auto add = [&](int64_t id, void* pointer) {
    if (!pointer) return;
    ids[count] = id;
    data[count++] = pointer;
  };
  add(kIdBias, pointers.bias);
  add(kIdResidual, pointers.residual);
  Descriptor pack;
  HALFTONE_TRY(pack.create(CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR));
  HALFTONE_TRY(pack.set(CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS, CUDNN_TYPE_INT64, count, ids));
  HALFTONE_TRY(pack.set(CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS, CUDNN_TYPE_VOID_PTR, count, data));
  HALFTONE_TRY(pack.set(CUDNN_ATTR_VARIANT_PACK_WORKSPACE, CUDNN_TYPE_VOID_PTR, 1, &workspace));
  HALFTONE_TRY(pack.finalize());
  HALFTONE_DNN(cudnnBackendExecute(target.handle, plan.plan.get(), pack.get()));
  return {};
}

}  // namespace halftone::vendor
