// conv2d and its gradients on the emulated device: through the fake cuDNN, and by our own kernels,
// against float64 references and, where the arithmetic is stated to the bit, against the CPU.
#include "backends/emu/fake_dnn.h"
#include "check.h"
#include "conv_cases.h"
#include "run_cuda.h"
#include "thinned.h"
#include "vendor/dnn_canary.h"

using namespace halftone;
using namespace halftone::test;
namespace fake = halftone::vendor::fake;

namespace {

/// Engines offered while this exists; all plans and verdicts start anew.
struct Offer {
  explicit Offer(std::vector<int64_t> engines) {
    vendor::forget_verdicts();
    fake::dnn_reset();
    fake::dnn_offer_only(std::move(engines));
  }
  ~Offer() { fake::dnn_offer_only({}); }
};
constexpr int64_t kNoEngine = 99;

struct Kind {
  DType type;
  Compute compute;
  DType out;
};
constexpr Kind kKinds[] = {
    {DType::kF32, Compute::kFloat32, DType::kF32}, {DType::kF32, Compute::kTf32, DType::kF32},
    {DType::kF16, Compute::kFloat32, DType::kF16}, {DType::kF16, Compute::kFloat32, DType::kF32},
    {DType::kF16, Compute::kFloat16, DType::kF16}, {DType::kBF16, Compute::kFloat32, DType::kBF16},
    {DType::kBF16, Compute::kFloat32, DType::kF32}};

template <class Op>
typename Op::Params params_of(const ConvCase& t, const Kind& kind) {
  typename Op::Params p;
  static_cast<ConvOptions&>(p) = t.options;
  p.compute = kind.compute;
  p.outputDType.value = static_cast<int32_t>(kind.out);
  if constexpr (requires { p.inputSize; }) p.inputSize = {t.h, t.w};
  if constexpr (requires { p.filterSize; }) p.filterSize = {t.r, t.s};
  return p;
}

struct Bias {
  bool given = false;
  HostTensor tensor;
  bool relu = false;
};

/// How float16 sums are compared.
enum class Exact {
  kNo,      // by their bound: the order of the sum is the engine's
  kNumber,  // but for the sign of a zero, which padding multiplied as zeros changes
  kBits
};

/// Checks one result. Sums in float32 are compared by their bound.
void check_result(const ConvCase& t, Wanted wanted, const Kind& kind, HostTensor& a, HostTensor& b,
                  Bias& bias, RunResult& result, Exact exact) {
  CHECK_OK(result.status);
  if (!result.status.ok()) return check::fail(__FILE__, __LINE__, t.text());
  HostTensor& out = result.outputs[0];
  CHECK(out.shape == shape_of(t, wanted));
  const bool half = kind.compute == Compute::kFloat16;
  const int64_t inner = t.options.layout == Layout::kNCHW ? t.out[0] * t.out[1] : 1;
  const std::vector<double> halves = half ? reference_f16(t, wanted, a, b) : std::vector<double>{};
  const std::vector<Sum> sums = reference(t, wanted, a, b);
  int bad = 0;
  for (int64_t i = 0; i < out.shape.elements(); ++i) {
    Sum sum = sums[static_cast<size_t>(i)];
    double want = sum.value, bound = 0;
    const double addend = bias.given ? get(bias.tensor, i / inner % t.k) : 0;
    if (half && exact != Exact::kNo) {
      want = halves[static_cast<size_t>(i)];
      if (bias.given) want = to_float(to_f16(want + addend));
      if (bias.relu && want <= 0) want = 0;
      const double got = get(out, i);
      const bool same_sign = std::signbit(got) == std::signbit(want) || exact == Exact::kNumber;
      if (std::isnan(got) ? std::isnan(want) : got == want && (same_sign || want != 0)) continue;
    } else {
      if (bias.given) sum.add(addend);
      want = bias.relu && sum.value <= 0 ? 0 : sum.value;
      bound = product_bound(out.dtype, kind.compute, sum.terms, want, sum.magnitude, true);
      if (std::fabs(get(out, i) - want) <= bound) continue;
    }
    if (++bad == 1)
      check::fail(
          __FILE__, __LINE__,
          concat(t.text(), " ", name(kind.type), " ", name(kind.compute), " -> ", name(kind.out),
                 " ", result.provenance.kernel, bias.given ? " bias" : "", bias.relu ? " relu" : "",
                 ": [", i, "] = ", get(out, i), ", want ", want, " +- ", bound));
  }
}

void check_case(Random& random, const ConvCase& t, Wanted wanted, const Kind& kind, Exact exact,
                std::vector<std::string>* kernels = nullptr) {
  HostTensor a(kind.type, shape_of(t, wanted == Wanted::kInput ? Wanted::kOutput : Wanted::kInput));
  HostTensor b(kind.type,
               shape_of(t, wanted == Wanted::kFilter ? Wanted::kOutput : Wanted::kFilter));
  // Small values make products underflow, to zeros of both signs; no bound covers that.
  const double scale =
      kind.compute == Compute::kFloat16 && exact != Exact::kNo && random.chance(30) ? 0x1p-12 : 1;
  fill(random, a, scale);
  fill(random, b, scale);
  Bias bias;
  RunResult result;
  if (wanted == Wanted::kOutput) {
    auto p = params_of<Conv2d>(t, kind);
    bias.given = random.chance(50);
    bias.relu = random.chance(40);
    if (bias.relu) p.activation = Activation::kRelu;
    const bool wide = kind.compute == Compute::kFloat32 && random.chance(30);
    bias.tensor = HostTensor(wide ? DType::kF32 : kind.out, Shape{t.k});
    fill(random, bias.tensor, scale);
    result = run_cuda<Conv2d>(p, {&a, &b, bias.given ? &bias.tensor : nullptr});
  } else if (wanted == Wanted::kInput) {
    result = run_cuda<Conv2dBackwardInput>(params_of<Conv2dBackwardInput>(t, kind), {&a, &b});
  } else {
    result = run_cuda<Conv2dBackwardFilter>(params_of<Conv2dBackwardFilter>(t, kind), {&a, &b});
  }
  check_result(t, wanted, kind, a, b, bias, result, exact);
  if (kernels) kernels->push_back(result.provenance.kernel);
}

void check_all(std::vector<int64_t> engines, Exact exact, uint64_t salt) {
  const Offer offer(std::move(engines));
  Random random(test_seed() + salt);
  for (int i = 0; i < cases(140, 14); ++i) {
    const ConvCase t = random_case(random, random.chance(5));
    for (const Wanted wanted : {Wanted::kOutput, Wanted::kInput, Wanted::kFilter})
      check_case(random, t, wanted, kKinds[i % std::size(kKinds)], exact);
  }
}

}  // namespace

