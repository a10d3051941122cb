// Plans made by the real cuDNN without a GPU: for the convolutions of ResNet-50 on seven devices,
// and for random ones, in each arithmetic and direction, by the code that chooses plans in
// production. Checks that there is a plan and that its engine's notes keep the arithmetic's
// promises.
//
//   cudnn_plans <path of libcublasLt> <file for the plans of ResNet-50 as JSON>
//
// A program of its own: cuDNN ends the process when it cannot find cuBLASLt, so that is opened
// first. Engines that compile their kernels need a driver even to be planned and never appear here.
#include <dlfcn.h>

#include <chrono>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <string>
#include <vector>

#include "conv_cases.h"
#include "cudnn_profiles.h"
#include "vendor/dnn_plan.h"

using namespace halftone;
using namespace halftone::vendor;

namespace {

constexpr int64_t kWorkspace = int64_t{256} << 20;  // CudaSettings::workspace_bytes
constexpr int64_t kBatch = 16;

struct Layer {
  int64_t c, size, k, kernel, stride;
};
// The 23 different convolutions of ResNet-50 v1.5 (He et al. 2015; strides in the 3x3, as
// torchvision).
constexpr Layer kLayers[] = {
    {3, 224, 64, 7, 2},     {64, 56, 64, 1, 1},    {64, 56, 64, 3, 1},    {64, 56, 256, 1, 1},
    {256, 56, 64, 1, 1},    {256, 56, 128, 1, 1},  {128, 56, 128, 3, 2},  {128, 28, 512, 1, 1},
    {256, 56, 512, 1, 2},   {512, 28, 128, 1, 1},  {128, 28, 128, 3, 1},  {512, 28, 256, 1, 1},
    {256, 28, 256, 3, 2},   {256, 14, 1024, 1, 1}, {512, 28, 1024, 1, 2}, {1024, 14, 256, 1, 1},
    {256, 14, 256, 3, 1},   {1024, 14, 512, 1, 1}, {512, 14, 512, 3, 2},  {512, 7, 2048, 1, 1},
    {1024, 14, 2048, 1, 2}, {2048, 7, 512, 1, 1},  {512, 7, 512, 3, 1}};

struct Arithmetic {
  const char* name;
  DType storage;
  Compute compute;
};
constexpr Arithmetic kArithmetics[] = {{"float16 in float16", DType::kF16, Compute::kFloat16},
                                       {"float16 in float32", DType::kF16, Compute::kFloat32},
                                       {"bfloat16 in float32", DType::kBF16, Compute::kFloat32},
                                       {"float32 in tf32", DType::kF32, Compute::kTf32},
                                       {"float32 in float32", DType::kF32, Compute::kFloat32}};

/// What there is to compute, before a library sees it.
struct Form {
  ConvDirection direction;
  bool fused = false, residual = false;  // bias and relu; and an addend
  const char* name;
};
constexpr Form kForms[] = {{ConvDirection::kForward, false, false, "forward"},
                           {ConvDirection::kForward, true, false, "forward, bias, relu"},
                           {ConvDirection::kForward, true, true, "forward, bias, residual, relu"},
                           {ConvDirection::kBackwardInput, false, false, "backward input"},
                           {ConvDirection::kBackwardFilter, false, false, "backward filter"}};

void set_tensor(DnnTensor* t, DType type, const int64_t (&d)[4], bool channels_last) {
  t->dtype = type;
  std::memcpy(t->dims, d, sizeof d);
  const int64_t last[4] = {d[1] * d[2] * d[3], 1, d[3] * d[1], d[1]};
  const int64_t first[4] = {d[1] * d[2] * d[3], d[2] * d[3], d[3], 1};
  std::memcpy(t->strides, channels_last ? last : first, sizeof last);
}

ConvSpec spec_of(const test::ConvCase& c, const Arithmetic& a, const Form& form) {
  ConvSpec s;
  s.direction = form.direction;
  const bool last = c.options.layout == Layout::kNHWC;
  set_tensor(&s.x, a.storage, {c.n, c.c, c.h, c.w}, last);
  set_tensor(&s.w, a.storage, {c.k, c.c / c.options.groups, c.r, c.s}, last);
  set_tensor(&s.y, a.storage, {c.n, c.k, c.out[0], c.out[1]}, last);
  const int64_t in[2] = {c.h, c.w}, taps[2] = {c.r, c.s};
  for (int i = 0; i < 2; ++i) {
    s.stride[i] = c.options.stride[i];
    s.dilation[i] = c.options.dilation[i];
    s.before[i] = c.pad[i];
    const int64_t reach = (c.out[i] - 1) * s.stride[i] + (taps[i] - 1) * s.dilation[i] + 1;
    s.after[i] = std::max<int64_t>(reach - in[i] - s.before[i], 0);
  }
  s.accumulate = a.compute == Compute::kFloat16 ? DType::kF16 : DType::kF32;
  s.bias = s.relu = form.fused;
  s.residual = form.residual;
  s.bias_type = a.storage;
  return s;
}

test::ConvCase case_of(const Layer& l) {
  test::ConvCase c{};
  c.options.layout = Layout::kNHWC;
  c.options.filterLayout = FilterLayout::kOHWI;
  c.options.stride = {l.stride, l.stride};
  c.n = kBatch;
  c.c = l.c;
  c.h = c.w = l.size;
  c.k = l.k;
  c.r = c.s = l.kernel;
  c.pad[0] = c.pad[1] = l.kernel / 2;
  c.out[0] = c.out[1] = (l.size + 2 * (l.kernel / 2) - l.kernel) / l.stride + 1;
  return c;
}

/// The promises, written down once more and apart from policy_for().
bool promise_kept(const Arithmetic& a, uint32_t notes) {
  if (notes & (kFft | kWinograd | kWinograd4x4 | kWinograd6x6 | kWinograd13x13)) return false;
  const bool tensor_cores = notes & kTensorCore;
  if (a.compute == Compute::kFloat16) return true;
  if (notes & (kReducedPrecisionReduction | kDownConvertInputs)) return false;
  if (a.compute == Compute::kTf32) return tensor_cores;
  return a.storage != DType::kF32 || !tensor_cores;
}

/// What these devices cannot do in hardware: sm_75 has neither bfloat16 nor tf32.
bool lacks(const test::DeviceProfile& p, const Arithmetic& a) {
  return p.sm < 80 && (a.storage == DType::kBF16 || a.compute == Compute::kTf32);
}

struct Totals {
  int plans = 0, none = 0, varying = 0, wrong = 0;
};

/// A plan as JSON is read back, and a damaged one is not.
Status survives_storing(DnnTarget& target, const ConvSpec& spec, const ChosenPlan& chosen) {
  std::string json;
  std::shared_ptr<DnnPlan> read;
  HALFTONE_TRY(dnn_save(*chosen.plan, &json));
  HALFTONE_TRY(dnn_load(target, spec, json, &read));
  if (dnn_workspace_bytes(*read) != chosen.workspace)
    return error(Code::kInternal, "a stored plan has another workspace");
  for (const std::string& damaged : {std::string(), json.substr(0, json.size() / 2), "#" + json})
    if (dnn_load(target, spec, damaged, &read).ok())
      return error(Code::kInternal, "a damaged plan is taken");
  return {};
}

class Prover {
 public:
  Status open() {
    for (const test::DeviceProfile& p : test::kProfiles) {
      targets_.emplace_back();
      HALFTONE_TRY(dnn_open_profile(test::profile_json(p), &targets_.back()));
    }
    return {};
  }

