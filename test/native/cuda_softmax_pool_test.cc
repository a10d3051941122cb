// softmax and maxPool2d on the emulated device: softmax within its bound, pooling with the CPU's
// bits.
#include "conv_cases.h"
#include "cuda_compare.h"
#include "ops/pool/pool.h"
#include "ops/softmax/softmax.h"
#include "tolerance.h"

using namespace halftone;
using namespace halftone::test;

namespace {

/// exp(x - greatest) / sum in double, for one row.
void check_row(HostTensor& x, HostTensor& y, int64_t at, int64_t n, int64_t step) {
  double greatest = -INFINITY, sum = 0;
  bool nan = false;
  for (int64_t i = 0; i < n; ++i) {
    const double v = number_at(x, at + i * step);
    nan = nan || std::isnan(v);
    greatest = std::max(greatest, v);
  }
  nan = nan || std::isinf(greatest);
  for (int64_t i = 0; i < n; ++i) sum += std::exp(number_at(x, at + i * step) - greatest);
  for (int64_t i = 0; i < n; ++i) {
    const double got = number_at(y, at + i * step);
    if (nan) {
      CHECK(std::isnan(got));
      continue;
    }
    const double distance = number_at(x, at + i * step) - greatest;
    const double want = std::exp(distance) / sum;
    // The rounded argument of exp, exp itself, the sum's roundings, the division: in units of the
    // compute type's last place.
    const DType inner = y.dtype == DType::kF64 ? DType::kF64 : DType::kF32;
    const double ulps =
        std::min(std::fabs(distance), 1000.0) / 2 + 4 + 4 * std::sqrt(static_cast<double>(n));
    const double bound =
        rounding_bound(y.dtype, want) + ulps * 2 * unit_roundoff(inner) * want + underflow(inner);
    if (!(std::fabs(got - want) <= bound))
      check::fail(__FILE__, __LINE__,
                  concat(name(x.dtype), " ", x.shape, " at ", at + i * step, ": ", got, ", want ",
                         want, " +- ", bound));
  }
}

}  // namespace

TEST(softmax_of_rows_and_columns_of_all_widths) {
  Random random(test_seed());
  const std::pair<Shape, int64_t> cases[] = {
      {{1}, 0},          {{7}, 0},        {{5, 2}, 1},     {{300, 3}, 1},    {{9, 8}, 1},
      {{9, 33}, 1},      {{3, 64}, 1},    {{3, 1000}, 1},  {{2, 1024}, 1},   {{2, 1025}, 1},
      {{2, 1032}, 1},    {{1, 12032}, 1}, {{1, 12033}, 1}, {{2, 16000}, -1}, {{1, 16001}, 1},
      {{7, 1}, 0},       {{5, 17}, 0},    {{300, 3}, 0},   {{2, 40, 33}, 1}, {{2, 7, 64}, 1},
      {{3, 5, 2, 2}, 1}, {{0, 4}, 1},     {{4, 0}, 1},     {{2000, 2}, 0}};
  for (const auto& [shape, axis] : cases)
    for (const DType type : {DType::kF32, DType::kF16, DType::kBF16, DType::kF64})
      for (const bool special : {false, true}) {
        HostTensor x(type, shape);
        const int64_t elements = shape.elements();
        for (int64_t i = 0; i < elements; ++i) {
          const double v = static_cast<double>(random.between(-800, 800)) / 128;
          if (type == DType::kF64)
            x.as<double>()[i] = v;
          else
            set(x, i, v);
        }
        if (special && elements > 0 && type != DType::kF64)
          for (const double v :
               {double{NAN}, double{INFINITY}, -double{INFINITY}, -double{INFINITY}})
            set(x, random.below(elements), v);
        RunResult r = run_cuda<Softmax>({.axis = axis}, {&x});
        CHECK_OK(r.status);
        if (!r.status.ok() || elements == 0) continue;
        const int at = static_cast<int>(axis < 0 ? axis + shape.rank : axis);
        int64_t step = 1;
        for (int k = at + 1; k < shape.rank; ++k) step *= shape[k];
        const int64_t n = shape[at];
        for (int64_t o = 0; o < elements / (n * step); ++o)
          for (int64_t s = 0; s < step; ++s) check_row(x, r.outputs[0], o * n * step + s, n, step);
        CHECK(run_cuda<Softmax>({.axis = axis}, {&x}).outputs[0].bytes == r.outputs[0].bytes);
      }
}

TEST(softmax_of_minus_infinity_alone_is_not_a_number) {
  for (const int64_t n : {int64_t{2}, int64_t{40}, int64_t{13000}}) {
    HostTensor x(DType::kF32, {n}), columns(DType::kF32, {n, 2});
    for (HostTensor* t : {&x, &columns}) {
      for (int64_t i = 0; i < t->shape.elements(); ++i) t->as<float>()[i] = -INFINITY;
      RunResult r = run_cuda<Softmax>({.axis = 0}, {t});
      CHECK_OK(r.status);
      for (const float v : r.outputs[0].values<float>()) CHECK(v != v);
    }
  }
}

TEST(pooling_gives_the_bits_of_the_cpu) {
  Random random(test_seed());
  const DType types[] = {DType::kF32, DType::kF16, DType::kBF16, DType::kS8, DType::kU8};
  for (int i = 0, done = 0; done < 600; ++i) {
    MaxPool2d::Params p;
    p.layout = random.pick({Layout::kNCHW, Layout::kNHWC});
    p.ceilMode = random.chance(40);
    p.kernel = {random.between(1, 4), random.between(1, 4)};
    p.stride = {random.between(1, 3), random.between(1, 3)};
    p.dilation = {random.chance(70) ? 1 : 2, random.chance(70) ? 1 : 3};
    p.padding.mode = static_cast<int32_t>(random.below(4));
    for (int64_t& v : p.padding.values) v = random.below(3);
    // Whole packs of channels too.
    const int64_t c = random.chance(40) ? 16 * random.between(1, 3) : random.between(1, 21);
    const int64_t n = random.chance(5) ? 0 : random.between(1, 3), h = random.between(1, 12),
                  w = random.between(1, 12);
    const DType type = types[i % 5];
    HostTensor x(type, p.layout == Layout::kNCHW ? Shape{n, c, h, w} : Shape{n, h, w, c});
    const TensorDesc desc{x.dtype, x.shape};
    PoolGeometry g;
    if (!MaxPool2d::resolve(p, desc, &g).ok()) continue;
    fill(random, x);
    if (is_float(type) && random.chance(40) && x.shape.elements() > 0)
      for (int k = 0; k < 4; ++k)
        set(x, random.below(x.shape.elements()), random.pick({NAN, -INFINITY, INFINITY, -0.0f}));
    RunResult cpu = run_op<MaxPool2d>(p, {&x}), cuda = run_cuda<MaxPool2d>(p, {&x});
    CHECK_OK(cuda.status);
    CHECK(cpu.outputs[0].bytes == cuda.outputs[0].bytes);
    ++done;
  }
}

TEST(a_huge_kernel_covers_the_image) {
  HostTensor x(Shape{1, 1, 2, 2}, std::vector<float>{1, 4, 3, 2});
  MaxPool2d::Params p;
  p.kernel = {kMaxInt, kMaxInt};
  p.padding.mode = Padding::kSame;
  RunResult r = run_cuda<MaxPool2d>(p, {&x});
  CHECK_OK(r.status);
  for (int i = 0; i < 4; ++i) CHECK_EQ(r.outputs[0].as<float>()[i], 4.0f);
}