TEST(all_kinds_by_the_library) { check_all({}, Exact::kNo, 1); }
TEST(all_kinds_by_the_honest_engine_are_exact_in_float16) {
  check_all({fake::kHonest}, Exact::kNumber, 2);
}
TEST(all_kinds_by_our_own_kernels) { check_all({kNoEngine}, Exact::kBits, 3); }

namespace {

/// A convolution that fills tiles of the float16 kernel: packs of 8 channels, and without.
struct TileCase {
  int64_t n, c, h, w, k, r, stride, pad, groups;
};

ConvCase case_of(const TileCase& t, Layout layout, FilterLayout filter) {
  ConvCase c{};
  c.options.layout = layout;
  c.options.filterLayout = filter;
  c.options.stride = {t.stride, t.stride};
  c.options.padding = {Padding::kExplicit, {t.pad, t.pad, t.pad, t.pad}};
  c.options.groups = t.groups;
  c.n = t.n, c.c = t.c, c.h = t.h, c.w = t.w, c.k = t.k, c.r = c.s = t.r;
  c.pad[0] = c.pad[1] = t.pad;
  c.out[0] = (t.h + 2 * t.pad - t.r) / t.stride + 1;
  c.out[1] = (t.w + 2 * t.pad - t.r) / t.stride + 1;
  return c;
}

}  // namespace

