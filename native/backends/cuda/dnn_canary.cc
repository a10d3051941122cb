#include "vendor/dnn_canary.h"

#include <cmath>
#include <cstring>
#include <map>
#include <mutex>

namespace halftone::vendor {
namespace {

// Rows and columns; of a filter's gradient, which sums over them, of float16: kLongSide.
constexpr int64_t kSide = 8, kLongSide = 64;
// Terms of one output: enough for float16 sums to overflow, half of them positive, half negative; a
// NaN needs no more than there are pixels.
constexpr int64_t kLong = kLongSide * kLongSide, kShort = kSide * kSide;
constexpr int64_t kOthers =
    16;  // channels that are not summed over: the least that tensor cores like

std::mutex verdict_mutex;
std::map<std::string, bool>& verdicts() {
  static auto* all = new std::map<std::string, bool>();
  return *all;
}
int64_t experiments = 0;

void set_strides(DnnTensor* t, bool channels_last) {
  const int64_t* d = t->dims;
  int64_t* s = t->strides;
  if (channels_last) {
    s[1] = 1, s[3] = d[1], s[2] = d[3] * d[1], s[0] = d[2] * d[3] * d[1];
  } else {
    s[3] = 1, s[2] = d[3], s[1] = d[2] * d[3], s[0] = d[1] * d[2] * d[3];
  }
}

// A 1x1 convolution of the kind of `spec` whose outputs are sums of as many products as show what
// is asked.
ConvSpec experiment_for(const ConvSpec& spec, int64_t groups) {
  ConvSpec e = spec;
  const bool forward = spec.direction == ConvDirection::kForward;
  const bool filter = spec.direction == ConvDirection::kBackwardFilter;
  const bool half = spec.accumulate == DType::kF16;
  const int64_t terms = half ? kLong : kShort, side = filter && half ? kLongSide : kSide;
  const int64_t c = forward ? terms : kOthers, k = forward || filter ? kOthers : terms;
  const bool channels_last = spec.x.strides[1] == 1 && spec.x.dims[1] != 1;
  const auto shaped = [&](DnnTensor* t, int64_t d0, int64_t d1, int64_t d2, int64_t d3) {
    const int64_t dims[4] = {d0, d1, d2, d3};
    std::memcpy(t->dims, dims, sizeof dims);
    t->alignment = 16;
    set_strides(t, channels_last);
  };
  shaped(&e.x, 1, c * groups, side, side);
  shaped(&e.w, k * groups, c, 1, 1);
  shaped(&e.y, 1, k * groups, side, side);
  for (int i = 0; i < 2; ++i) e.stride[i] = e.dilation[i] = 1, e.before[i] = e.after[i] = 0;
  return e;
}

int64_t elements(const DnnTensor& t) { return t.dims[0] * t.dims[1] * t.dims[2] * t.dims[3]; }

/// A tensor on the host, filled by value(n, c, h, w).
template <class F>
std::vector<char> host_tensor(const DnnTensor& t, F&& value) {
  std::vector<char> bytes(static_cast<size_t>(elements(t) * size_of(t.dtype)));
  const int64_t *d = t.dims, *s = t.strides;
  for (int64_t n = 0; n < d[0]; ++n)
    for (int64_t c = 0; c < d[1]; ++c)
      for (int64_t h = 0; h < d[2]; ++h)
        for (int64_t w = 0; w < d[3]; ++w) {
          const float v = value(n, c, h, w);
          const int64_t i = n * s[0] + c * s[1] + h * s[2] + w * s[3];
          if (t.dtype == DType::kF16)
            reinterpret_cast<f16*>(bytes.data())[i] = to_f16(v);
          else if (t.dtype == DType::kBF16)
            reinterpret_cast<bf16*>(bytes.data())[i] = to_bf16(v);
          else
            reinterpret_cast<float*>(bytes.data())[i] = v;
        }
  return bytes;
}

float read(const std::vector<char>& bytes, DType t, int64_t i) {
  if (t == DType::kF16) return to_float(reinterpret_cast<const f16*>(bytes.data())[i]);
  if (t == DType::kBF16) return to_float(reinterpret_cast<const bf16*>(bytes.data())[i]);
  return reinterpret_cast<const float*>(bytes.data())[i];
}

class Experiment {
 public:
  Experiment(DnnTarget& target, const CanaryBench& bench, const ConvSpec& spec)
      : target_(target), bench_(bench), spec_(spec) {}