  /// Plans one convolution; *out is empty when there is none.
  void plan(size_t device, const test::ConvCase& c, const Arithmetic& a, const Form& form,
            Totals* totals, std::vector<ChosenPlan>* out) {
    const ConvSpec spec = spec_of(c, a, form);
    const Status status = choose_plans(*targets_[device], spec,
                                       policy_for(a.compute, a.storage, kWorkspace), {}, 1, out);
    const test::DeviceProfile& p = test::kProfiles[device];
    const auto wrong = [&](const std::string& what) {
      if (++totals->wrong <= 10)
        std::printf("sm_%d %s %s %s: %s\n", p.sm, a.name, form.name, c.text().c_str(),
                    what.c_str());
    };
    if (!status.ok()) return wrong(status.message);
    if (out->empty()) {
      ++totals->none;
      return;
    }
    ++totals->plans;
    const ChosenPlan& chosen = out->front();
    if (chosen.engine.numerical & kNondeterministic) ++totals->varying;
    if (!promise_kept(a, chosen.engine.numerical))
      wrong(concat("engine ", chosen.engine.id, " has ", note_names(chosen.engine.numerical)));
    if (chosen.workspace > kWorkspace) wrong(concat("workspace ", chosen.workspace));
    if (lacks(p, a)) wrong("planned what the device cannot do");
    if (totals->plans % 50 == 1) {
      const Status kept = survives_storing(*targets_[device], spec, chosen);
      if (!kept.ok()) wrong(kept.message);
    }
  }