// Pixels, channels and terms one less, as many and one more than a tile has; packs and no packs.
TEST(the_tiled_float16_kernel_is_the_cpu_to_the_bit) {
  const Offer offer({kNoEngine});
  constexpr TileCase kCases[] = {{1, 16, 8, 16, 128, 1, 1, 0, 1}, {1, 8, 8, 16, 129, 1, 1, 0, 1},
                                 {1, 17, 8, 16, 127, 1, 1, 0, 1}, {1, 16, 3, 43, 40, 1, 1, 0, 1},
                                 {1, 8, 1, 127, 32, 1, 1, 0, 1},  {2, 8, 9, 9, 32, 3, 1, 1, 1},
                                 {1, 3, 17, 16, 33, 5, 2, 2, 1},  {1, 24, 7, 7, 72, 3, 2, 1, 1},
                                 {1, 32, 6, 6, 64, 3, 1, 1, 2},   {2, 6, 5, 5, 96, 3, 1, 1, 3},
                                 {1, 1, 12, 12, 136, 3, 1, 0, 1}, {1, 40, 5, 26, 256, 1, 1, 0, 1}};
  Random random(test_seed());
  const Kind half = kKinds[4];
  int tiles = 0, all = 0;
  Thinned thinned(5);
  for (const TileCase& one : kCases)
    for (const Layout layout : {Layout::kNHWC, Layout::kNCHW})
      for (const FilterLayout filter : {FilterLayout::kHWIO, FilterLayout::kOIHW}) {
        if (thinned.skip()) continue;
        ++all;
        std::vector<std::string> kernels;
        check_case(random, case_of(one, layout, filter), Wanted::kOutput, half, Exact::kBits,
                   &kernels);
        tiles += kernels[0].rfind("conv2d_f16_hfma2_", 0) == 0;
      }
  CHECK_EQ(tiles, all);
}

// An infinity or NaN in the filter meets data only, on every way to a result. A library multiplies
// the padding as zeros and gets NaN.
TEST(padding_hides_no_data_and_shows_no_weights) {
  for (const std::vector<int64_t>& engines :
       {std::vector<int64_t>{}, {fake::kHonest}, {kNoEngine}}) {
    const Offer offer(engines);
    Thinned thinned(5);
    for (const Kind& kind : kKinds)
      for (const bool relu : {false, true})
        for (const float bad : {INFINITY, -INFINITY, NAN}) {
          if (thinned.skip()) continue;
          HostTensor x(kind.type, Shape{1, 3, 3, 1}), w(kind.type, Shape{40, 3, 3, 1});
          for (int64_t i = 0; i < 9; ++i) set(x, i, 1);
          for (int64_t i = 0; i < 40 * 9; ++i) set(w, i, i % 9 == 0 ? bad : 1);
          Conv2d::Params p;
          p.layout = Layout::kNHWC;
          p.filterLayout = FilterLayout::kOHWI;
          p.padding = {Padding::kExplicit, {1, 1, 1, 1}};
          p.compute = kind.compute;
          p.outputDType.value = static_cast<int32_t>(kind.out);
          if (relu) p.activation = Activation::kRelu;
          RunResult cpu = run_op<Conv2d>(p, {&x, &w}), cuda = run_cuda<Conv2d>(p, {&x, &w});
          CHECK_OK(cuda.status);
          for (int64_t i = 0; i < 9 * 40; ++i)
            if (!same_bits_or_nan(cpu.outputs[0], cuda.outputs[0], i))
              return check::fail(__FILE__, __LINE__,
                                 concat(name(kind.type), " ", name(kind.compute), " ",
                                        cuda.provenance.kernel, " [", i, "] = ",
                                        get(cuda.outputs[0], i), ", cpu ", get(cpu.outputs[0], i)));
        }
  }
}

TEST(gradients_hide_padding_too) {
  for (const std::vector<int64_t>& engines : {std::vector<int64_t>{}, {kNoEngine}}) {
    const Offer offer(engines);
    for (const Kind& kind : kKinds)
      for (const float bad : {INFINITY, NAN}) {
        HostTensor x(kind.type, Shape{1, 1, 5, 5}), w(kind.type, Shape{1, 1, 3, 3}),
            dy(kind.type, Shape{1, 1, 3, 3});
        for (int64_t i = 0; i < 25; ++i) set(x, i, 1);
        for (int64_t i = 0; i < 9; ++i) set(w, i, i == 0 ? bad : 1), set(dy, i, i == 8 ? bad : 1);
        Conv2dBackwardInput::Params p;
        p.stride = {2, 2};
        p.padding = {Padding::kExplicit, {1, 1, 1, 1}};
        p.compute = kind.compute;
        p.outputDType.value = static_cast<int32_t>(kind.out);
        p.inputSize = {5, 5};
        Conv2dBackwardFilter::Params q;
        static_cast<ConvOptions&>(q) = p;
        q.compute = kind.compute;
        q.outputDType = p.outputDType;
        q.filterSize = {3, 3};
        const auto same = [&](RunResult cpu, RunResult cuda) {
          CHECK_OK(cuda.status);
          for (int64_t i = 0; i < cpu.outputs[0].shape.elements(); ++i)
            if (!same_bits_or_nan(cpu.outputs[0], cuda.outputs[0], i))
              return check::fail(__FILE__, __LINE__,
                                 concat(name(kind.type), " ", name(kind.compute), " ",
                                        cuda.provenance.kernel, " [", i, "] = ",
                                        get(cuda.outputs[0], i), ", cpu ", get(cpu.outputs[0], i)));
        };
        same(run_op<Conv2dBackwardInput>(p, {&dy, &w}),
             run_cuda<Conv2dBackwardInput>(p, {&dy, &w}));
        same(run_op<Conv2dBackwardFilter>(q, {&x, &dy}),
             run_cuda<Conv2dBackwardFilter>(q, {&x, &dy}));
      }
  }
}

