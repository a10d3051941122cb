// How plans of cuDNN are chosen, tried out, kept and stored, on the fake library.
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "backends/cuda/device.h"
#include "backends/emu/control.h"
#include "backends/emu/fake_dnn.h"
#include "check.h"
#include "conv_cases.h"
#include "run_cuda.h"
#include "vendor/dnn_canary.h"
#include "vendor/dnn_plan_store.h"

namespace halftone {
std::vector<CudaOp> conv2d_cuda_ops();
}

using namespace halftone;
using namespace halftone::vendor;
using namespace halftone::test;

namespace {

DnnTensor tensor(DType type, int64_t n, int64_t c, int64_t h, int64_t w) {
  return {type, {n, c, h, w}, {c * h * w, 1, w * c, c}, 16};
}

/// 3x3, padded by 1, NHWC.
ConvSpec spec_of(DType type, DType accumulate) {
  ConvSpec s;
  s.x = tensor(type, 2, 8, 6, 5);
  s.w = tensor(type, 16, 8, 3, 3);
  s.y = tensor(type, 2, 16, 6, 5);
  s.before[0] = s.before[1] = s.after[0] = s.after[1] = 1;
  s.accumulate = accumulate;
  return s;
}
ConvSpec with_relu(ConvSpec s) {
  s.bias = s.relu = true;
  s.bias_type = s.y.dtype;
  return s;
}

struct Bench {
  std::shared_ptr<DnnTarget> target;
  std::vector<std::shared_ptr<void>> memory;
  CanaryBench canary;

  Bench() {
    emu::control().checks_pointers = false;  // what it gives is memory of the host
    CHECK_OK(stream_create(&canary.stream));
    CHECK_OK(dnn_open(canary.stream, &target));
    canary.scratch = [this](size_t bytes, void** data) -> Status {
      memory.emplace_back(std::aligned_alloc(256, (bytes + 255) / 256 * 256), std::free);
      *data = memory.back().get();
      return {};
    };
  }
  ~Bench() {
    stream_destroy(canary.stream);
    emu::control().checks_pointers = true;
  }
  bool keeps(const ConvSpec& spec, int64_t engine) {
    bool fit = false;
    std::shared_ptr<DnnConfig> config;
    CHECK_OK(dnn_config_of_engine(*target, spec, engine, &config));
    CHECK_OK(engine_keeps_promises(*target, canary, spec, dnn_engine(*config), "device", &fit));
    return fit;
  }
  std::vector<int64_t> choose(const ConvSpec& spec, Compute compute, DType storage, size_t most,
                              bool checked = false, int64_t limit = 1 << 30) {
    std::vector<ChosenPlan> plans;
    const EngineCheck check = [&](const DnnEngine& e, bool* fit) {
      return engine_keeps_promises(*target, canary, spec, e, "device", fit);
    };
    CHECK_OK(choose_plans(*target, spec, policy_for(compute, storage, limit),
                          checked ? check : EngineCheck{}, most, &plans));
    std::vector<int64_t> ids;
    for (const ChosenPlan& plan : plans) ids.push_back(plan.engine.id);
    return ids;
  }
};

/// All that the fake remembers, as it was at the start; engines as given.
struct Clean {
  explicit Clean(std::vector<int64_t> engines = {}) {
    forget_verdicts();
    fake::dnn_reset();
    fake::dnn_offer_only(std::move(engines));
  }
  ~Clean() { fake::dnn_offer_only({}); }
};

std::string text(const std::vector<int64_t>& ids) {
  std::string s;
  for (int64_t id : ids) s += concat(s.empty() ? "" : " ", id);
  return s;
}

using Ids = std::vector<int64_t>;

/// A setting of the module while this exists.
struct Setting {
  std::string key;
  Setting(std::string k, const std::string& value) : key(std::move(k)) {
    CHECK_OK(cuda::configure(-1, key, value));
  }
  ~Setting() { CHECK_OK(cuda::configure(-1, key, key == "autotune" ? "0" : "")); }
};

struct Folder {
  std::string path =
      concat(std::filesystem::temp_directory_path().string(), "/halftone-plans-", getpid());
  Folder() { std::filesystem::remove_all(path); }
  ~Folder() { std::filesystem::remove_all(path); }
  std::vector<std::string> files() const {
    std::vector<std::string> all;
    if (std::filesystem::exists(path))
      for (const auto& entry : std::filesystem::directory_iterator(path))
        all.push_back(entry.path().string());
    return all;
  }
};

/// conv2d of float16 in float16, 1x1, on the device; the name of its kernel.
RunResult run_half(Compute compute = Compute::kFloat16, int64_t channels = 8) {
  HostTensor x(DType::kF16, Shape{1, 4, 4, channels}), w(DType::kF16, Shape{8, 1, 1, channels});
  Random random(7);
  fill(random, x);
  fill(random, w);
  Conv2d::Params p;
  p.layout = Layout::kNHWC;
  p.filterLayout = FilterLayout::kOHWI;
  p.compute = compute;
  RunResult result = run_cuda<Conv2d>(p, {&x, &w});
  CHECK_OK(result.status);
  return result;
}

}  // namespace

