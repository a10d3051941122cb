// The gradients of conv2d against a float64 reference, against conv2d itself, and bit for bit in
// float16.
#include "check.h"
#include "conv_cases.h"
#include "each_isa.h"

using namespace halftone;
using namespace halftone::test;

namespace {

template <class Op>
typename Op::Params options_of(const ConvCase& t, Compute compute) {
  typename Op::Params params;
  static_cast<ConvOptions&>(params) = t.options;
  params.compute = compute;
  if constexpr (std::is_same_v<Op, Conv2dBackwardInput>) params.inputSize = {t.h, t.w};
  if constexpr (std::is_same_v<Op, Conv2dBackwardFilter>) params.filterSize = {t.r, t.s};
  return params;
}

template <class Op>
void check_case(Random& random, const ConvCase& t, DType type, Compute compute) {
  constexpr Wanted wanted =
      std::is_same_v<Op, Conv2dBackwardInput> ? Wanted::kInput : Wanted::kFilter;
  HostTensor a(type, wanted == Wanted::kInput ? t.y() : t.x());
  HostTensor b(type, wanted == Wanted::kInput ? t.filter() : t.y());
  const double scale = compute == Compute::kFloat16 && random.chance(40) ? 0x1p-12 : 1;
  fill(random, a, scale);
  fill(random, b, scale);
  typename Op::Params params = options_of<Op>(t, compute);
  if (compute == Compute::kFloat32 && random.chance(20))
    params.outputDType.value = static_cast<int32_t>(DType::kF32);
  RunResult result = run_op<Op>(params, {&a, &b});
  CHECK_OK(result.status);
  if (!result.status.ok()) return check::fail(__FILE__, __LINE__, t.text());
  HostTensor& out = result.outputs[0];
  CHECK(out.shape == shape_of(t, wanted));
  int bad = 0;
  auto report = [&](int64_t i, double want, double bound) {
    if (++bad == 1)
      check::fail(__FILE__, __LINE__,
                  concat(t.text(), " ", name(type), " ", result.provenance.kernel, ": [", i,
                         "] = ", get(out, i), ", want ", want, " +- ", bound));
  };
  if (compute == Compute::kFloat16) {
    const std::vector<double> sums = reference_f16(t, wanted, a, b);
    HostTensor want(DType::kF16, out.shape);
    for (int64_t i = 0; i < out.shape.elements(); ++i) {
      set(want, i, sums[static_cast<size_t>(i)]);
      if (!same_bits_or_nan(out, want, i)) report(i, sums[static_cast<size_t>(i)], 0);
    }
    return;
  }
  const std::vector<Sum> sums = reference(t, wanted, a, b);
  for (int64_t i = 0; i < out.shape.elements(); ++i) {
    const Sum& sum = sums[static_cast<size_t>(i)];
    const double bound = product_bound(out.dtype, compute, sum.terms, sum.value, sum.magnitude);
    if (!(std::fabs(get(out, i) - sum.value) <= bound)) report(i, sum.value, bound);
  }
}

template <class Op>
void check_random(DType type, Compute compute, int small, int large) {
  Random random(test_seed());
  for (int i = 0; i < small + large; ++i)
    check_case<Op>(random, random_case(random, i >= small), type, compute);
}

template <class Op>
void check_all() {
  for_each_isa([](Isa) { check_random<Op>(DType::kF32, Compute::kFloat32, 100, 20); });
  check_random<Op>(DType::kF32, Compute::kTf32, 40, 5);
  check_random<Op>(DType::kF16, Compute::kFloat32, 60, 10);
  check_random<Op>(DType::kBF16, Compute::kFloat32, 60, 10);
  for_each_isa([](Isa) { check_random<Op>(DType::kF16, Compute::kFloat16, 80, 5); });
}

TEST(input_gradient_matches_the_reference) { check_all<Conv2dBackwardInput>(); }
TEST(filter_gradient_matches_the_reference) { check_all<Conv2dBackwardFilter>(); }

double dot(const HostTensor& a, const HostTensor& b, double* magnitude) {
  double sum = 0;
  for (int64_t i = 0; i < a.shape.elements(); ++i) {
    sum += get(a, i) * get(b, i);
    *magnitude += std::fabs(get(a, i) * get(b, i));
  }
  return sum;
}

// conv2d is linear in x and in w: <conv(x, w), dy> = <x, backwardInput(dy, w)> = <w,
// backwardFilter(x, dy)>.
TEST(gradients_are_adjoint_to_conv2d) {
  Random random(test_seed());
  for (int i = 0; i < 60; ++i) {
    const ConvCase t = random_case(random, i >= 50);
    HostTensor x(DType::kF32, t.x()), w(DType::kF32, t.filter()), dy(DType::kF32, t.y());
    for (HostTensor* tensor : {&x, &w, &dy}) fill(random, *tensor);
    RunResult y = run_op<Conv2d>(options_of<Conv2d>(t, Compute::kDefault), {&x, &w, nullptr});
    RunResult dx = run_op<Conv2dBackwardInput>(
        options_of<Conv2dBackwardInput>(t, Compute::kDefault), {&dy, &w});
    RunResult dw = run_op<Conv2dBackwardFilter>(
        options_of<Conv2dBackwardFilter>(t, Compute::kDefault), {&x, &dy});
    CHECK_OK(y.status);
    CHECK_OK(dx.status);
    CHECK_OK(dw.status);
    // The three float64 sums differ by the float32 errors of their tensors, each bounded by the
    // products' magnitudes.
    double magnitude = 0, unused = 0;
    each_term(t, Wanted::kOutput, [&](int64_t yi, int64_t xi, int64_t fi) {
      magnitude += std::fabs(get(x, xi) * get(w, fi) * get(dy, yi));
    });
    const double a = dot(y.outputs[0], dy, &unused), b = dot(dx.outputs[0], x, &unused);
    const double c = dot(dw.outputs[0], w, &unused);
    const int64_t terms = std::max({t.c * t.r * t.s, t.k * t.r * t.s, t.n * t.out[0] * t.out[1]});
    const double bound =
        2 * product_bound(DType::kF32, Compute::kFloat32, terms, magnitude, magnitude);
    if (!(std::fabs(a - b) <= bound && std::fabs(a - c) <= bound))
      check::fail(__FILE__, __LINE__, concat(t.text(), ": ", a, ", ", b, ", ", c, " +- ", bound));
  }
}

TEST(the_number_of_threads_changes_nothing) {
  Random random(test_seed());
  ThreadPool one(1), two(2), three(3);
  for (int i = 0; i < 24; ++i) {
    const ConvCase t = random_case(random, true);
    const DType type = i % 2 ? DType::kF16 : DType::kF32;
    const Compute compute = i % 4 == 1 ? Compute::kFloat16 : Compute::kFloat32;
    HostTensor x(type, t.x()), w(type, t.filter()), dy(type, t.y());
    for (HostTensor* tensor : {&x, &w, &dy}) fill(random, *tensor);
    RunResult results[2][3];
    int p = 0;
    for (ThreadPool* pool : {&one, &two, &three}) {
      results[0][p] = run_op<Conv2dBackwardInput>(options_of<Conv2dBackwardInput>(t, compute),
                                                  {&dy, &w}, *pool);
      results[1][p++] = run_op<Conv2dBackwardFilter>(options_of<Conv2dBackwardFilter>(t, compute),
                                                     {&x, &dy}, *pool);
    }
    for (auto& r : results) {
      CHECK_OK(r[0].status);
      CHECK(r[0].outputs[0].bytes == r[1].outputs[0].bytes);
      CHECK(r[0].outputs[0].bytes == r[2].outputs[0].bytes);
    }
  }
}

template <class Op>
void check_refused(const typename Op::Params& params, TensorDesc a, TensorDesc b, Code code,
                   const char* message) {
  const TensorDesc* in[] = {&a, &b};
  Outputs out;
  const Status status = make_schema<Op>().infer(&params, Inputs(in), out);
  CHECK(status.code == code);
  if (status.message.find(message) == std::string::npos)
    check::fail(__FILE__, __LINE__, concat("\"", status.message, "\" lacks \"", message, "\""));
}

TEST(what_cannot_be_done_is_refused) {
  const DType f = DType::kF32;
  Conv2dBackwardInput::Params input;
  check_refused<Conv2dBackwardInput>(input, {f, {1, 1, 2, 2}}, {f, {1, 1, 1, 1}}, Code::kParam,
                                     "conv2dBackwardInput: inputSize must have 2 values");
  input.inputSize = {5, 5};
  check_refused<Conv2dBackwardInput>(
      input, {f, {1, 1, 2, 2}}, {f, {1, 1, 3, 3}}, Code::kShape,
      "dy must have the shape [1, 1, 3, 3] that conv2d gives for an input [1, 1, 5, 5]");
  check_refused<Conv2dBackwardInput>(input, {DType::kS8, {1, 1, 2, 2}}, {DType::kS8, {1, 1, 3, 3}},
                                     Code::kDtype,
                                     "dy must be float32, float16 or bfloat16, got int8");
  input.groups = kMaxInt;
  check_refused<Conv2dBackwardInput>(input, {f, {1, 1, 2, 2}}, {f, {1, kMaxInt, 3, 3}},
                                     Code::kShape, "groups * w.shape[1] must lie in");
  Conv2dBackwardFilter::Params filter;
  filter.filterSize = {2, 2};
  check_refused<Conv2dBackwardFilter>(
      filter, {f, {1, 1, 5, 5}}, {f, {1, 3, 3, 4}}, Code::kShape,
      "dy must have the shape [1, 3, 4, 4] that conv2d gives for a filter [3, 1, 2, 2]");
  filter.groups = 2;
  check_refused<Conv2dBackwardFilter>(filter, {f, {1, 3, 5, 5}}, {f, {1, 3, 3, 4}}, Code::kShape,
                                      "x.shape[1] must be a multiple of groups 2");
}

}  // namespace
