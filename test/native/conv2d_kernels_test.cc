// The kernels of conv2d against each other: plain loops, depthwise rows and matrix products.
#include <set>

#include "check.h"
#include "conv_runs.h"
#include "each_isa.h"

using namespace halftone;
using namespace halftone::test;

namespace {

// What is stated to the bit is equal to the bit; the rest keeps to the bound, in the plain kernels
// too.
void check_kernels(Wanted wanted, std::set<std::string>* kernels) {
  Random random(test_seed());
  for (int i = 0; i < 280; ++i) {
    const Kind& kind = kKinds[i % std::size(kKinds)];
    if (wanted != Wanted::kOutput && !is_float(kind.a)) continue;
    const ConvCase t = random_case(random, i % 5 == 0);
    HostTensor a(kind.a, wanted == Wanted::kInput ? t.y() : t.x());
    HostTensor b(kind.b, wanted == Wanted::kFilter ? t.y() : t.filter());
    const bool half = kind.compute == Compute::kFloat16;
    fill(random, a, half && random.chance(40) ? 0x1p-12 : 1);
    fill(random, b, half && random.chance(40) ? 0x1p-12 : 1);
    RunResult fast = run_fast(t, wanted, a, b, kind.compute);
    CHECK_OK(fast.status);
    if (!fast.status.ok()) continue;
    const std::string kernel = fast.provenance.kernel;
    kernels->insert(kernel);
    const HostTensor plain = run_plain(t, wanted, a, b, kind.compute);
    const bool exact =
        half || kind.compute == Compute::kInt32 || kernel.find("depthwise") != std::string::npos;
    const std::vector<Sum> sums = exact ? std::vector<Sum>() : reference(t, wanted, a, b);
    for (int64_t j = 0; j < plain.shape.elements(); ++j) {
      bool good = exact && same_bits_or_nan(fast.outputs[0], plain, j);
      if (!exact) {
        const Sum& sum = sums[static_cast<size_t>(j)];
        const double bound =
            product_bound(plain.dtype, kind.compute, sum.terms, sum.value, sum.magnitude);
        good = std::fabs(get(plain, j) - sum.value) <= bound &&
               std::fabs(get(fast.outputs[0], j) - sum.value) <= bound;
      }
      if (good) continue;
      check::fail(__FILE__, __LINE__,
                  concat(t.text(), " ", name(kind.a), " ", kernel, ": [", j, "] is ",
                         get(fast.outputs[0], j), ", plain ", get(plain, j)));
      break;
    }
  }
}

bool any_has(const std::set<std::string>& kernels, const char* part) {
  for (const std::string& k : kernels)
    if (k.find(part) != std::string::npos) return true;
  return false;
}

TEST(conv2d_agrees_with_the_plain_kernel) {
  for_each_isa([](Isa isa) {
    std::set<std::string> kernels;
    check_kernels(Wanted::kOutput, &kernels);
    for (const char* part :
         {"conv2d_depthwise_nhwc_f32", "conv2d_depthwise_nchw_f32", "conv2d_depthwise_nhwc_s32",
          "conv2d_depthwise_nchw_s32", "conv2d_planes_nchw_f32", "conv2d_nchw_f32",
          "conv2d_nhwc_f32", "conv2d_nchw_f16", "conv2d_nhwc_f16", "conv2d_nchw_s8",
          "conv2d_nhwc_s8"})
      if (!any_has(kernels, part))
        check::fail(__FILE__, __LINE__, concat(name(isa), " never ran ", part));
  });
}
TEST(the_input_gradient_agrees_with_the_plain_kernel) {
  std::set<std::string> kernels;
  check_kernels(Wanted::kInput, &kernels);
  CHECK(any_has(kernels, "conv2d_backward_input_nchw_f32") &&
        any_has(kernels, "conv2d_backward_input_nhwc_f16"));
}
TEST(the_filter_gradient_agrees_with_the_plain_kernel) {
  std::set<std::string> kernels;
  check_kernels(Wanted::kFilter, &kernels);
  CHECK(any_has(kernels, "conv2d_backward_filter_nchw_f32") &&
        any_has(kernels, "conv2d_backward_filter_nhwc_f16"));
}

// Infinities and NaN in the second operand meet data, never padding: the special results are those
// of the definition.
TEST(padding_is_skipped_not_multiplied) {
  Random random(test_seed());
  int64_t specials = 0;
  for (int i = 0; i < 240; ++i) {
    const Kind& kind = kKinds[i % 5];
    const Wanted wanted = random.pick({Wanted::kOutput, Wanted::kInput, Wanted::kFilter});
    const ConvCase t = random_case(random);
    HostTensor a(kind.a, wanted == Wanted::kInput ? t.y() : t.x());
    HostTensor b(kind.b, wanted == Wanted::kFilter ? t.y() : t.filter());
    fill(random, a);
    fill(random, b);
    if (b.shape.elements() == 0) continue;
    set(b, random.below(b.shape.elements()),
        random.pick({INFINITY, -INFINITY, static_cast<float>(NAN)}));
    RunResult fast = run_fast(t, wanted, a, b, kind.compute);
    CHECK_OK(fast.status);
    const HostTensor plain = run_plain(t, wanted, a, b, kind.compute);
    for (int64_t j = 0; j < plain.shape.elements(); ++j) {
      const double want = get(plain, j), got = get(fast.outputs[0], j);
      specials += !std::isfinite(want);
      if (std::isfinite(want) ? std::isfinite(got) : same_bits_or_nan(fast.outputs[0], plain, j))
        continue;
      check::fail(
          __FILE__, __LINE__,
          concat(t.text(), " ", fast.provenance.kernel, ": [", j, "] is ", got, ", plain ", want));
      break;
    }
  }
  CHECK(specials > 1000);
}

// Kernels larger than the masks that are kept, and wider than an image.
TEST(large_kernels) {
  Random random(test_seed());
  for (const Layout layout : {Layout::kNCHW, Layout::kNHWC}) {
    ConvCase t{};
    t.options.layout = layout;
    t.options.padding.mode = Padding::kSame;
    t.n = 1, t.c = 3, t.h = 6, t.w = 20, t.k = 5, t.r = 11, t.s = 13;
    t.out[0] = 6, t.out[1] = 20, t.pad[0] = 5, t.pad[1] = 6;
    HostTensor x(DType::kF16, t.x()), w(DType::kF16, t.filter()), dy(DType::kF16, t.y());
    for (HostTensor* tensor : {&x, &w, &dy}) fill(random, *tensor);
    for (const Wanted wanted : {Wanted::kOutput, Wanted::kInput, Wanted::kFilter}) {
      HostTensor& a = wanted == Wanted::kInput ? dy : x;
      HostTensor& b = wanted == Wanted::kFilter ? dy : w;
      RunResult fast = run_fast(t, wanted, a, b, Compute::kFloat16);
      CHECK_OK(fast.status);
      CHECK(fast.outputs[0].bytes == run_plain(t, wanted, a, b, Compute::kFloat16).bytes);
    }
  }
}

}  // namespace