TEST(the_notes_decide_what_an_arithmetic_may_use) {
  const Clean clean;
  Bench bench;
  const ConvSpec f32 = spec_of(DType::kF32, DType::kF32), f16 = spec_of(DType::kF16, DType::kF32);
  // Strict float32: no tensor cores, no Winograd, nothing converted; the varying one last of all.
  CHECK_EQ(text(bench.choose(f32, Compute::kFloat32, DType::kF32, 9)), text({fake::kFma}));
  // tf32: tensor cores, but not the engine that converts to bfloat16.
  CHECK_EQ(text(bench.choose(f32, Compute::kTf32, DType::kF32, 9)), text({fake::kTensorCores}));
  // float32 of float16: tensor cores are exact; not the one that adds in float16.
  CHECK_EQ(text(bench.choose(f16, Compute::kFloat32, DType::kF16, 9)), text({fake::kTensorCores}));
}

TEST(an_engine_that_cannot_be_finalized_is_passed_over) {
  const Clean clean({fake::kNeverFinal, fake::kHonest});
  Bench bench;
  CHECK_EQ(text(bench.choose(spec_of(DType::kF32, DType::kF32), Compute::kFloat32, DType::kF32, 1)),
           text({fake::kHonest}));
}

TEST(varying_engines_are_the_last_resort) {
  Bench bench;
  const ConvSpec f32 = spec_of(DType::kF32, DType::kF32);
  {
    const Clean clean({fake::kVarying, fake::kHonest});
    CHECK_EQ(text(bench.choose(f32, Compute::kFloat32, DType::kF32, 9)), text({fake::kHonest}));
  }
  const Clean clean({fake::kVarying, fake::kHalfReduction});
  CHECK_EQ(text(bench.choose(f32, Compute::kFloat32, DType::kF32, 9)), text({fake::kVarying}));
}

TEST(more_workspace_than_allowed_is_passed_over) {
  const Clean clean({fake::kTensorCores, fake::kHonest});
  Bench bench;
  ConvSpec s = spec_of(DType::kF16, DType::kF32);
  for (DnnTensor* t : {&s.x, &s.w, &s.y}) {  // NCHW: tensor cores copy it
    const int64_t* d = t->dims;
    const int64_t strides[4] = {d[1] * d[2] * d[3], d[2] * d[3], d[3], 1};
    std::memcpy(t->strides, strides, sizeof strides);
  }
  const int64_t copies = 2 * (2 * 8 * 30 + 16 * 8 * 9 + 2 * 16 * 30);
  CHECK_EQ(text(bench.choose(s, Compute::kFloat32, DType::kF16, 1, false, copies)),
           text({fake::kTensorCores}));
  CHECK_EQ(text(bench.choose(s, Compute::kFloat32, DType::kF16, 1, false, copies - 1)),
           text({fake::kHonest}));
}

TEST(nothing_fits_is_no_error) {
  const Clean clean({fake::kHalfReduction});
  Bench bench;
  CHECK_EQ(text(bench.choose(spec_of(DType::kF16, DType::kF32), Compute::kFloat32, DType::kF16, 1)),
           "");
}