// Four values of 65519 with filters 65519 and -65519: in float16 the first product overflows
// already.
TEST(the_compute_type_decides_overflow) {
  for (const std::vector<int64_t>& engines :
       {std::vector<int64_t>{}, {fake::kHonest}, {kNoEngine}}) {
    const Offer offer(engines);
    HostTensor x(DType::kF16, Shape{1, 1, 4, 1}), w(DType::kF16, Shape{1, 2, 1, 1});
    for (int64_t i = 0; i < 4; ++i) set(x, i, 65519);
    set(w, 0, 65519), set(w, 1, -65519);
    for (const Compute compute : {Compute::kFloat32, Compute::kFloat16}) {
      Conv2d::Params p;
      p.layout = Layout::kNHWC;
      p.filterLayout = FilterLayout::kHWIO;
      p.compute = compute;
      RunResult y = run_cuda<Conv2d>(p, {&x, &w});
      CHECK_OK(y.status);
      // An engine may add a step's products before it rounds once: then the two cancel.
      const bool steps = std::string(y.provenance.kernel) == "conv2d_nhwc_engine1";
      for (int64_t i = 0; i < 3; ++i)
        CHECK_EQ(get(y.outputs[0], i), compute == Compute::kFloat16 && !steps ? INFINITY : 0.0);
    }
  }
}

// Which way each combination takes, best first.
TEST(bias_residual_and_activation_are_fused_where_that_is_one_rounding) {
  struct Way {
    Kind kind;
    bool bias, wide_bias, residual, relu;
    const char* kernel;
    bool fused;
    size_t calls;
    uint64_t workspace;
  };
  constexpr Kind kF32 = kKinds[0], kWide = kKinds[2], kToF32 = kKinds[3], kHalf = kKinds[4];
  const uint64_t out = 2 * 3 * 3 * 8;  // elements of y; x and w have 2 * 3 * 3 * 8 and 8 * 8
  const uint64_t operands = out + 64;
  const Way ways[] = {
      {kF32, true, false, false, true, "conv2d_nhwc_engine8_bias_relu", true, 1, 0},
      {kWide, true, false, false, true, "conv2d_nhwc_engine1_bias_relu", true, 1, 0},
      {kWide, false, false, false, true, "conv2d_nhwc_engine1_relu", true, 1, 0},
      {kHalf, true, false, false, true, "conv2d_nhwc_engine1_bias_relu", true, 1, 0},
      {kF32, true, false, true, true, "conv2d_nhwc_engine8_bias_residual_relu", true, 1, 0},
      {kWide, true, false, true, false, "conv2d_nhwc_engine1_bias_residual", true, 1, 0},
      {kWide, false, false, true, true, "conv2d_nhwc_engine1_residual_relu", true, 1, 0},
      {kHalf, false, false, true, true, "conv2d_nhwc_engine1_residual_relu", true, 1, 0},
      // Float16 sums round after the bias and after the residual.
      {kHalf, true, false, true, true, "conv2d_nhwc_engine1", false, 1, 0},
      // The zeros of an absent bias would show in a sum of -0.
      {kF32, false, false, true, false, "conv2d_nhwc_engine8", false, 1, 0},
      {kWide, false, false, true, false, "conv2d_nhwc_engine10", false, 1, 4 * out},
      // A float32 bias joins float32 sums, which an engine writes or which widened inputs give.
      {kWide, true, true, false, false, "conv2d_nhwc_engine10", false, 1, 4 * out},
      {kWide, true, true, true, false, "conv2d_nhwc_engine10", false, 1, 4 * out},
      {kToF32, true, true, false, true, "conv2d_nhwc_engine10", false, 1, 0},
      {kKinds[6], true, true, false, false, "conv2d_nhwc_engine8", false, 1, 4 * operands},
      {kKinds[5], true, true, false, false, "conv2d_nhwc_engine8", false, 1, 4 * (out + operands)}};
  for (const Way& way : ways) {
    const Offer offer({});
    Random random(5);
    HostTensor x(way.kind.type, Shape{2, 3, 3, 8}), w(way.kind.type, Shape{8, 1, 1, 8});
    HostTensor bias(way.wide_bias ? DType::kF32 : way.kind.out, Shape{8});
    HostTensor residual(way.kind.out, Shape{2, 3, 3, 8});
    for (HostTensor* t : {&x, &w, &bias, &residual}) fill(random, *t);
    const std::vector<HostTensor*> inputs = {&x, &w, way.bias ? &bias : nullptr,
                                             way.residual ? &residual : nullptr};
    Conv2d::Params p;
    p.layout = Layout::kNHWC;
    p.filterLayout = FilterLayout::kOHWI;
    p.compute = way.kind.compute;
    p.outputDType.value = static_cast<int32_t>(way.kind.out);
    if (way.relu) p.activation = Activation::kRelu;
    // Tried once before, so that the experiments with the engines are not counted.
    CHECK_OK(run_cuda<Conv2d>(p, inputs).status);
    fake::dnn_reset();
    const RunResult y = run_cuda<Conv2d>(p, inputs);
    CHECK_OK(y.status);
    CHECK_EQ(std::string(y.provenance.kernel), way.kernel);
    CHECK_EQ(fake::dnn_calls().size(), way.calls);
    CHECK_EQ(fake::dnn_calls().back().spec.relu, way.fused && way.relu);
    CHECK_EQ(fake::dnn_calls().back().spec.bias, way.fused);
    CHECK_EQ(fake::dnn_calls().back().spec.residual, way.fused && way.residual);
    CHECK_EQ(y.provenance.workspace_bytes, way.workspace);
  }
}

