// A cuDNN for machines without a GPU: takes the same descriptors, checks what the real one checks,
// and computes on the host with the compute type honestly rounded, except where an engine is made
// to have a flaw (fake_dnn.h). As the real library does, it multiplies padding as zeros.
#include <algorithm>
#include <chrono>
#include <cstring>
#include <mutex>
#include <thread>

#include "backends/emu/fake_dnn.h"
#include "backends/emu/fake_dnn_sums.h"
#include "device/device.h"
#include "vendor/dnn.h"
#include "vendor/dnn_plan.h"

namespace halftone::vendor {

struct DnnTarget {
  Stream stream = nullptr;
  bool profile = false;

  DnnTarget(Stream on, bool is_profile) : stream(on), profile(is_profile) {}
  DnnTarget(const DnnTarget&) = delete;
  DnnTarget& operator=(const DnnTarget&) = delete;
  // As cudnnDestroy does.
  ~DnnTarget() {
    if (!profile) static_cast<void>(device_synchronize());
  }
};
struct DnnConfig {
  ConvSpec spec;
  DnnEngine engine;
};
struct DnnPlan {
  ConvSpec spec;
  DnnEngine engine;
  int64_t workspace = 0;
  // Kernels that were compiled for a plan are unloaded with it.
  std::shared_ptr<const int> kernels = std::make_shared<const int>();
};

namespace {

constexpr int64_t kVersion = 92400;

std::mutex mutex;
std::vector<fake::DnnCall> calls;
std::vector<int64_t> offered;
int64_t finalized = 0;

bool packed(const DnnTensor& t, bool channels_last) {
  const int64_t order_first[4] = {0, 1, 2, 3}, order_last[4] = {0, 2, 3, 1};
  int64_t step = 1;
  for (int i = 3; i >= 0; --i) {
    const int64_t axis = channels_last ? order_last[i] : order_first[i];
    if (t.strides[axis] != step) return false;
    step *= t.dims[axis];
  }
  return true;
}
bool packed(const ConvSpec& s, bool channels_last) {
  return packed(s.x, channels_last) && packed(s.w, channels_last) && packed(s.y, channels_last);
}

// What cudnnBackendFinalize() of the operation checks.
Status check_graph(const ConvSpec& s) {
  for (const DnnTensor* t : {&s.x, &s.w, &s.y})
    for (int i = 0; i < 4; ++i)
      if (t->dims[i] < 1 || t->strides[i] < 1)
        return error(Code::kDevice,
                     "cuDNN: CUDNN_STATUS_BAD_PARAM: sizes and strides must be positive");
  const int64_t groups = s.groups();
  bool fits = s.x.dims[1] == groups * s.w.dims[1] && s.y.dims[1] == s.w.dims[0] &&
              s.w.dims[0] % groups == 0 && s.x.dims[0] == s.y.dims[0];
  for (int i = 0; i < 2; ++i) {
    const int64_t room =
        s.x.dims[2 + i] + s.before[i] + s.after[i] - ((s.w.dims[2 + i] - 1) * s.dilation[i] + 1);
    fits = fits && s.stride[i] >= 1 && s.dilation[i] >= 1 && s.before[i] >= 0 && s.after[i] >= 0 &&
           room >= 0 && room / s.stride[i] + 1 == s.y.dims[2 + i];
  }
  if (!fits)
    return error(Code::kDevice,
                 "cuDNN: CUDNN_STATUS_BAD_PARAM_SHAPE_MISMATCH: x, w and y are no convolution");
  return {};
}

DnnEngine engine_of(int64_t id) {
  DnnEngine e{id, 0, 0};
  switch (id) {
    case fake::kHonest:
      e.numerical = kStrictNanPropagation;
      break;
    case fake::kTensorCores:
    case fake::kSecretlyWide:
      e.numerical = kTensorCore;
      break;
    case fake::kHalfReduction:
      e.numerical = kTensorCore | kReducedPrecisionReduction;
      break;
    case fake::kVarying:
      e.numerical = kNondeterministic;
      break;
    case fake::kWinogradish:
      e.numerical = kWinograd | kWinograd4x4;
      break;
    case fake::kDownConverting:
      e.numerical = kTensorCore | kDownConvertInputs;
      break;
    case fake::kWideOutput:
      e.numerical = kTensorCore;
      e.behavior = kRuntimeCompilation;
      break;
    default:
      break;
  }
  return e;
}

bool supports(const ConvSpec& s, int64_t id) {
  const std::lock_guard lock(mutex);
  if (offered.empty() ? id == fake::kSlow
                      : std::find(offered.begin(), offered.end(), id) == offered.end())
    return false;
  const bool forward = s.direction == ConvDirection::kForward;
  const DType in = forward || s.direction == ConvDirection::kBackwardFilter ? s.x.dtype : s.y.dtype;
  const DType other = s.direction == ConvDirection::kBackwardFilter ? s.y.dtype : s.w.dtype;
  const DType out = s.result().dtype;
  const bool half_sums = s.accumulate == DType::kF16;
  if (in != other || !is_float(in) || (half_sums && in != DType::kF16)) return false;
  if (s.accumulate != DType::kF32 && !half_sums) return false;
  if (!packed(s, false) && !packed(s, true)) return false;
  if (s.chain() && !forward) return false;
  if (s.bias ? s.bias_type != s.y.dtype : s.chain()) return false;
  const bool wide = in != DType::kF32 && out == DType::kF32;
  if (out != in && !(wide && id == fake::kWideOutput && in == DType::kF16 && !s.bias)) return false;
  const bool aligned = s.x.alignment >= 16 && s.w.alignment >= 16 && s.y.alignment >= 16;
  switch (id) {
    case fake::kHonest:
      return true;
    case fake::kSecretlyWide:
      return aligned && half_sums;
    case fake::kHalfReduction:
      return aligned && !half_sums && in != DType::kF32;
    case fake::kReluDropsNan:
      return aligned && s.relu;
    case fake::kFma:
    case fake::kWinogradish:
    case fake::kDownConverting:
      return aligned && in == DType::kF32;
    case fake::kWideOutput:
      return aligned && wide && !half_sums && forward;
    case fake::kTensorCores:
      return aligned && s.groups() == 1;
    default:
      return aligned;
  }
}

// The order in which the real library has been seen to propose: engines that break a promise first.
constexpr int64_t kModeA[] = {fake::kSlow,         fake::kNeverFinal,
                              fake::kSecretlyWide, fake::kHalfReduction,
                              fake::kVarying,      fake::kDownConverting,
                              fake::kReluDropsNan, fake::kTensorCores,
                              fake::kWinogradish,  fake::kFma};
constexpr int64_t kFallback[] = {fake::kWideOutput, fake::kHonest};

int64_t bytes_of(const DnnTensor& t) {
  return t.dims[0] * t.dims[1] * t.dims[2] * t.dims[3] * size_of(t.dtype);
}

void note_finalized() {
  const std::lock_guard lock(mutex);
  ++finalized;
}

}  // namespace

int64_t dnn_version() { return kVersion; }

Status dnn_open(void* stream, std::shared_ptr<DnnTarget>* out) {
  *out = std::make_shared<DnnTarget>(stream, false);
  return {};
}

Status dnn_open_profile(std::string_view json, std::shared_ptr<DnnTarget>* out) {
  if (json.empty() || json.front() != '{')
    return error(Code::kDevice,
                 "cuDNN: CUDNN_STATUS_BAD_PARAM: the device profile is no JSON object");
  *out = std::make_shared<DnnTarget>(nullptr, true);
  return {};
}

Status dnn_configs(DnnTarget&, const ConvSpec& spec, DnnHeuristic heuristic,
                   std::vector<std::shared_ptr<DnnConfig>>* out) {
  out->clear();
  HALFTONE_TRY(check_graph(spec));
  const auto propose = [&](int64_t id) {
    if (supports(spec, id))
      out->push_back(std::make_shared<DnnConfig>(DnnConfig{spec, engine_of(id)}));
  };
  if (heuristic == DnnHeuristic::kA)
    for (int64_t id : kModeA) propose(id);
  else
    for (int64_t id : kFallback) propose(id);
  return {};
}

Status dnn_config_of_engine(DnnTarget&, const ConvSpec& spec, int64_t id,
                            std::shared_ptr<DnnConfig>* out) {
  HALFTONE_TRY(check_graph(spec));
  if (id < 0 || id >= fake::kEngineCount || !supports(spec, id))
    return unsupported("cuDNN: CUDNN_STATUS_NOT_SUPPORTED: engine ", id);
  *out = std::make_shared<DnnConfig>(DnnConfig{spec, engine_of(id)});
  return {};
}

DnnEngine dnn_engine(const DnnConfig& config) { return config.engine; }

Status dnn_finalize(DnnTarget&, const DnnConfig& config, std::shared_ptr<DnnPlan>* out) {
  if (config.engine.id == fake::kNeverFinal)
    return unsupported("cuDNN cudnnBackendFinalize: CUDNN_STATUS_NOT_SUPPORTED_SHAPE");
  // Tensor cores work on NHWC: other layouts are copied.
  const ConvSpec& s = config.spec;
  const bool copies = (config.engine.numerical & kTensorCore) && !packed(s, true);
  *out = std::make_shared<DnnPlan>(
      DnnPlan{s, config.engine, copies ? bytes_of(s.x) + bytes_of(s.w) + bytes_of(s.y) : 0});
  note_finalized();
  return {};
}

int64_t dnn_workspace_bytes(const DnnPlan& plan) { return plan.workspace; }

Status dnn_save(const DnnPlan& plan, std::string* json) {
  *json = concat("{\"cudnnVersion\":", kVersion, ",\"engine\":", plan.engine.id, ",\"graph\":\"",
                 plan_key(plan.spec, Compute::kDefault, ""), "\"}");
  return {};
}

Status dnn_load(DnnTarget& target, const ConvSpec& spec, const std::string& json,
                std::shared_ptr<DnnPlan>* out) {
  for (int64_t id = 0; id < fake::kEngineCount; ++id) {
    DnnPlan plan{spec, engine_of(id), 0};
    std::string expected;
    HALFTONE_TRY(dnn_save(plan, &expected));
    if (json != expected || !supports(spec, id)) continue;
    HALFTONE_TRY(dnn_finalize(target, DnnConfig{spec, engine_of(id)}, out));
    const std::lock_guard lock(mutex);
    --finalized;
    return {};
  }
  return error(Code::kDevice, "cuDNN cudnnBackendFinalize: CUDNN_STATUS_BAD_PARAM: !d.IsObject()");
}

Status dnn_execute(DnnTarget& target, const DnnPlan& plan, const ConvPointers& pointers,
                   void* workspace) {
  if (target.profile) return error(Code::kDevice, "a device profile executes nothing");
  const ConvSpec& s = plan.spec;
  const auto misaligned = [](const void* p, int64_t alignment) {
    return p == nullptr || reinterpret_cast<uintptr_t>(p) % static_cast<uintptr_t>(alignment) != 0;
  };
  if (misaligned(pointers.x, s.x.alignment) || misaligned(pointers.w, s.w.alignment) ||
      misaligned(pointers.y, s.y.alignment) || (s.bias && misaligned(pointers.bias, 16)) ||
      (s.residual && misaligned(pointers.residual, s.y.alignment)) ||
      (plan.workspace > 0 && misaligned(workspace, 16)))
    return error(Code::kDevice,
                 "cuDNN cudnnBackendExecute: CUDNN_STATUS_BAD_PARAM_MISALIGNED_POINTER");
  if ((pointers.bias != nullptr) != s.bias || (pointers.residual != nullptr) != s.residual)
    return error(Code::kDevice, "cuDNN cudnnBackendExecute: CUDNN_STATUS_BAD_PARAM: unique ids");
  HALFTONE_TRY(emu::on_device(
      target.stream, "cudnnBackendExecute",
      {pointers.x, pointers.w, pointers.y, pointers.bias, pointers.residual, workspace}));
  const auto run_now = [spec = plan.spec, engine = plan.engine.id, bytes = plan.workspace, pointers,
                        workspace, kernels = std::weak_ptr(plan.kernels)]() -> Status {
    if (kernels.expired())
      return error(Code::kDevice, "cuDNN: a kernel runs whose plan was destroyed before");
    int64_t run = 0;
    {
      const std::lock_guard lock(mutex);
      calls.push_back({spec, engine});
      run = static_cast<int64_t>(calls.size());
    }
    // Whoever gives too little workspace shall notice.
    if (bytes > 0) std::memset(workspace, 0xff, static_cast<size_t>(bytes));
    if (engine == fake::kSlow) std::this_thread::sleep_for(std::chrono::milliseconds(3));
    fake::convolve(spec, engine, run, pointers);
    return {};
  };
  return emu::submit(target.stream, run_now);
}

namespace fake {

std::vector<DnnCall> dnn_calls() {
  const std::lock_guard lock(mutex);
  return calls;
}
int64_t dnn_finalized() {
  const std::lock_guard lock(mutex);
  return finalized;
}
void dnn_reset() {
  const std::lock_guard lock(mutex);
  calls.clear();
  finalized = 0;
}
void dnn_offer_only(std::vector<int64_t> engines) {
  const std::lock_guard lock(mutex);
  offered = std::move(engines);
}

}  // namespace fake
}  // namespace halftone::vendor