TEST(the_canary_finds_sums_that_are_secretly_wide) {
  const Clean clean;
  Bench bench;
  for (const ConvDirection direction :
       {ConvDirection::kForward, ConvDirection::kBackwardInput, ConvDirection::kBackwardFilter}) {
    ConvSpec s = spec_of(DType::kF16, DType::kF16);
    s.direction = direction;
    CHECK(bench.keeps(s, fake::kHonest));
    CHECK(bench.keeps(s, fake::kTensorCores));
    CHECK(!bench.keeps(s, fake::kSecretlyWide));
    CHECK_EQ(text(bench.choose(s, Compute::kFloat16, DType::kF16, 1, true)),
             text({fake::kTensorCores}));
    // Without it the library's first proposal would be taken.
    CHECK_EQ(text(bench.choose(s, Compute::kFloat16, DType::kF16, 1)), text({fake::kSecretlyWide}));
  }
}

TEST(the_canary_finds_an_activation_that_drops_nan) {
  const Clean clean;
  Bench bench;
  for (const DType type : {DType::kF32, DType::kF16, DType::kBF16}) {
    const ConvSpec s = with_relu(spec_of(type, DType::kF32));
    CHECK(!bench.keeps(s, fake::kReluDropsNan));
    CHECK(bench.keeps(s, fake::kHonest));
  }
}

TEST(an_engine_is_tried_out_once_for_each_kind_of_graph) {
  const Clean clean;
  Bench bench;
  const ConvSpec half = spec_of(DType::kF16, DType::kF16);
  bench.keeps(half, fake::kHonest);
  ConvSpec other = half;  // another size is the same kind
  other.x = tensor(DType::kF16, 1, 8, 9, 9);
  other.y = tensor(DType::kF16, 1, 16, 9, 9);
  bench.keeps(other, fake::kHonest);
  CHECK_EQ(forget_verdicts(), 1);
  bench.keeps(half, fake::kHonest);
  bench.keeps(with_relu(half), fake::kHonest);
  bench.keeps(half, fake::kTensorCores);
  other.direction = ConvDirection::kBackwardInput;
  bench.keeps(other, fake::kHonest);
  CHECK_EQ(forget_verdicts(), 4);
  // Nothing to find out where the notes say all.
  bench.keeps(spec_of(DType::kF16, DType::kF32), fake::kHonest);
  CHECK_EQ(forget_verdicts(), 0);
}

TEST(an_engine_that_does_not_take_the_experiment_is_not_trusted) {
  const Clean clean;
  Bench bench;
  bool fit = true;
  CHECK_OK(engine_keeps_promises(*bench.target, bench.canary, spec_of(DType::kF16, DType::kF16),
                                 DnnEngine{fake::kFma, 0, 0}, "device", &fit));
  CHECK(!fit);
}