  /// The engine's plan; leaves *made false when it takes no such convolution.
  Status prepare(const DnnEngine& engine, bool* made) {
    *made = false;
    std::shared_ptr<DnnConfig> config;
    HALFTONE_TRY(find_config(engine, &config));
    if (!config) return {};
    if (Status done = dnn_finalize(target_, *config, &plan_); !done.ok())
      return done.code == Code::kOutOfMemory || done.code == Code::kDeviceLost ? done : Status{};
    *made = true;
    return {};
  }

  /// Whether sums of float16 overflow as float16 must.
  Status sums_are_half(bool* yes) {
    const bool filter = spec_.direction == ConvDirection::kBackwardFilter;
    const bool input = spec_.direction == ConvDirection::kBackwardInput;
    const auto first = [](int64_t i, int64_t n) { return i < n / 2 ? 64.0f : -64.0f; };
    const int64_t rows = spec_.y.dims[2], outputs = spec_.w.dims[0] / spec_.groups();
    std::vector<float> out;
    HALFTONE_TRY(
        run([](int64_t, int64_t, int64_t, int64_t) { return 64.0f; },
            [&](int64_t k, int64_t c, int64_t, int64_t) {
              return input ? first(k % outputs, outputs) : first(c, spec_.w.dims[1]);
            },
            [&](int64_t, int64_t, int64_t h, int64_t) { return filter ? first(h, rows) : 64.0f; },
            &out));
    *yes = true;
    for (float v : out) *yes = *yes && !std::isfinite(v);
    return {};
  }

  /// Whether the outputs of the one pixel with a NaN, and only these, are NaN.
  Status nan_arrives(bool* yes) {
    std::vector<float> out;
    HALFTONE_TRY(
        run([](int64_t, int64_t, int64_t h, int64_t w) { return h == 1 && w == 2 ? NAN : 1.0f; },
            [](int64_t, int64_t, int64_t, int64_t) { return 0.5f; },
            [](int64_t, int64_t, int64_t, int64_t) { return 0.0f; }, &out));
    *yes = true;
    const int64_t *d = spec_.y.dims, *s = spec_.y.strides;
    for (int64_t k = 0; k < d[1]; ++k)
      for (int64_t h = 0; h < d[2]; ++h)
        for (int64_t w = 0; w < d[3]; ++w)
          *yes = *yes && std::isnan(out[static_cast<size_t>(k * s[1] + h * s[2] + w * s[3])]) ==
                             (h == 1 && w == 2);
    return {};
  }

 private:
  static constexpr int kTensors = 5;  // x, w, y, bias, residual

  // As the library proposes it, else with its default choices.
  Status find_config(const DnnEngine& engine, std::shared_ptr<DnnConfig>* out) {
    for (const DnnHeuristic heuristic : {DnnHeuristic::kA, DnnHeuristic::kFallback}) {
      std::vector<std::shared_ptr<DnnConfig>> configs;
      HALFTONE_TRY(dnn_configs(target_, spec_, heuristic, &configs));
      for (auto& config : configs)
        if (dnn_engine(*config).id == engine.id) {
          *out = std::move(config);
          return {};
        }
    }
    Status made = dnn_config_of_engine(target_, spec_, engine.id, out);
    return made.code == Code::kUnsupported || made.code == Code::kDevice ? Status{} : made;
  }

