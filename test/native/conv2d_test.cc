// conv2d against a float64 reference, bit for bit where the arithmetic is stated, and what it
// refuses.
#include "check.h"
#include "conv_cases.h"
#include "each_isa.h"

using namespace halftone;
using namespace halftone::test;

namespace {

struct Run {
  HostTensor x, w, bias;
  Conv2d::Params params;
  bool has_bias = false;

  RunResult operator()(ThreadPool& pool = ThreadPool::global()) {
    return run_op<Conv2d>(params, {&x, &w, has_bias ? &bias : nullptr}, pool);
  }
};

Run make_run(Random& random, const ConvCase& t, DType x_type, DType w_type, Compute compute) {
  Run run;
  static_cast<ConvOptions&>(run.params) = t.options;
  run.params.compute = compute;
  if (random.chance(30)) run.params.activation = Activation::kRelu;
  run.x = HostTensor(x_type, t.x());
  run.w = HostTensor(w_type, t.filter());
  DType out = is_float(x_type) ? x_type : DType::kS32;
  if (is_float(x_type) && compute == Compute::kFloat32 && random.chance(20))
    run.params.outputDType.value = static_cast<int32_t>(out = DType::kF32);
  run.has_bias = random.chance(50);
  const bool wide = is_float(x_type) && compute == Compute::kFloat32 && random.chance(50);
  run.bias = HostTensor(wide ? DType::kF32 : out, Shape{t.k});
  const bool positive = random.chance(20);
  // Small values make float16 products underflow, to zeros of both signs.
  const double scale = compute == Compute::kFloat16 && random.chance(40) ? 0x1p-12 : 1;
  fill(random, run.x, scale, positive);
  fill(random, run.w, scale, positive);
  fill(random, run.bias, scale);
  if (compute == Compute::kFloat16 && random.chance(20) &&
      run.w.shape.elements() > 0)  // must not touch padding
    set(run.w, random.below(run.w.shape.elements()),
        random.pick({INFINITY, -INFINITY, static_cast<float>(NAN)}));
  return run;
}

void check_case(const ConvCase& t, Run& run, Compute compute) {
  RunResult result = run();
  CHECK_OK(result.status);
  if (!result.status.ok()) return check::fail(__FILE__, __LINE__, t.text());
  HostTensor& y = result.outputs[0];
  CHECK(y.shape == t.y());
  const bool relu = run.params.activation == Activation::kRelu;
  const int64_t pixels_of_channel = t.options.layout == Layout::kNCHW ? t.out[0] * t.out[1] : 1;
  auto bias_of = [&](int64_t i) {
    return run.has_bias ? get(run.bias, i / pixels_of_channel % t.k) : 0;
  };
  int bad = 0;
  auto report = [&](int64_t i, double want, double bound) {
    if (++bad == 1)
      check::fail(__FILE__, __LINE__,
                  concat(t.text(), " ", name(run.x.dtype), " ", result.provenance.kernel, ": y[", i,
                         "] = ", get(y, i), ", want ", want, " +- ", bound));
  };
  if (compute == Compute::kFloat16) {
    const std::vector<double> sums = reference_f16(t, Wanted::kOutput, run.x, run.w);
    HostTensor want(DType::kF16, y.shape);
    for (int64_t i = 0; i < y.shape.elements(); ++i) {
      double v = sums[static_cast<size_t>(i)];
      if (run.has_bias) v = to_float(to_f16(v + bias_of(i)));
      set(want, i, relu && v <= 0 ? 0 : v);
      if (!same_bits_or_nan(y, want, i)) report(i, v, 0);
    }
    return;
  }
  const std::vector<Sum> sums = reference(t, Wanted::kOutput, run.x, run.w);
  for (int64_t i = 0; i < y.shape.elements(); ++i) {
    Sum sum = sums[static_cast<size_t>(i)];
    if (run.has_bias) sum.add(bias_of(i));
    const double want = relu && sum.value <= 0 ? 0 : sum.value;
    if (compute == Compute::kInt32) {
      const auto wrapped = static_cast<int32_t>(static_cast<uint32_t>(static_cast<int64_t>(want)));
      if (get(y, i) != wrapped) report(i, wrapped, 0);
    } else {
      const double bound = product_bound(y.dtype, compute, sum.terms, want, sum.magnitude);
      if (!(std::fabs(get(y, i) - want) <= bound)) report(i, want, bound);
    }
  }
}

void check_random(const char* what, DType x, std::vector<DType> w, Compute compute, int small,
                  int large) {
  Random random(test_seed());
  for (int i = 0; i < small + large; ++i) {
    const ConvCase t = random_case(random, i >= small);
    Run run = make_run(random, t, x, w[static_cast<size_t>(i) % w.size()], compute);
    check_case(t, run, compute);
  }
  std::printf("  %d cases of %s\n", small + large, what);
}

TEST(float32_matches_the_reference) {
  for_each_isa(
      [](Isa) { check_random("float32", DType::kF32, {DType::kF32}, Compute::kFloat32, 150, 40); });
}
TEST(tf32_matches_the_reference) {
  check_random("tf32", DType::kF32, {DType::kF32}, Compute::kTf32, 60, 10);
}
TEST(float16_with_float32_sums_matches_the_reference) {
  check_random("float16 / float32", DType::kF16, {DType::kF16}, Compute::kFloat32, 100, 20);
}
TEST(bfloat16_matches_the_reference) {
  check_random("bfloat16", DType::kBF16, {DType::kBF16}, Compute::kFloat32, 100, 20);
}
TEST(float16_sums_match_bit_for_bit) {
  for_each_isa([](Isa) {
    check_random("float16 / float16", DType::kF16, {DType::kF16}, Compute::kFloat16, 150, 20);
  });
}
TEST(integers_are_exact) {
  for_each_isa([](Isa) {
    check_random("int8", DType::kS8, {DType::kS8, DType::kU8}, Compute::kInt32, 80, 20);
    check_random("uint8", DType::kU8, {DType::kU8, DType::kS8}, Compute::kInt32, 80, 20);
  });
}

// Float16 sums of one kind of padding value: x * w underflows to -0, and a padded tap must leave it
// alone.
TEST(padding_keeps_negative_zero) {
  Run run;
  run.params.compute = Compute::kFloat16;
  run.params.padding = {Padding::kExplicit, {0, 1, 0, 0}};
  run.x = HostTensor(Shape{1, 1, 1, 1}, std::vector<f16>{to_f16(-0x1p-20f)});
  run.w = HostTensor(Shape{1, 1, 2, 1}, std::vector<f16>{to_f16(0x1p-20f), to_f16(1.0f)});
  CHECK_EQ(run().outputs[0].as<f16>()[0].bits, 0x8000);
  set(run.w, 1, INFINITY);
  CHECK_EQ(run().outputs[0].as<f16>()[0].bits, 0x8000);
}

// Four values of 65519, the largest below the overflow to infinity, with filters 65519 and -65519:
// in float16 the first product already overflows; in float32 the sums are 0.
TEST(the_compute_type_decides_overflow) {
  for (const bool nhwc : {true, false}) {
    for (const Compute compute : {Compute::kFloat32, Compute::kFloat16}) {
      Run run;
      run.params.compute = compute;
      run.params.layout = nhwc ? Layout::kNHWC : Layout::kNCHW;
      run.params.filterLayout = nhwc ? FilterLayout::kHWIO : FilterLayout::kOIHW;
      const f16 v = to_f16(65519.0f), m = to_f16(-65519.0f);
      run.x =
          HostTensor(nhwc ? Shape{1, 1, 4, 1} : Shape{1, 1, 1, 4}, std::vector<f16>{v, v, v, v});
      run.w = HostTensor(nhwc ? Shape{1, 2, 1, 1} : Shape{1, 1, 1, 2}, std::vector<f16>{v, m});
      RunResult result = run();
      CHECK_OK(result.status);
      CHECK_EQ(result.outputs[0].shape.elements(), 3);
      for (int i = 0; i < 3; ++i)
        CHECK_EQ(get(result.outputs[0], i), compute == Compute::kFloat16 ? INFINITY : 0.0);
      CHECK(std::strcmp(result.provenance.accumulate, name(compute)) == 0);
    }
  }
}

TEST(the_number_of_threads_changes_nothing) {
  Random random(test_seed());
  ThreadPool one(1), two(2), three(3);
  struct Kind {
    DType type;
    Compute compute;
  };
  for (const Kind kind :
       {Kind{DType::kF32, Compute::kFloat32}, Kind{DType::kF16, Compute::kFloat16},
        Kind{DType::kBF16, Compute::kFloat32}, Kind{DType::kS8, Compute::kInt32}})
    for (int i = 0; i < 12; ++i) {
      const ConvCase t = random_case(random, true);
      Run run = make_run(random, t, kind.type, kind.type, kind.compute);
      const RunResult a = run(one), b = run(two), c = run(three);
      CHECK_OK(a.status);
      CHECK(a.outputs[0].bytes == b.outputs[0].bytes);
      CHECK(a.outputs[0].bytes == c.outputs[0].bytes);
    }
}

TEST(sums_of_nothing_are_the_bias) {
  Run run;
  run.x = HostTensor(DType::kF32, Shape{1, 0, 3, 3});
  run.w = HostTensor(DType::kF32, Shape{2, 0, 2, 2});
  run.bias = HostTensor(Shape{2}, std::vector<float>{3, -4});
  run.has_bias = true;
  RunResult result = run();
  CHECK_OK(result.status);
  CHECK_EQ(result.outputs[0].as<float>()[3], 3.0f);
  CHECK_EQ(result.outputs[0].as<float>()[4], -4.0f);
}

struct Refusal {
  const char* message;
  Code code;
  Shape x, w;
  void (*change)(Conv2d::Params&);
  DType x_type = DType::kF32, w_type = DType::kF32;
};

TEST(what_cannot_be_done_is_refused) {
  const int64_t big = kMaxInt;
  const auto nothing = [](Conv2d::Params&) {};
  const Refusal all[] = {
      {"conv2d: x.shape[3] must equal groups * w.shape[2] with groups 1, got x [1, 8, 8, 3] and w "
       "[3, 3, 4, 16]",
       Code::kShape,
       {1, 8, 8, 3},
       {3, 3, 4, 16},
       [](Conv2d::Params& p) { p.layout = Layout::kNHWC, p.filterLayout = FilterLayout::kHWIO; }},
      {"x must have 4 axes, got [1, 8]", Code::kShape, {1, 8}, {1, 1, 1, 1}, nothing},
      {"w must have 4 axes", Code::kShape, {1, 1, 8, 8}, {1, 1, 1}, nothing},
      {"w.shape[0] must be a multiple of groups 2, got w [3, 1, 1, 1]",
       Code::kShape,
       {1, 2, 8, 8},
       {3, 1, 1, 1},
       [](Conv2d::Params& p) { p.groups = 2; }},
      {"padded image's height, got extent 3 and height 2 + 0 + 0",
       Code::kShape,
       {1, 1, 2, 8},
       {1, 1, 3, 3},
       nothing},
      {"stride[0] must lie in [1",
       Code::kParam,
       {1, 1, 8, 8},
       {1, 1, 1, 1},
       [](Conv2d::Params& p) { p.stride = {0, 1}; }},
      {"stride[1] must lie in [1",
       Code::kParam,
       {1, 1, 8, 8},
       {1, 1, 1, 1},
       [](Conv2d::Params& p) { p.stride = {1, kMaxInt + 1}; }},
      {"dilation must have 2 values [rows, columns], got 1",
       Code::kParam,
       {1, 1, 8, 8},
       {1, 1, 1, 1},
       [](Conv2d::Params& p) { p.dilation = {1}; }},
      {"groups must lie in [1",
       Code::kParam,
       {1, 1, 8, 8},
       {1, 1, 1, 1},
       [](Conv2d::Params& p) { p.groups = 0; }},
      {"padding must lie in [0",
       Code::kParam,
       {1, 1, 8, 8},
       {1, 1, 1, 1},
       [](Conv2d::Params& p) { p.padding = {Padding::kExplicit, {0, 0, -1, 0}}; }},
      {"does not fit into 2^63 bytes",
       Code::kShape,
       {1, 1, 1, 1},
       {1, 1, 1, 1},
       [](Conv2d::Params& p) {
         p.padding = {Padding::kExplicit, {kMaxInt, kMaxInt, kMaxInt, kMaxInt}};
       }},
      {"extent",
       Code::kShape,
       {1, 1, 8, 8},
       {1, 1, 2, 2},
       [](Conv2d::Params& p) { p.dilation = {kMaxInt, kMaxInt}; }},
      {"the kernel's height must lie in [1", Code::kShape, {1, 1, 8, 8}, {1, 1, 0, 1}, nothing},
      {"each size of x must lie in [0", Code::kShape, {big + 1, 1, 1, 1}, {1, 1, 1, 1}, nothing},
      {"x must be float32, float16, bfloat16, int8 or uint8, got float64",
       Code::kDtype,
       {1, 1, 1, 1},
       {1, 1, 1, 1},
       nothing,
       DType::kF64,
       DType::kF64},
      {"w must have the dtype of x, got x float32 and w float16",
       Code::kDtype,
       {1, 1, 1, 1},
       {1, 1, 1, 1},
       nothing,
       DType::kF32,
       DType::kF16},
      {"w must be int8 or uint8 as x",
       Code::kDtype,
       {1, 1, 1, 1},
       {1, 1, 1, 1},
       nothing,
       DType::kS8,
       DType::kF32},
      {"compute 'float16' is not offered for float32",
       Code::kUnsupported,
       {1, 1, 1, 1},
       {1, 1, 1, 1},
       [](Conv2d::Params& p) { p.compute = Compute::kFloat16; }},
      {"compute 'float32' is not offered for int8",
       Code::kUnsupported,
       {1, 1, 1, 1},
       {1, 1, 1, 1},
       [](Conv2d::Params& p) { p.compute = Compute::kFloat32; },
       DType::kS8,
       DType::kS8},
      {"outputDType float16 is not offered for float32",
       Code::kUnsupported,
       {1, 1, 1, 1},
       {1, 1, 1, 1},
       [](Conv2d::Params& p) { p.outputDType.value = static_cast<int32_t>(DType::kF16); }},
  };
  for (const Refusal& r : all) {
    const TensorDesc x{r.x_type, r.x}, w{r.w_type, r.w};
    const TensorDesc* in[] = {&x, &w};
    Conv2d::Params params;
    r.change(params);
    Outputs out;
    const Status status = make_schema<Conv2d>().infer(&params, Inputs(in), out);
    CHECK(status.code == r.code);
    if (status.message.find(r.message) == std::string::npos)
      check::fail(__FILE__, __LINE__, concat("\"", status.message, "\" lacks \"", r.message, "\""));
  }
}

TEST(bias_must_fit) {
  Run run;
  run.x = HostTensor(DType::kF16, Shape{1, 2, 3, 3});
  run.w = HostTensor(DType::kF16, Shape{4, 2, 1, 1});
  run.bias = HostTensor(DType::kF16, Shape{3});
  run.has_bias = true;
  CHECK(run().status.message.find("bias must have the shape [4]") != std::string::npos);
  run.bias = HostTensor(DType::kF32, Shape{4});
  CHECK_OK(run().status);
  run.params.compute = Compute::kFloat16;
  CHECK(run().status.message == "conv2d: bias must be float16, got float32");
}

}  // namespace
