// Convolution as cuDNN's graph API takes it: every argument as plain data, no vendor header. The
// real functions are in backends/cuda/vendor_dnn.cc, a fake with the same semantics for machines
// without a GPU in backends/emu/vendor_dnn.cc.
//
// The way to a result: open a DnnTarget, ask for the configurations that the library proposes for a
// ConvSpec, finalize one into a DnnPlan, execute it. Choosing among them is dnn_plan.h's business.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/dtype.h"
#include "core/status.h"
#include "vendor/runtime.h"

namespace halftone::vendor {

enum class ConvDirection : int32_t { kForward, kBackwardInput, kBackwardFilter };

/// A 4-dimensional tensor with strides in elements. Images: [n, channels of all groups, h, w].
/// Filters: [output channels of all groups, input channels of one group, r, s]. cuDNN reads the
/// layout (NCHW or NHWC, KCRS or KRSC) from the strides.
struct DnnTensor {
  DType dtype = DType::kF32;
  int64_t dims[4] = {};
  int64_t strides[4] = {};
  int64_t alignment = 16;  // bytes; a promise about the pointer. Below 16 most engines refuse.

  bool operator==(const DnnTensor&) const = default;
};

/// One convolution, cross-correlation, alpha 1, beta 0. The result is y (forward), x (backward
/// input) or w (backward filter); the other two are inputs.
///
/// Bias, residual and activation (forward only) are a pointwise chain behind the convolution,
/// computed in float32: the sum, rounded to `accumulate`, plus residual, plus bias, then max(0, .),
/// rounded to y's dtype. Engines take a residual or an activation only together with a bias.
struct ConvSpec {
  ConvDirection direction = ConvDirection::kForward;
  DnnTensor x, w, y;
  int64_t stride[2] = {1, 1}, dilation[2] = {1, 1};  // [rows, columns]
  int64_t before[2] = {}, after[2] = {};             // padding
  DType accumulate = DType::kF32;                    // CUDNN_ATTR_CONVOLUTION_COMP_TYPE
  bool bias = false, residual = false, relu = false;
  DType bias_type = DType::kF32;  // of [1, output channels, 1, 1]; the residual is as y

  bool operator==(const ConvSpec&) const = default;
  int64_t groups() const { return w.dims[1] == 0 ? 1 : x.dims[1] / w.dims[1]; }
  /// Whether anything follows the convolution.
  bool chain() const { return bias || residual || relu; }
  const DnnTensor& result() const {
    return direction == ConvDirection::kForward         ? y
           : direction == ConvDirection::kBackwardInput ? x
                                                        : w;
  }
};

/// Device pointers of one execution. `bias` and `residual` only when the spec has them.
struct ConvPointers {
  void* x = nullptr;
  void* w = nullptr;
  void* y = nullptr;
  void* bias = nullptr;
  void* residual = nullptr;
};

/// What an engine says of its arithmetic: bit i is value i of cudnnBackendNumericalNote_t.
enum NumericalNote : uint32_t {
  kTensorCore = 1u << 0,
  kDownConvertInputs = 1u << 1,
  kReducedPrecisionReduction = 1u << 2,
  kFft = 1u << 3,
  kNondeterministic = 1u << 4,
  kWinograd = 1u << 5,
  kWinograd4x4 = 1u << 6,
  kWinograd6x6 = 1u << 7,
  kWinograd13x13 = 1u << 8,
  kStrictNanPropagation = 1u << 9,
};
/// Bit i is value i of cudnnBackendBehaviorNote_t.
enum BehaviorNote : uint32_t { kRuntimeCompilation = 1u << 0 };

/// "TENSOR_CORE, WINOGRAD"; "none" for 0.
std::string note_names(uint32_t numerical);

/// One of the library's implementations. Ids are stable within one version of the library and one
/// kind of graph: direction, bias and activation.
struct DnnEngine {
  int64_t id = -1;
  uint32_t numerical = 0, behavior = 0;
};

/// A device on which plans can run, or the description of one for which plans can only be made.
struct DnnTarget;
/// An engine with its tuning choices, for one ConvSpec.
struct DnnConfig;
/// What can be executed.
struct DnnPlan;

/// CUDNN_VERSION of the library that is loaded: 92400 is 9.24.0.
int64_t dnn_version();

/// For the calling thread's current device. Executes on `stream`. Use it from one thread at a time.
Status dnn_open(Stream stream, std::shared_ptr<DnnTarget>* out);

/// For a device described by the JSON of CUDNN_ATTR_DEVICEPROP_JSON_REPRESENTATION. Nothing can be
/// executed; needs neither GPU nor driver.
Status dnn_open_profile(std::string_view json, std::shared_ptr<DnnTarget>* out);

/// Where configurations come from: CUDNN_HEUR_MODE_A, ..._FALLBACK.
enum class DnnHeuristic : int32_t { kA, kFallback };

/// The configurations that the library proposes, best first. None, without an error, for what it
/// does not support.
Status dnn_configs(DnnTarget& target, const ConvSpec& spec, DnnHeuristic heuristic,
                   std::vector<std::shared_ptr<DnnConfig>>* out);

/// The engine `id` with its default choices; unsupported when it does not take this spec.
Status dnn_config_of_engine(DnnTarget& target, const ConvSpec& spec, int64_t id,
                            std::shared_ptr<DnnConfig>* out);

DnnEngine dnn_engine(const DnnConfig& config);

/// May compile a kernel (kRuntimeCompilation). Unsupported when the engine cannot do it after all.
Status dnn_finalize(DnnTarget& target, const DnnConfig& config, std::shared_ptr<DnnPlan>* out);

int64_t dnn_workspace_bytes(const DnnPlan& plan);

/// The plan as JSON, and back. The JSON holds the library's version, the graph and the device; a
/// text that does not fit, or is none, is refused.
Status dnn_save(const DnnPlan& plan, std::string* json);
Status dnn_load(DnnTarget& target, const ConvSpec& spec, const std::string& json,
                std::shared_ptr<DnnPlan>* out);

/// Enqueues the plan on the target's stream. `workspace` has dnn_workspace_bytes(), aligned to 16.
Status dnn_execute(DnnTarget& target, const DnnPlan& plan, const ConvPointers& pointers,
                   void* workspace);

}  // namespace halftone::vendor