  template <class X, class W, class Y>
  Status run(X&& x, W&& w, Y&& y, std::vector<float>* out) {
    const auto zero = [](int64_t, int64_t, int64_t, int64_t) { return 0.0f; };
    std::vector<char> host[kTensors] = {
        host_tensor(spec_.x, x), host_tensor(spec_.w, w), host_tensor(spec_.y, y), {}, {}};
    if (spec_.bias)
      host[3] = host_tensor({spec_.bias_type, {1, spec_.y.dims[1], 1, 1}, {1, 1, 1, 1}, 16}, zero);
    if (spec_.residual) host[4] = host_tensor(spec_.y, zero);
    const int result = spec_.direction == ConvDirection::kForward         ? 2
                       : spec_.direction == ConvDirection::kBackwardInput ? 0
                                                                          : 1;
    const Status done = enqueue(host, &host[result], result);
    // Also after a failure: copies from `host` may still be under way.
    const Status reached = stream_synchronize(bench_.stream);
    HALFTONE_TRY(done);
    HALFTONE_TRY(reached);
    const DnnTensor& t = spec_.result();
    for (int64_t i = 0; i < elements(t); ++i) out->push_back(read(host[result], t.dtype, i));
    return {};
  }

  Status enqueue(const std::vector<char> (&host)[kTensors], std::vector<char>* bytes, int result) {
    void* device[kTensors] = {};
    for (int i = 0; i < kTensors; ++i) {
      if (host[i].empty()) continue;
      HALFTONE_TRY(bench_.scratch(host[i].size(), &device[i]));
      HALFTONE_TRY(copy_async(device[i], host[i].data(), host[i].size(), Copy::kHostToDevice,
                              bench_.stream));
    }
    void* workspace = nullptr;
    if (const int64_t size = dnn_workspace_bytes(*plan_); size > 0)
      HALFTONE_TRY(bench_.scratch(static_cast<size_t>(size), &workspace));
    HALFTONE_TRY(dnn_execute(target_, *plan_,
                             {device[0], device[1], device[2], device[3], device[4]}, workspace));
    return copy_async(bytes->data(), device[result], bytes->size(), Copy::kDeviceToHost,
                      bench_.stream);
  }

  DnnTarget& target_;
  const CanaryBench& bench_;
  ConvSpec spec_;
  std::shared_ptr<DnnPlan> plan_;
};

}  // namespace

Status engine_keeps_promises(DnnTarget& target, const CanaryBench& bench, const ConvSpec& spec,
                             const DnnEngine& engine, const std::string& device, bool* fit) {
  const bool half = spec.accumulate == DType::kF16;
  *fit = true;
  if (!half && !spec.relu) return {};
  const std::string key = concat(plan_key(experiment_for(spec, 1), Compute::kDefault, device),
                                 " cudnn ", dnn_version(), " engine ", engine.id);
  {
    const std::lock_guard lock(verdict_mutex);
    if (const auto known = verdicts().find(key); known != verdicts().end()) {
      *fit = known->second;
      return {};
    }
    ++experiments;
  }
  *fit = false;
  // Some engines are for grouped convolutions only.
  for (const int64_t groups : {1, 2}) {
    Experiment experiment(target, bench, experiment_for(spec, groups));
    bool made = false;
    HALFTONE_TRY(experiment.prepare(engine, &made));
    if (!made) continue;
    *fit = true;
    if (half) HALFTONE_TRY(experiment.sums_are_half(fit));
    if (*fit && spec.relu) HALFTONE_TRY(experiment.nan_arrives(fit));
    break;
  }
  const std::lock_guard lock(verdict_mutex);
  verdicts()[key] = *fit;
  return {};
}

int64_t forget_verdicts() {
  const std::lock_guard lock(verdict_mutex);
  verdicts().clear();
  return std::exchange(experiments, 0);
}

}  // namespace halftone::vendor
