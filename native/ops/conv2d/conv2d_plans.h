// The plans of cuDNN that one stream has made: each convolution is planned once.
#pragma once
#include <string>
#include <unordered_map>

#include "device/context.h"
#include "vendor/dnn_plan.h"

namespace halftone {

class ConvPlans {
 public:
  /// Those of the context's stream; opens the library at the first use.
  static Status of_stream(DeviceContext& context, ConvPlans** out);

  /// The plan for `spec` in the arithmetic `compute`; null when the library has none. It may take
  /// milliseconds the first time (seconds when the engine compiles a kernel), and waits for the
  /// stream then if an engine has to be tried out (dnn_canary.h). The pointer holds until the next
  /// call.
  Status find(DeviceContext& context, const vendor::ConvSpec& spec, Compute compute,
              const vendor::ChosenPlan** plan);

  /// Enqueues the plan of a spec that find() has one for. With CudaSettings::autotune the first
  /// call for a spec runs several plans, waits for them, and keeps the fastest.
  Status execute(DeviceContext& context, const vendor::ConvSpec& spec, Compute compute,
                 const vendor::ConvPointers& pointers, const vendor::ChosenPlan** used);

  size_t size() const { return entries_.size(); }

  /// What a choice depends on. Looked up by each call, and so no text.
  struct Question {
    vendor::ConvSpec spec;
    Compute compute = Compute::kDefault;
    uint64_t workspace_bytes = 0;
    bool autotune = false;

    bool operator==(const Question&) const = default;
  };

 private:
  struct QuestionHash {
    size_t operator()(const Question& q) const;
  };
  struct Entry {
    std::vector<vendor::ChosenPlan> candidates;  // more than one: not yet timed
  };

  explicit ConvPlans(const DeviceContext& context);
  Status entry_of(DeviceContext& context, const Question& question, Entry** entry);
  Status make(DeviceContext& context, const Question& question, Entry* entry);
  /// For files, whose plans outlive the process.
  std::string key_of(const Question& question) const;
  Status tune(DeviceContext& context, const vendor::ConvPointers& pointers, Entry* entry);

  std::shared_ptr<vendor::DnnTarget> target_;
  std::string device_;
  std::unordered_map<Question, Entry, QuestionHash> entries_;
};

}  // namespace halftone