 private:
  std::vector<std::shared_ptr<DnnTarget>> targets_;
};

/// All layers, arithmetics and directions on all devices.
Totals prove_resnet(Prover& prover, std::ostream& json) {
  Totals totals;
  json << "{\n  \"cudnn\": " << dnn_version() << ",\n  \"batch\": " << kBatch
       << ",\n  \"plans\": [";
  bool first = true;
  for (const Layer& l : kLayers)
    for (const Form& form : kForms)
      for (const Arithmetic& a : kArithmetics)
        for (size_t d = 0; d < std::size(test::kProfiles); ++d) {
          std::vector<ChosenPlan> chosen;
          prover.plan(d, case_of(l), a, form, &totals, &chosen);
          if (chosen.empty() && !lacks(test::kProfiles[d], a)) {
            ++totals.wrong;
            std::printf("sm_%d %s %s c%lld %lld k%lld: no plan\n", test::kProfiles[d].sm, a.name,
                        form.name, static_cast<long long>(l.c), static_cast<long long>(l.size),
                        static_cast<long long>(l.k));
          }
          json << (first ? "\n" : ",\n") << "    {\"layer\": \"" << l.c << " x " << l.size
               << "^2 -> " << l.k << ", " << l.kernel << "x" << l.kernel << "/" << l.stride
               << "\", \"form\": \"" << form.name << "\", \"arithmetic\": \"" << a.name
               << "\", \"sm\": " << test::kProfiles[d].sm;
          if (!chosen.empty())
            json << ", \"engine\": " << chosen[0].engine.id << ", \"notes\": \""
                 << note_names(chosen[0].engine.numerical)
                 << "\", \"workspace\": " << chosen[0].workspace;
          json << "}";
          first = false;
        }
  json << "\n  ]\n}\n";
  return totals;
}

/// Random convolutions with every option, the devices in turn. Not all have a plan: those are made
/// by Halftone's own kernels.
Totals prove_random(Prover& prover, int count) {
  Totals totals;
  test::Random random(test::test_seed());
  for (int i = 0; i < count; ++i) {
    test::ConvCase c = test::random_case(random, i % 4 == 0);
    if (c.n == 0) continue;
    for (const Arithmetic& a : kArithmetics) {
      const size_t d = static_cast<size_t>(random.below(std::size(test::kProfiles)));
      const Form& form = kForms[random.below(std::size(kForms))];
      std::vector<ChosenPlan> chosen;
      prover.plan(d, c, a, form, &totals, &chosen);
    }
  }
  return totals;
}

int report(const char* what, const Totals& t, double seconds) {
  std::printf("%s: %d plans (%d in varying order), %d without one, %d wrong, %.1f s\n", what,
              t.plans, t.varying, t.none, t.wrong, seconds);
  return t.wrong;
}

template <class F>
int timed(const char* what, F&& f) {
  const auto start = std::chrono::steady_clock::now();
  const Totals totals = f();
  const std::chrono::duration<double> passed = std::chrono::steady_clock::now() - start;
  return report(what, totals, passed.count());
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::printf("usage: cudnn_plans <libcublasLt> <output.json>\n");
    return 2;
  }
  if (!dlopen(argv[1], RTLD_NOW | RTLD_LOCAL)) {
    std::printf("%s\n", dlerror());
    return 2;
  }
  std::printf("cuDNN %lld\n", static_cast<long long>(dnn_version()));
  Prover prover;
  if (const Status opened = prover.open(); !opened.ok()) {
    std::printf("%s\n", opened.message.c_str());
    return 1;
  }
  std::ofstream json(argv[2], std::ios::trunc);
  int wrong = timed("ResNet-50", [&] { return prove_resnet(prover, json); });
  json.close();
  if (!json) {
    std::printf("%s cannot be written\n", argv[2]);
    return 1;
  }
  wrong += timed("random", [&] { return prove_random(prover, 300); });
  return wrong != 0;
}