TEST(each_part_of_a_call_is_in_the_key) {
  const ConvSpec base = with_relu(spec_of(DType::kF16, DType::kF32));
  std::vector<std::pair<const char*, std::string>> keys = {
      {"base", plan_key(base, Compute::kFloat32, "a")}};
  const auto add = [&](const char* what, auto&& change) {
    ConvSpec s = base;
    change(s);
    keys.emplace_back(what, plan_key(s, Compute::kFloat32, "a"));
  };
  add("direction", [](ConvSpec& s) { s.direction = ConvDirection::kBackwardInput; });
  add("direction 2", [](ConvSpec& s) { s.direction = ConvDirection::kBackwardFilter; });
  for (int i = 0; i < 4; ++i) {
    add("x dims", [&](ConvSpec& s) { ++s.x.dims[i]; });
    add("w dims", [&](ConvSpec& s) { ++s.w.dims[i]; });
    add("y dims", [&](ConvSpec& s) { ++s.y.dims[i]; });
    add("x strides", [&](ConvSpec& s) { ++s.x.strides[i]; });
    add("w strides", [&](ConvSpec& s) { ++s.w.strides[i]; });
    add("y strides", [&](ConvSpec& s) { ++s.y.strides[i]; });
  }
  add("x alignment", [](ConvSpec& s) { s.x.alignment = 8; });
  add("w alignment", [](ConvSpec& s) { s.w.alignment = 8; });
  add("y alignment", [](ConvSpec& s) { s.y.alignment = 8; });
  add("x dtype", [](ConvSpec& s) { s.x.dtype = DType::kBF16; });
  add("w dtype", [](ConvSpec& s) { s.w.dtype = DType::kBF16; });
  add("y dtype", [](ConvSpec& s) { s.y.dtype = DType::kF32; });
  for (int i = 0; i < 2; ++i) {
    add("stride", [&](ConvSpec& s) { s.stride[i] = 2; });
    add("dilation", [&](ConvSpec& s) { s.dilation[i] = 2; });
    add("before", [&](ConvSpec& s) { s.before[i] = 0; });
    add("after", [&](ConvSpec& s) { s.after[i] = 0; });
  }
  add("sums", [](ConvSpec& s) { s.accumulate = DType::kF16; });
  add("bias", [](ConvSpec& s) { s.bias = false; });
  add("bias dtype", [](ConvSpec& s) { s.bias_type = DType::kF32; });
  add("relu", [](ConvSpec& s) { s.relu = false; });
  keys.emplace_back("compute", plan_key(base, Compute::kTf32, "a"));
  keys.emplace_back("device", plan_key(base, Compute::kFloat32, "b"));
  for (size_t i = 0; i < keys.size(); ++i)
    for (size_t j = 0; j < i; ++j)
      if (keys[i].second == keys[j].second)
        check::fail(__FILE__, __LINE__, concat(keys[i].first, " and ", keys[j].first));
}

TEST(the_compute_type_reaches_the_library) {
  const Clean clean;
  CHECK_EQ(std::string(run_half(Compute::kFloat16).provenance.kernel), "conv2d_nhwc_engine1");
  CHECK(fake::dnn_calls().back().spec.accumulate == DType::kF16);
  const RunResult wide = run_half(Compute::kFloat32);
  CHECK(fake::dnn_calls().back().spec.accumulate == DType::kF32);
  CHECK_EQ(std::string(wide.provenance.library), "cudnn");
  CHECK_EQ(std::string(wide.provenance.version), "9.24.0");
  CHECK_EQ(std::string(wide.provenance.accumulate), "float32");
  CHECK_EQ(wide.provenance.tensor_cores, 1);
}

TEST(without_an_honest_engine_our_own_kernel_runs) {
  const Clean clean({fake::kSecretlyWide});
  const RunResult result = run_half();
  CHECK_EQ(std::string(result.provenance.library), "halftone-cuda");
  CHECK_EQ(std::string(result.provenance.kernel), "conv2d_direct_f16_nhwc");
  CHECK_EQ(std::string(result.provenance.accumulate), "float16");
}

TEST(varying_order_is_in_the_provenance) {
  const Clean clean({fake::kVarying});
  CHECK_EQ(std::string(run_half(Compute::kFloat32).provenance.kernel),
           "conv2d_nhwc_engine4_nondeterministic");
}

TEST(tf32_is_refused_where_there_is_none) {
  const TensorView x{nullptr, DType::kF32, Shape{1, 1, 2, 2}};
  const TensorView in[2] = {x, x};
  Conv2d::Params p;
  p.compute = Compute::kTf32;
  DeviceProperties device;
  std::snprintf(device.name, sizeof device.name, "Tesla T4");
  device.sm = 75;
  CHECK_EQ(conv2d_cuda_ops()[0].supports(&p, {in, {}, device}).message,
           "compute 'tf32' needs compute capability 8.0, and Tesla T4 has 7.5; nearest: compute "
           "'float32'");
  device.sm = 80;
  CHECK_OK(conv2d_cuda_ops()[0].supports(&p, {in, {}, device}));
}

