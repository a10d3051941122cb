// Convolutions on images laid out as planes: shapes that no vector, block or tile divides, and the
// same bits on all CPUs that are promised them.
#include <string>

#include "check.h"
#include "conv_runs.h"
#include "each_isa.h"

using namespace halftone;
using namespace halftone::test;

namespace {

ConvCase make_case(Layout layout, int64_t n, int64_t c, int64_t h, int64_t w, int64_t k, int64_t r,
                   int64_t s, int64_t groups, int64_t stride, int64_t dilation, int64_t pad) {
  ConvCase t{};
  t.options.layout = layout;
  t.options.groups = groups;
  t.options.stride = {stride, stride};
  t.options.dilation = {dilation, dilation};
  t.options.padding = {Padding::kExplicit, {pad, pad, pad, pad}};
  t.n = n, t.c = c, t.h = h, t.w = w, t.k = k, t.r = r, t.s = s;
  t.pad[0] = t.pad[1] = pad;
  t.out[0] = (h + 2 * pad - (r - 1) * dilation - 1) / stride + 1;
  t.out[1] = (w + 2 * pad - (s - 1) * dilation - 1) / stride + 1;
  return t;
}

bool ran(const RunResult& result, const char* part) {
  return std::string(result.provenance.kernel).find(part) != std::string::npos;
}

void fail(const ConvCase& t, const RunResult& result, const char* what) {
  check::fail(__FILE__, __LINE__, concat(t.text(), " ", result.provenance.kernel, " ", what));
}

// Several blocks of rows, several channels in one block, channels and columns that fill no vector,
// filters with a multiplier, one image of no pixels and none at all.
TEST(depthwise_has_the_plain_bits_on_every_cpu) {
  Random random(test_seed());
  for (const Layout layout : {Layout::kNCHW, Layout::kNHWC}) {
    const bool nhwc = layout == Layout::kNHWC;
    const ConvCase cases[] = {make_case(layout, 1, 2, 150, 131, 2, 3, 3, 2, 1, 1, 1),
                              make_case(layout, 2, 37, 9, 5, 37, 3, 3, 37, 1, 1, 1),
                              make_case(layout, 1, 67, 7, 7, 67, 5, 5, 67, 1, 1, 2),
                              make_case(layout, 1, 19, 29, 67, 19, 3, 3, 19, 2, 1, 1),
                              make_case(layout, 1, 3, 40, 33, 3, 4, 2, 3, 3, 2, 3),
                              make_case(layout, 1, 5, 21, 19, nhwc ? 5 : 15, 3, 3, 5, 1, 3, 2),
                              make_case(layout, 1, 6, 3, 3, 6, 7, 7, 6, 1, 1, 3),
                              make_case(layout, 0, 8, 5, 5, 8, 3, 3, 8, 1, 1, 1)};
    for (const ConvCase& t : cases)
      for (const Kind& kind : kKinds) {
        HostTensor x(kind.a, t.x()), w(kind.b, t.filter());
        const double scale = kind.compute == Compute::kFloat16 && random.chance(50) ? 0x1p-12 : 1;
        fill(random, x, scale);
        fill(random, w, scale);
        const HostTensor plain = run_plain(t, Wanted::kOutput, x, w, kind.compute);
        for_each_isa([&](Isa) {
          RunResult fast = run_fast(t, Wanted::kOutput, x, w, kind.compute);
          CHECK_OK(fast.status);
          if (kind.compute != Compute::kFloat16 && t.n > 0 && !ran(fast, "depthwise"))
            fail(t, fast, "is no depthwise kernel");
          if (fast.outputs[0].bytes != plain.bytes) fail(t, fast, "differs from the plain kernel");
        });
      }
  }
}

// Infinities and NaN in image and filter: of the definition, also where padding would turn them
// into NaN.
TEST(depthwise_padding_is_skipped) {
  Random random(test_seed());
  for (const Layout layout : {Layout::kNCHW, Layout::kNHWC}) {
    const ConvCase t = make_case(layout, 1, 21, 11, 13, 21, 3, 3, 21, 1, 1, 1);
    for (const Kind& kind : kKinds) {
      if (!is_float(kind.a)) continue;
      HostTensor x(kind.a, t.x()), w(kind.b, t.filter());
      fill(random, x);
      fill(random, w);
      for (int i = 0; i < 12; ++i) {
        HostTensor& some = i % 2 ? x : w;
        set(some, random.below(some.shape.elements()),
            random.pick({INFINITY, -INFINITY, static_cast<float>(NAN)}));
      }
      const HostTensor plain = run_plain(t, Wanted::kOutput, x, w, kind.compute);
      for_each_isa([&](Isa) {
        RunResult fast = run_fast(t, Wanted::kOutput, x, w, kind.compute);
        CHECK_OK(fast.status);
        for (int64_t i = 0; i < plain.shape.elements(); ++i)
          if (!same_bits_or_nan(fast.outputs[0], plain, i))
            return fail(t, fast, "differs from the plain kernel");
      });
    }
  }
}

// Products in place: several blocks of k, tiles of rows and of columns, panels that reach over the
// end of a row, strides, groups, images of one batch that must not mix.
TEST(planes_keep_to_the_bound_and_have_the_same_bits_with_fma) {
  Random random(test_seed());
  const ConvCase cases[] = {make_case(Layout::kNCHW, 1, 31, 40, 47, 29, 3, 3, 1, 1, 1, 1),
                            make_case(Layout::kNCHW, 3, 5, 13, 17, 16, 3, 3, 1, 1, 1, 1),
                            make_case(Layout::kNCHW, 2, 3, 33, 35, 13, 7, 7, 1, 2, 1, 3),
                            make_case(Layout::kNCHW, 1, 6, 19, 23, 8, 3, 2, 2, 3, 2, 2),
                            make_case(Layout::kNCHW, 2, 17, 13, 11, 70, 1, 1, 1, 1, 1, 0),
                            make_case(Layout::kNCHW, 1, 4, 8, 70, 5, 1, 5, 1, 1, 1, 0),
                            make_case(Layout::kNCHW, 0, 4, 8, 8, 5, 3, 3, 1, 1, 1, 1)};
  for (const ConvCase& t : cases)
    for (const Kind& kind : kKinds) {
      if (!is_float(kind.a) || kind.compute == Compute::kFloat16) continue;
      if (t.r * t.s == 1 && kind.a != DType::kF32) continue;  // only images as they are
      if (t.r * t.s == 1 && kind.compute == Compute::kTf32) continue;
      HostTensor x(kind.a, t.x()), w(kind.b, t.filter());
      fill(random, x);
      fill(random, w);
      const std::vector<Sum> sums = reference(t, Wanted::kOutput, x, w);
      std::vector<std::byte> with_fma;
      for_each_isa([&](Isa isa) {
        RunResult fast = run_fast(t, Wanted::kOutput, x, w, kind.compute);
        CHECK_OK(fast.status);
        const HostTensor& y = fast.outputs[0];
        if (t.n > 0 && !ran(fast, "planes")) fail(t, fast, "is not on planes");
        for (int64_t i = 0; i < y.shape.elements(); ++i) {
          const Sum& sum = sums[static_cast<size_t>(i)];
          if (!(std::fabs(get(y, i) - sum.value) <=
                product_bound(y.dtype, kind.compute, sum.terms, sum.value, sum.magnitude)))
            return fail(t, fast, "exceeds the bound");
        }
        if (isa < Isa::kAvx2) return;
        if (!with_fma.empty() && with_fma != y.bytes) fail(t, fast, "differs from AVX2");
        with_fma = y.bytes;
      });
    }
}

// A dilation or padding that would make planes of gigabytes out of a few numbers.
TEST(planes_stay_small) {
  ConvCase wide = make_case(Layout::kNCHW, 1, 4, 3, 3, 4, 2, 2, 4, 1, 1, 0);
  wide.options.dilation = {1 << 20, 1 << 20};
  wide.options.padding = {Padding::kExplicit, {1 << 19, 1 << 19, 1 << 19, 1 << 19}};
  wide.pad[0] = wide.pad[1] = 1 << 19;
  wide.out[0] = wide.out[1] = 3;
  for (const int64_t groups : {1, 4}) {
    wide.options.groups = groups;
    HostTensor x(DType::kF32, wide.x()), w(DType::kF32, wide.filter());
    Random random(test_seed());
    fill(random, x);
    fill(random, w);
    RunResult fast = run_fast(wide, Wanted::kOutput, x, w, Compute::kFloat32);
    CHECK_OK(fast.status);
    CHECK(fast.outputs[0].shape == wide.y());
    CHECK(!ran(fast, "planes") && !ran(fast, "depthwise"));
    CHECK(fast.outputs[0].bytes == run_plain(wide, Wanted::kOutput, x, w, Compute::kFloat32).bytes);
  }
}

}  // namespace
