#include "ops/conv2d/conv2d_plans.h"
#include "vendor/dnn_canary.h"
#include "vendor/dnn_plan_store.h"

namespace halftone {
namespace {

using vendor::ChosenPlan;
using vendor::ConvSpec;

// A plan takes some 10 KB, with a compiled kernel 100 KB: 100 MB at the most. A service has a few
// hundred convolutions; one that has ever new shapes plans anew from time to time.
constexpr size_t kMostPlans = 1000;

// Timed when plans are tuned. The library's first proposals differ by tens of percent, those behind
// them are slower.
constexpr size_t kTunedPlans = 6;
constexpr int kTunedRuns = 3;

const char kSlot = 0;  // its address names what is attached to the stream

/// The dtype of the operands, which decides what an engine may do to them.
DType storage_of(const ConvSpec& spec) {
  return spec.direction == vendor::ConvDirection::kBackwardInput ? spec.y.dtype : spec.x.dtype;
}

void store(const DeviceContext& context, const std::string& key, const ChosenPlan& plan) {
  const vendor::PlanStore plans(context.settings().plan_cache);
  if (!plans.enabled()) return;
  vendor::StoredPlan stored;
  stored.engine = plan.engine;
  if (vendor::dnn_save(*plan.plan, &stored.json).ok()) plans.put(key, stored);
}

}  // namespace

ConvPlans::ConvPlans(const DeviceContext& context) {
  int runtime = 0, driver = 0;
  // Without versions plans are kept apart from those of any known driver.
  static_cast<void>(vendor::runtime_versions(&runtime, &driver));
  const vendor::DeviceProperties& p = context.properties();
  device_ = concat(p.name, " sm_", p.sm, " x", p.multiprocessors, " driver ", driver, " cudnn ",
                   vendor::dnn_version());
}

Status ConvPlans::of_stream(DeviceContext& context, ConvPlans** out) {
  void* object = nullptr;
  HALFTONE_TRY(context.attached(
      &kSlot,
      [&](std::shared_ptr<void>* made) -> Status {
        std::shared_ptr<ConvPlans> plans(new ConvPlans(context));
        HALFTONE_TRY(vendor::dnn_open(context.stream(), &plans->target_));
        *made = std::move(plans);
        return {};
      },
      &object));
  *out = static_cast<ConvPlans*>(object);
  return {};
}

namespace {

/// Settings may change while the process runs.
ConvPlans::Question question_of(const DeviceContext& context, const ConvSpec& spec,
                                Compute compute) {
  return {spec, compute, context.settings().workspace_bytes, context.settings().autotune};
}

}  // namespace

size_t ConvPlans::QuestionHash::operator()(const Question& q) const {
  uint64_t h = 0xcbf29ce484222325u;  // FNV-1a over the fields, eight bytes at a time
  const auto mix = [&](auto... values) {
    ((h = (h ^ static_cast<uint64_t>(values)) * 0x100000001b3u), ...);
  };
  const ConvSpec& s = q.spec;
  for (const vendor::DnnTensor* t : {&s.x, &s.w, &s.y}) {
    mix(t->dtype, t->alignment);
    for (int i = 0; i < 4; ++i) mix(t->dims[i], t->strides[i]);
  }
  for (int i = 0; i < 2; ++i) mix(s.stride[i], s.dilation[i], s.before[i], s.after[i]);
  mix(s.direction, s.accumulate, s.bias, s.residual, s.relu, s.bias_type, q.compute,
      q.workspace_bytes, q.autotune);
  return static_cast<size_t>(h ^ h >> 32);
}

std::string ConvPlans::key_of(const Question& q) const {
  return concat(vendor::plan_key(q.spec, q.compute, device_), " workspace ", q.workspace_bytes,
                q.autotune ? " tuned" : "");
}

Status ConvPlans::find(DeviceContext& context, const ConvSpec& spec, Compute compute,
                       const ChosenPlan** plan) {
  Entry* entry = nullptr;
  HALFTONE_TRY(entry_of(context, question_of(context, spec, compute), &entry));
  *plan = entry->candidates.empty() ? nullptr : &entry->candidates.front();
  return {};
}

Status ConvPlans::execute(DeviceContext& context, const ConvSpec& spec, Compute compute,
                          const vendor::ConvPointers& pointers, const ChosenPlan** used) {
  const Question question = question_of(context, spec, compute);
  Entry* entry = nullptr;
  HALFTONE_TRY(entry_of(context, question, &entry));
  if (entry->candidates.empty()) return error(Code::kInternal, "no plan for ", key_of(question));
  if (entry->candidates.size() > 1) {
    HALFTONE_TRY(tune(context, pointers, entry));
    store(context, key_of(question), entry->candidates.front());
  }
  const ChosenPlan& plan = entry->candidates.front();
  void* workspace = nullptr;
  if (plan.workspace > 0)
    HALFTONE_TRY(context.scratch(static_cast<size_t>(plan.workspace), &workspace));
  *used = &plan;
  context.keep(plan.plan);  // its kernels may be compiled ones, which go with it
  return vendor::dnn_execute(*target_, *plan.plan, pointers, workspace);
}

Status ConvPlans::entry_of(DeviceContext& context, const Question& question, Entry** entry) {
  if (const auto known = entries_.find(question); known != entries_.end()) {
    *entry = &known->second;
    return {};
  }
  Entry made;
  HALFTONE_TRY(make(context, question, &made));
  if (entries_.size() >= kMostPlans) {
    HALFTONE_TRY(vendor::stream_synchronize(context.stream()));  // their kernels may be running
    entries_.clear();
  }
  *entry = &entries_.emplace(question, std::move(made)).first->second;
  return {};
}

Status ConvPlans::make(DeviceContext& context, const Question& question, Entry* entry) {
  const ConvSpec& spec = question.spec;
  const std::string key = key_of(question);
  const auto limit = static_cast<int64_t>(question.workspace_bytes);
  const vendor::PlanPolicy policy = vendor::policy_for(question.compute, storage_of(spec), limit);
  const vendor::CanaryBench bench{
      context.stream(), [&](size_t bytes, void** data) { return context.scratch(bytes, data); }};
  const auto check = [&](const vendor::DnnEngine& engine, bool* fit) {
    return vendor::engine_keeps_promises(*target_, bench, spec, engine, device_, fit);
  };
  if (const auto stored = vendor::PlanStore(context.settings().plan_cache).find(key);
      stored && vendor::allowed(policy, stored->engine)) {
    ChosenPlan plan;
    plan.engine = stored->engine;
    // A plan that cannot be read any more is made again.
    if (vendor::dnn_load(*target_, spec, stored->json, &plan.plan).ok()) {
      plan.workspace = vendor::dnn_workspace_bytes(*plan.plan);
      bool fit = plan.workspace <= limit;
      if (fit) HALFTONE_TRY(check(plan.engine, &fit));
      if (fit) {
        entry->candidates.push_back(std::move(plan));
        return {};
      }
    }
  }
  HALFTONE_TRY(vendor::choose_plans(*target_, spec, policy, check,
                                    question.autotune ? kTunedPlans : 1, &entry->candidates));
  if (entry->candidates.size() == 1) store(context, key, entry->candidates.front());
  return {};
}

Status ConvPlans::tune(DeviceContext& context, const vendor::ConvPointers& pointers, Entry* entry) {
  vendor::Event first = nullptr, last = nullptr;
  HALFTONE_TRY(vendor::event_create(true, &first));
  const std::shared_ptr<void> first_owner(first, vendor::event_destroy);
  HALFTONE_TRY(vendor::event_create(true, &last));
  const std::shared_ptr<void> last_owner(last, vendor::event_destroy);
  int64_t most = 0;
  for (const ChosenPlan& plan : entry->candidates) most = std::max(most, plan.workspace);
  void* workspace = nullptr;
  if (most > 0) HALFTONE_TRY(context.scratch(static_cast<size_t>(most), &workspace));

  size_t fastest = 0;
  float best = 0;
  for (size_t i = 0; i < entry->candidates.size(); ++i) {
    const auto run = [&] {
      return vendor::dnn_execute(*target_, *entry->candidates[i].plan, pointers, workspace);
    };
    HALFTONE_TRY(run());  // loads its kernels
    HALFTONE_TRY(vendor::event_record(first, context.stream()));
    for (int j = 0; j < kTunedRuns; ++j) HALFTONE_TRY(run());
    HALFTONE_TRY(vendor::event_record(last, context.stream()));
    HALFTONE_TRY(vendor::event_synchronize(last));
    float milliseconds = 0;
    HALFTONE_TRY(vendor::event_elapsed(first, last, &milliseconds));
    if (i == 0 || milliseconds < best) {
      fastest = i;
      best = milliseconds;
    }
  }
  ChosenPlan chosen = std::move(entry->candidates[fastest]);
  entry->candidates.clear();
  entry->candidates.push_back(std::move(chosen));
  return {};
}

}  // namespace halftone
