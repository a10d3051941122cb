// conv2d and its gradients on the emulated device: through the fake cuDNN, and by our own kernels,
// against float64 references and, where the arithmetic is stated to the bit, against the CPU.
#include "backends/emu/fake_dnn.h"
#include "check.h"
#include "conv_cases.h"
#include "run_cuda.h"
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
      bound = product_bound(out.dtype, kind.compute, sum.terms, want, sum.magnitude);
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

void check_all(std::vector<int64_t> engines, int cases, Exact exact, uint64_t salt) {
  const Offer offer(std::move(engines));
  Random random(test_seed() + salt);
  for (int i = 0; i < cases; ++i) {
    const ConvCase t = random_case(random, random.chance(5));
    for (const Wanted wanted : {Wanted::kOutput, Wanted::kInput, Wanted::kFilter})
      check_case(random, t, wanted, kKinds[i % std::size(kKinds)], exact);
  }
}

}  // namespace

TEST(all_kinds_by_the_library) { check_all({}, 140, Exact::kNo, 1); }
TEST(all_kinds_by_the_honest_engine_are_exact_in_float16) {
  check_all({fake::kHonest}, 140, Exact::kNumber, 2);
}
TEST(all_kinds_by_our_own_kernels) { check_all({kNoEngine}, 140, Exact::kBits, 3); }
