// maxPool2d against a reference written from the definition; all results are exact.
#include "ops/pool/pool.h"

#include "check.h"
#include "conv_cases.h"
#include "each_isa.h"

using namespace halftone;
using namespace halftone::test;

namespace {

struct PoolCase {
  MaxPool2d::Params params;
  int64_t n, c, size[2], pad[2], out[2];

  int64_t index(int64_t ni, int64_t ci, int64_t hi, int64_t wi, const int64_t s[2]) const {
    return params.layout == Layout::kNCHW ? ((ni * c + ci) * s[0] + hi) * s[1] + wi
                                          : ((ni * s[0] + hi) * s[1] + wi) * c + ci;
  }
  Shape shape(const int64_t s[2]) const {
    return params.layout == Layout::kNCHW ? Shape{n, c, s[0], s[1]} : Shape{n, s[0], s[1], c};
  }
};

PoolCase random_pool(Random& random) {
  for (;;) {
    PoolCase t{};
    t.params.layout = random.pick({Layout::kNCHW, Layout::kNHWC});
    t.params.ceilMode = random.chance(40);
    t.params.padding.mode = static_cast<int32_t>(random.below(4));
    t.n = random.chance(4) ? 0 : random.between(1, 3);
    t.c = random.between(1, 40);
    bool fits = true;
    for (int a = 0; a < 2; ++a) {
      t.size[a] = random.between(1, 12);
      t.params.kernel.count = t.params.stride.count = t.params.dilation.count = 2;
      const int64_t kernel = t.params.kernel.values[a] = random.between(1, 4);
      const int64_t stride = t.params.stride.values[a] = random.between(1, 3);
      const int64_t dilation = t.params.dilation.values[a] = random.chance(70) ? 1 : 2;
      const int64_t extent = (kernel - 1) * dilation + 1;
      if (t.params.padding.mode >= Padding::kSame) {
        t.out[a] = (t.size[a] + stride - 1) / stride;
        const int64_t total = std::max<int64_t>(0, (t.out[a] - 1) * stride + extent - t.size[a]);
        t.pad[a] = (total + (t.params.padding.mode == Padding::kSameLower)) / 2;
        continue;
      }
      int64_t after = 0;
      if (t.params.padding.mode == Padding::kExplicit) {
        t.pad[a] = t.params.padding.values[2 * a] = random.below(3);
        after = t.params.padding.values[2 * a + 1] = random.below(3);
      }
      const int64_t room = t.size[a] + t.pad[a] + after - extent;
      fits = fits && room >= 0;
      t.out[a] = room / stride + 1;
      // ceilMode: one more window when one fits partly, but none that begins in the padding after
      // the image.
      if (t.params.ceilMode) {
        if (room % stride != 0) ++t.out[a];
        const int64_t last = (t.out[a] - 1) * stride - t.pad[a];  // where the last window begins
        if (t.out[a] > 1 && last >= t.size[a]) --t.out[a];
      }
    }
    if (fits) return t;
  }
}

void check_pool(Random& random, DType type) {
  const PoolCase t = random_pool(random);
  HostTensor x(type, t.shape(t.size));
  fill(random, x);
  if (is_float(type) && random.chance(40))
    for (int i = 0; i < 3; ++i)
      if (x.shape.elements())
        set(x, random.below(x.shape.elements()), random.pick({NAN, -INFINITY, INFINITY, -0.0f}));
  if (is_float(type) && random.chance(10))
    for (int64_t i = 0; i < x.shape.elements(); ++i) set(x, i, random.chance(50) ? 0.0 : -0.0);
  RunResult result = run_op<MaxPool2d>(t.params, {&x});
  CHECK_OK(result.status);
  if (!result.status.ok()) return;
  HostTensor& y = result.outputs[0];
  CHECK(y.shape == t.shape(t.out));
  const double lowest = is_float(type) ? -INFINITY : type == DType::kS8 ? -128 : 0;
  for (int64_t n = 0; n < t.n; ++n)
    for (int64_t c = 0; c < t.c; ++c)
      for (int64_t oh = 0; oh < t.out[0]; ++oh)
        for (int64_t ow = 0; ow < t.out[1]; ++ow) {
          double want = lowest;
          for (int64_t ih = 0; ih < t.size[0]; ++ih)
            for (int64_t iw = 0; iw < t.size[1]; ++iw) {
              const int64_t dh = ih + t.pad[0] - oh * t.params.stride[0],
                            dw = iw + t.pad[1] - ow * t.params.stride[1];
              if (dh < 0 || dw < 0 || dh % t.params.dilation[0] || dw % t.params.dilation[1])
                continue;
              if (dh / t.params.dilation[0] >= t.params.kernel[0] ||
                  dw / t.params.dilation[1] >= t.params.kernel[1])
                continue;
              const double v = get(x, t.index(n, c, ih, iw, t.size));
              if (std::isnan(want) || std::isnan(v))
                want = NAN;
              else if (v > want || (v == want && std::signbit(want)))
                want = v;
            }
          const double got = get(y, t.index(n, c, oh, ow, t.out));
          const bool same = std::isnan(want)
                                ? std::isnan(got)
                                : got == want && std::signbit(got) == std::signbit(want);
          if (!same)
            check::fail(
                __FILE__, __LINE__,
                concat(name(type), " x ", x.shape, " y ", y.shape, ": ", got, ", want ", want));
        }
}

TEST(pooling_is_exact) {
  for_each_isa([](Isa) {
    Random random(test_seed());
    for (DType type : {DType::kF32, DType::kF16, DType::kBF16, DType::kS8, DType::kU8})
      for (int i = 0; i < 120; ++i) check_pool(random, type);
  });
}

TEST(the_number_of_threads_changes_nothing) {
  Random random(test_seed());
  HostTensor x(DType::kF32, Shape{2, 9, 40, 33});
  fill(random, x);
  MaxPool2d::Params params;
  params.kernel = {3, 3};
  params.padding.mode = Padding::kSame;
  ThreadPool one(1), three(3);
  CHECK(run_op<MaxPool2d>(params, {&x}, one).outputs[0].bytes ==
        run_op<MaxPool2d>(params, {&x}, three).outputs[0].bytes);
}

// A kernel much larger than the image costs no more than the image.
TEST(a_huge_kernel_covers_the_image) {
  HostTensor x(Shape{1, 1, 2, 2}, std::vector<float>{1, 4, 3, 2});
  MaxPool2d::Params params;
  params.kernel = {kMaxInt, kMaxInt};
  params.padding.mode = Padding::kSame;
  RunResult result = run_op<MaxPool2d>(params, {&x});
  CHECK_OK(result.status);
  for (int i = 0; i < 4; ++i) CHECK_EQ(result.outputs[0].as<float>()[i], 4.0f);
}

TEST(what_cannot_be_done_is_refused) {
  auto message = [](const MaxPool2d::Params& params, TensorDesc x) {
    const TensorDesc* in[] = {&x};
    Outputs out;
    return make_schema<MaxPool2d>().infer(&params, Inputs(in), out).message;
  };
  auto has = [](const std::string& text, const char* part) {
    return text.find(part) != std::string::npos;
  };
  MaxPool2d::Params params;
  CHECK(has(message(params, {DType::kF32, {1, 1, 4, 4}}), "maxPool2d: kernel must have 2 values"));
  params.kernel = {5, 1};
  CHECK(has(message(params, {DType::kF32, {1, 1, 4, 4}}),
            "must not exceed the padded image's height, got extent 5"));
  CHECK(has(message(params, {DType::kS32, {1, 1, 4, 4}}),
            "x must be float32, float16, bfloat16, int8 or uint8, got int32"));
  CHECK(has(message(params, {DType::kF32, {1, 4, 4}}), "x must have 4 axes, got [1, 4, 4]"));
  params.padding = {Padding::kExplicit, {kMaxInt + 1, 0, 0, 0}};
  CHECK(has(message(params, {DType::kF32, {1, 1, 4, 4}}), "each value of padding must lie in [0"));
}

}  // namespace