TEST(empty_tensors_and_empty_sums) {
  const Offer offer({});
  const auto run = [](Shape x_shape, Shape w_shape, bool bias) {
    HostTensor x(DType::kF16, x_shape), w(DType::kF16, w_shape), b(DType::kF16, Shape{w_shape[0]});
    for (int64_t i = 0; i < w_shape[0]; ++i) set(b, i, 2.5);
    Conv2d::Params p;
    p.padding = {Padding::kExplicit, {1, 1, 1, 1}};
    RunResult y = run_cuda<Conv2d>(p, {&x, &w, bias ? &b : nullptr});
    CHECK_OK(y.status);
    for (int64_t i = 0; i < y.outputs[0].shape.elements(); ++i)
      CHECK_EQ(get(y.outputs[0], i), bias ? 2.5 : 0.0);
    return y.outputs[0].shape.elements();
  };
  CHECK_EQ(run(Shape{0, 2, 4, 4}, Shape{3, 2, 3, 3}, true), 0);
  CHECK_EQ(run(Shape{1, 0, 4, 4}, Shape{3, 0, 3, 3}, true), 48);
  CHECK_EQ(run(Shape{1, 2, 0, 4}, Shape{3, 2, 2, 3}, false), 12);
  CHECK_EQ(run(Shape{1, 2, 4, 4}, Shape{0, 2, 3, 3}, false), 0);
  HostTensor x(DType::kF32, Shape{0, 2, 4, 4}), dy(DType::kF32, Shape{0, 3, 2, 2});
  Conv2dBackwardFilter::Params p;
  p.filterSize = {3, 3};
  RunResult dw = run_cuda<Conv2dBackwardFilter>(p, {&x, &dy});
  CHECK_OK(dw.status);
  for (int64_t i = 0; i < 54; ++i) CHECK_EQ(get(dw.outputs[0], i), 0.0);
  CHECK_EQ(fake::dnn_calls().size(), size_t{0});
}

TEST(integers_are_exact_in_every_layout) {
  Random random(test_seed() + 9);
  for (int i = 0; i < 60; ++i) {
    const ConvCase t = random_case(random);
    const DType a = i % 2 ? DType::kS8 : DType::kU8, b = i % 4 < 2 ? DType::kS8 : DType::kU8;
    HostTensor x(a, t.x()), w(b, t.filter()), bias(DType::kS32, Shape{t.k});
    for (HostTensor* one : {&x, &w, &bias}) fill(random, *one);
    Conv2d::Params p;
    static_cast<ConvOptions&>(p) = t.options;
    if (i % 3 == 0) p.activation = Activation::kRelu;
    RunResult cpu = run_op<Conv2d>(p, {&x, &w, &bias}), cuda = run_cuda<Conv2d>(p, {&x, &w, &bias});
    CHECK_OK(cuda.status);
    CHECK(cpu.outputs[0].bytes == cuda.outputs[0].bytes);
  }
}
