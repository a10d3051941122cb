#include <algorithm>
#include <limits>

#include "core/lru_cache.h"
#include "ops/gemm/blas_activation.h"
#include "ops/gemm/blas_cuda.h"

namespace halftone {
namespace {

using vendor::BlasAlgorithm;
using vendor::BlasMatmul;
using vendor::BlasOperands;

/// How many of the library's guesses are looked at.
constexpr int kCandidates = 8;
/// Runs of a candidate that are timed together: one short kernel is near the resolution of events.
constexpr int kTimedRuns = 4;
/// Problems remembered for each stream: about 300 bytes each.
constexpr size_t kPlans = 1024;

struct Plan {
  bool found = false;
  BlasAlgorithm algorithm;
};

/// The library's handle of a stream, with what was decided on it.
struct BlasState {
  vendor::Blas* blas = nullptr;
  LruCache<BlasMatmul, Plan, vendor::BlasMatmulHash> plans{kPlans};
  // Autotuning and taking the first guess do not share decisions.
  LruCache<BlasMatmul, Plan, vendor::BlasMatmulHash> tuned{kPlans};
  BlasActivations activations;

  BlasState() = default;
  BlasState(const BlasState&) = delete;
  BlasState& operator=(const BlasState&) = delete;
  ~BlasState() { vendor::blas_destroy(blas); }
};

Status state_of(DeviceContext& context, BlasState** out) {
  static const char key = 0;
  void* object = nullptr;
  HALFTONE_TRY(context.attached(
      &key,
      [](std::shared_ptr<void>* made) {
        auto state = std::make_shared<BlasState>();
        HALFTONE_TRY(vendor::blas_create(&state->blas));
        *made = std::move(state);
        return Status{};
      },
      &object));
  *out = static_cast<BlasState*>(object);
  return {};
}

class TimedEvent {
 public:
  TimedEvent() = default;
  TimedEvent(const TimedEvent&) = delete;
  TimedEvent& operator=(const TimedEvent&) = delete;
  ~TimedEvent() {
    if (event_) vendor::event_destroy(event_);
  }
  Status record(vendor::Stream stream) {
    if (!event_) HALFTONE_TRY(vendor::event_create(true, &event_));
    return vendor::event_record(event_, stream);
  }
  vendor::Event get() const { return event_; }

 private:
  vendor::Event event_ = nullptr;
};

Status time_runs(DeviceContext& context, const BlasMatmul& problem, const BlasAlgorithm& algorithm,
                 const BlasOperands& operands, float* milliseconds) {
  TimedEvent first, last;
  HALFTONE_TRY(run_blas(context, problem, algorithm, operands));  // loads the kernel
  HALFTONE_TRY(first.record(context.stream()));
  for (int i = 0; i < kTimedRuns; ++i)
    HALFTONE_TRY(run_blas(context, problem, algorithm, operands));
  HALFTONE_TRY(last.record(context.stream()));
  HALFTONE_TRY(vendor::event_synchronize(last.get()));
  return vendor::event_elapsed(first.get(), last.get(), milliseconds);
}

/// The fastest of `candidates`. D is written to scratch: C may be D, and is still needed.
Status tune(DeviceContext& context, const BlasMatmul& problem, BlasOperands operands,
            const std::vector<BlasAlgorithm>& candidates, BlasAlgorithm* best) {
  const int64_t elements =
      (problem.batch - 1) * problem.d.batch_stride + (problem.n - 1) * problem.d.ld + problem.m;
  void* d = nullptr;
  HALFTONE_TRY(context.scratch(static_cast<size_t>(elements) * size_of(problem.d.type), &d));
  if (operands.c == operands.d) operands.c = d;
  operands.d = d;
  for (const BlasAlgorithm& candidate : candidates)
    operands.workspace_bytes =
        std::max(operands.workspace_bytes, static_cast<size_t>(candidate.workspace_bytes));
  if (operands.workspace_bytes > 0)
    HALFTONE_TRY(context.scratch(operands.workspace_bytes, &operands.workspace));
  float least = std::numeric_limits<float>::infinity();
  for (const BlasAlgorithm& candidate : candidates) {
    float milliseconds = 0;
    HALFTONE_TRY(time_runs(context, problem, candidate, operands, &milliseconds));
    if (milliseconds >= least) continue;
    least = milliseconds;
    *best = candidate;
  }
  return {};
}

/// Whether the algorithm's arithmetic is within the mask. The library was asked for such algorithms
/// only; for float16 sums one that does not say what it does is not taken either.
bool allowed(const BlasMatmul& problem, const BlasAlgorithm& algorithm) {
  if (algorithm.impl == 0) return problem.compute != vendor::BlasCompute::k16F;
  return (algorithm.impl & ~problem.impl_mask) == 0;
}

}  // namespace

uint64_t blas_workspace_limit(const DeviceContext& context) {
  const int sm = context.properties().sm;
  const uint64_t recommended = sm >= 90 && sm < 120 ? 32ull << 20 : 4ull << 20;
  return std::min(recommended, context.settings().workspace_bytes);
}

Status find_blas(DeviceContext& context, const BlasMatmul& problem, const BlasOperands& operands,
                 bool* found, BlasAlgorithm* algorithm) {
  BlasState* state = nullptr;
  HALFTONE_TRY(state_of(context, &state));
  const bool autotune = context.settings().autotune;
  auto& plans = autotune ? state->tuned : state->plans;
  Plan* plan = plans.find(problem);
  if (!plan) {
    std::vector<BlasAlgorithm> candidates;
    HALFTONE_TRY(vendor::blas_candidates(state->blas, problem, kCandidates, &candidates));
    std::erase_if(candidates, [&](const BlasAlgorithm& a) { return !allowed(problem, a); });
    if (!candidates.empty() && has_activation(problem.epilogue)) {
      bool holds = false;
      HALFTONE_TRY(state->activations.holds(context, state->blas, problem, &holds));
      if (!holds) candidates.clear();
    }
    Plan made;
    made.found = !candidates.empty();
    if (made.found) made.algorithm = candidates.front();
    if (autotune && candidates.size() > 1)
      HALFTONE_TRY(tune(context, problem, operands, candidates, &made.algorithm));
    plan = plans.insert(problem, made);
  }
  *found = plan->found;
  *algorithm = plan->algorithm;
  return {};
}

Status run_blas(DeviceContext& context, const BlasMatmul& problem, const BlasAlgorithm& algorithm,
                BlasOperands operands) {
  BlasState* state = nullptr;
  HALFTONE_TRY(state_of(context, &state));
  if (operands.workspace_bytes < algorithm.workspace_bytes) {
    operands.workspace_bytes = static_cast<size_t>(algorithm.workspace_bytes);
    HALFTONE_TRY(context.scratch(operands.workspace_bytes, &operands.workspace));
  }
  return vendor::blas_run(state->blas, problem, algorithm, operands, context.stream());
}

}  // namespace halftone