TEST(a_plan_is_stored_and_found_again) {
  const Clean clean;
  const Folder folder;
  const Setting setting("plan-cache", folder.path);
  const std::string first = run_half().provenance.kernel;
  CHECK_EQ(folder.files().size(), size_t{1});
  fake::dnn_reset();
  CHECK_EQ(std::string(run_half().provenance.kernel), first);  // a new stream: nothing in memory
  CHECK_EQ(fake::dnn_finalized(), 0);
  run_half(Compute::kFloat32);
  CHECK_EQ(fake::dnn_finalized(), 1);
  CHECK_EQ(folder.files().size(), size_t{2});
}

TEST(a_stored_plan_is_tried_out_as_any_other) {
  const Folder folder;
  const Setting setting("plan-cache", folder.path);
  const Clean clean({fake::kSecretlyWide, fake::kHonest});
  run_half();
  const std::string file = folder.files().at(0);
  // Somebody stores the engine that is secretly wide, with all that belongs to a good file.
  std::ifstream in(file);
  std::string line, key;
  std::getline(in, line);
  std::getline(in, key);
  in.close();
  const PlanStore store(folder.path);
  StoredPlan plan = *store.find(key);
  CHECK_EQ(plan.engine.id, fake::kHonest);
  plan.engine = {fake::kSecretlyWide, kTensorCore, 0};
  plan.json.replace(plan.json.find("\"engine\":0"), 10, "\"engine\":2");
  store.put(key, plan);
  CHECK_EQ(std::string(run_half().provenance.kernel), "conv2d_nhwc_engine0");
}

TEST(files_that_are_no_plans_are_ignored) {
  const Folder folder;
  const PlanStore store(folder.path);
  const StoredPlan plan{{5, 1, 0}, "{\"a\": 1}"};
  CHECK(!store.find("key").has_value());
  store.put("key", plan);
  CHECK(store.find("key").has_value());
  CHECK_EQ(store.find("key")->json, plan.json);
  CHECK_EQ(store.find("key")->engine.id, 5);
  CHECK(!store.find("other key").has_value());
  std::filesystem::copy(store.path("key"), store.path("other key"));
  CHECK(!store.find("other key").has_value());  // another key's file under this name

  std::ifstream in(store.path("key"), std::ios::binary);
  const std::string whole(std::istreambuf_iterator<char>(in), {});
  const auto with = [&](const std::string& bytes) {
    std::ofstream(store.path("key"), std::ios::binary) << bytes;
    return store.find("key").has_value();
  };
  CHECK(with(whole));
  for (size_t i = 0; i < whole.size(); ++i) {
    std::string changed = whole;
    changed[i] = static_cast<char>(changed[i] ^ 1);
    // The notes and ids are not under the sum; what they may be is checked when the plan is used.
    if (with(changed)) CHECK(store.find("key")->json == plan.json);
    CHECK(!with(whole.substr(0, i)));
  }
  CHECK(!with(whole + "x"));
  CHECK_EQ(folder.files().size(), size_t{2});  // no temporary file is left behind
}

TEST(a_folder_that_cannot_be_made_is_no_error) {
  const Clean clean;
  const Setting setting("plan-cache", "/proc/none/plans");
  CHECK_OK(run_half().status);
}

TEST(tuning_times_the_candidates_and_keeps_the_fastest) {
  const Clean clean({fake::kSlow, fake::kTensorCores});
  const Folder folder;
  const Setting cache("plan-cache", folder.path);
  CHECK_EQ(std::string(run_half(Compute::kFloat32).provenance.kernel), "conv2d_nhwc_engine11");
  CHECK_EQ(fake::dnn_calls().size(), size_t{1});
  const Setting setting("autotune", "1");
  CHECK_EQ(std::string(run_half(Compute::kFloat32).provenance.kernel), "conv2d_nhwc_engine1");
  CHECK_EQ(fake::dnn_calls().size(), size_t{1 + 2 * 4 + 1});  // two plans, four times each
  // The choice is stored, apart from the one that was not tuned.
  CHECK_EQ(std::string(run_half(Compute::kFloat32).provenance.kernel), "conv2d_nhwc_engine1");
  CHECK_EQ(fake::dnn_calls().size(), size_t{11});
  CHECK_EQ(folder.files().size(), size_t{2});
}
