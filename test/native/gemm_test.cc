// The product engines against plain loops, at every instruction set level.
#include "ops/gemm/gemm.h"

#include <cmath>
#include <random>
#include <vector>

#include "check.h"
#include "each_isa.h"
#include "ops/gemm/gemm_isa.h"
#include "ops/gemm/matrix.h"
#include "tolerance.h"

#if defined(__SSE__)
#include <xmmintrin.h>
#endif

using namespace halftone;
using namespace halftone::test;

namespace {

/// A context without tensors: engines use its threads alone.
struct Threads {
  explicit Threads(int n) : pool(n) {}
  ThreadPool pool;
  std::atomic<bool> cancelled{false};
  halftone_provenance provenance{};
  KernelContext context{{}, {}, pool, cancelled, provenance};
};

std::string text(const GemmSize& s, Isa isa) {
  return concat("batch ", s.batch, " m ", s.m, " n ", s.n, " k ", s.k, " ", name(isa));
}

/// Sizes around the tiles of all levels (4, 6, 12 rows; 8, 16, 32, 64 columns), blocks of k and
/// tiles of threads.
const std::vector<GemmSize> kSizes = {
    {1, 1, 1, 1},     {1, 1, 1, 0},    {1, 0, 5, 3},      {1, 5, 0, 3},    {0, 5, 5, 3},
    {1, 3, 7, 2},     {1, 4, 8, 3},    {1, 5, 9, 4},      {1, 6, 16, 5},   {1, 7, 17, 16},
    {1, 11, 31, 17},  {1, 12, 32, 33}, {1, 13, 33, 7},    {1, 12, 63, 15}, {1, 24, 64, 31},
    {1, 25, 65, 32},  {1, 3, 15, 255}, {1, 13, 40, 256},  {1, 5, 33, 257}, {1, 2, 19, 513},
    {3, 5, 17, 9},    {2, 13, 1, 300}, {1, 1, 200, 130},  {1, 300, 1, 20}, {1, 265, 70, 6},
    {1, 30, 300, 11}, {5, 1, 1, 3},    {1, 129, 131, 40}, {2, 3, 96, 300}, {1, 16, 64, 257},
};

constexpr int64_t kGuard = 64;  // elements after the result that nobody may touch

template <class T>
std::vector<T> transposed(const std::vector<T>& x, int64_t batch, int64_t rows, int64_t cols) {
  std::vector<T> y(x.size());
  for (int64_t b = 0; b < batch; ++b)
    for (int64_t r = 0; r < rows; ++r)
      for (int64_t c = 0; c < cols; ++c)
        y[static_cast<size_t>((b * cols + c) * rows + r)] =
            x[static_cast<size_t>((b * rows + r) * cols + c)];
  return y;
}

/// Offsets of a dense batch of matrices.
BatchOffsets dense(const GemmSize& s, int64_t elements) {
  return BatchOffsets({s.batch}, {s.batch}, elements);
}

/// Runs an engine with A or B stored as it is or transposed. Engine: gemm_f32, gemm_f16 or gemm_s8.
template <class In, class Sum, class T, class Engine>
std::vector<Sum> multiply(Engine engine, const KernelContext& context, const GemmSize& s,
                          const std::vector<T>& a, const std::vector<T>& b, PackFrom how, bool ta,
                          bool tb, int32_t za = 0, int32_t zb = 0) {
  const std::vector<T> at = ta ? transposed(a, s.batch, s.m, s.k) : a,
                       bt = tb ? transposed(b, s.batch, s.k, s.n) : b;
  std::vector<Sum> c(static_cast<size_t>(s.batch * s.m * s.n + kGuard), Sum{77});
  const MatrixOperand<In> am(at.data(), how, !ta, ta ? s.m : s.k, dense(s, s.m * s.k), za);
  const MatrixOperand<In> bm(bt.data(), how, tb, tb ? s.k : s.n, dense(s, s.k * s.n), zb);
  if constexpr (std::is_same_v<Sum, float>)
    engine(context, s, am, bm, MatrixStore<float>(c.data(), s.m, s.n));
  else
    engine(context, s, am, bm, IntMatrixStore(c.data(), s.m, s.n));
  for (int64_t i = 0; i < kGuard; ++i)
    CHECK_EQ(c[static_cast<size_t>(s.batch * s.m * s.n + i)], Sum{77});
  c.resize(c.size() - kGuard);
  return c;
}

uint32_t bits(float x) { return std::bit_cast<uint32_t>(x); }
bool same(float a, float b) { return bits(a) == bits(b) || (std::isnan(a) && std::isnan(b)); }

/// The chain that gemm.h states for gemm_f32.
float chain_f32(const float* a, const float* b, int64_t n, int64_t k, bool fused) {
  float total = 0;
  for (int64_t k0 = 0; k0 < k; k0 += kGemmBlockK) {
    float sum = 0;
    for (int64_t i = k0; i < std::min(k, k0 + kGemmBlockK); ++i)
      sum = fused ? std::fma(a[i], b[i * n], sum) : sum + a[i] * b[i * n];
    total = k0 == 0 ? sum : total + sum;
  }
  return total;
}
bool fused_at([[maybe_unused]] Isa isa) {
#if defined(__FP_FAST_FMAF)
  return true;
#else
  return isa != Isa::kBaseline;
#endif
}

float chain_f16(const f16* a, const f16* b, int64_t n, int64_t k) {
  f16 sum{};
  for (int64_t i = 0; i < k; ++i) sum = fma_f16(a[i], b[i * n], sum);
  return to_float(sum);
}

template <class F>
void for_each_element(const GemmSize& s, F&& f) {
  for (int64_t b = 0; b < s.batch; ++b)
    for (int64_t r = 0; r < s.m; ++r)
      for (int64_t c = 0; c < s.n; ++c) f(b, r, c, static_cast<size_t>((b * s.m + r) * s.n + c));
}

std::vector<f16> random_f16(std::mt19937& rng, int64_t n, bool any_pattern) {
  std::vector<f16> v(static_cast<size_t>(n));
  std::normal_distribution<float> normal;
  for (f16& x : v) x = any_pattern ? f16{static_cast<uint16_t>(rng())} : to_f16(normal(rng));
  return v;
}

}  // namespace

TEST(float32_is_the_stated_chain_and_close_to_float64) {
  Threads threads(2);
  for (const GemmSize& s : kSizes) {
    std::mt19937 rng(static_cast<uint32_t>(s.m * 7919 + s.n * 104729 + s.k));
    std::normal_distribution<float> normal;
    std::vector<float> a(static_cast<size_t>(s.batch * s.m * s.k)),
        b(static_cast<size_t>(s.batch * s.k * s.n));
    for (float& x : a) x = normal(rng);
    for (float& x : b) x = normal(rng);
    for_each_isa([&](Isa isa) {
      for (int t = 0; t < 4; ++t) {
        const auto c = multiply<float, float>(gemm_f32, threads.context, s, a, b, PackFrom::kF32,
                                              t & 1, t & 2);
        for_each_element(s, [&](int64_t batch, int64_t i, int64_t j, size_t at) {
          const float* ai = a.data() + (batch * s.m + i) * s.k;
          const float* bj = b.data() + batch * s.k * s.n + j;
          if (c[at] != chain_f32(ai, bj, s.n, s.k, fused_at(isa)))
            check::fail(__FILE__, __LINE__,
                        concat(text(s, isa), " differs from the chain at ", i, ", ", j));
          double exact = 0, magnitude = 0;
          for (int64_t k = 0; k < s.k; ++k) {
            const double p = static_cast<double>(ai[k]) * static_cast<double>(bj[k * s.n]);
            exact += p;
            magnitude += std::fabs(p);
          }
          if (std::fabs(c[at] - exact) >
              product_bound(DType::kF32, Compute::kFloat32, s.k, exact, magnitude))
            check::fail(__FILE__, __LINE__,
                        concat(text(s, isa), " off by ", c[at] - exact, " at ", i, ", ", j));
        });
      }
    });
  }
}

TEST(float16_chains_match_bit_for_bit) {
  Threads threads(2);
  for (const GemmSize& s : kSizes)
    for (const bool any_pattern : {false, true}) {
      std::mt19937 rng(static_cast<uint32_t>(s.m * 31 + s.n * 37 + s.k * 41 + any_pattern));
      const auto a = random_f16(rng, s.batch * s.m * s.k, any_pattern),
                 b = random_f16(rng, s.batch * s.k * s.n, any_pattern);
      for_each_isa([&](Isa isa) {
        const auto c = multiply<float, float>(gemm_f16, threads.context, s, a, b, PackFrom::kF16,
                                              false, false);
        for_each_element(s, [&](int64_t batch, int64_t i, int64_t j, size_t at) {
          const float expected = chain_f16(a.data() + (batch * s.m + i) * s.k,
                                           b.data() + batch * s.k * s.n + j, s.n, s.k);
          if (!same(c[at], expected))
            check::fail(
                __FILE__, __LINE__,
                concat(text(s, isa), " got ", c[at], " for ", expected, " at ", i, ", ", j));
        });
      });
    }
}

// One step of a chain: every pair of a few hundred interesting values, added to every third of some
// more.
TEST(float16_steps_at_the_edges_of_the_format) {
  std::vector<f16> values;
  for (const uint16_t base : {0x0000, 0x0001, 0x0002, 0x0003, 0x01ff, 0x03ff, 0x0400, 0x0401,
                              0x1400, 0x2fff, 0x3555, 0x3bff, 0x3c00, 0x3c01, 0x4000, 0x5640,
                              0x67ff, 0x6800, 0x7800, 0x7bfe, 0x7bff, 0x7c00, 0x7e00})
    for (const uint16_t sign : {0, 0x8000}) values.push_back({static_cast<uint16_t>(base | sign)});
  const int64_t n = static_cast<int64_t>(values.size());
  Threads threads(1);
  for (const f16 third : values) {
    // Row i: [third, values[i]], column j: [1, values[j]]: third + values[i] * values[j].
    std::vector<f16> a(static_cast<size_t>(2 * n)), b(static_cast<size_t>(2 * n));
    for (int64_t i = 0; i < n; ++i) {
      a[static_cast<size_t>(2 * i)] = third;
      a[static_cast<size_t>(2 * i + 1)] = values[static_cast<size_t>(i)];
      b[static_cast<size_t>(i)] = to_f16(1.0f);
      b[static_cast<size_t>(n + i)] = values[static_cast<size_t>(i)];
    }
    const GemmSize s{1, n, n, 2};
    for_each_isa([&](Isa isa) {
      const auto c =
          multiply<float, float>(gemm_f16, threads.context, s, a, b, PackFrom::kF16, false, false);
      for_each_element(s, [&](int64_t, int64_t i, int64_t j, size_t at) {
        const float expected = chain_f16(a.data() + 2 * i, b.data() + j, n, 2);
        if (!same(c[at], expected))
          check::fail(
              __FILE__, __LINE__,
              concat(name(isa), ": ", to_float(third), " + ",
                     to_float(values[static_cast<size_t>(i)]), " * ",
                     to_float(values[static_cast<size_t>(j)]), " = ", expected, ", got ", c[at]));
      });
    });
  }
}

#if defined(__SSE__)
TEST(float16_does_not_depend_on_flushing_of_subnormals) {
  Threads threads(1);  // the calling thread does the work
  const GemmSize s{1, 13, 65, 9};
  std::mt19937 rng(5);
  std::vector<f16> a(13 * 9), b(9 * 65);
  for (f16& x : a)
    x = {static_cast<uint16_t>(rng() & 0x8fffu)};  // magnitudes below 2^-11, half of them subnormal
  for (f16& x : b) x = to_f16(static_cast<float>(rng() % 64) / 16.0f);
  for_each_isa([&](Isa isa) {
    const auto normal =
        multiply<float, float>(gemm_f16, threads.context, s, a, b, PackFrom::kF16, false, false);
    const unsigned saved = _mm_getcsr();
    _mm_setcsr(saved | 0x8040u);  // flush to zero, denormals are zero
    const auto flushed =
        multiply<float, float>(gemm_f16, threads.context, s, a, b, PackFrom::kF16, false, false);
    CHECK_EQ(_mm_getcsr() & 0xffc0u,
             (saved | 0x8040u) & 0xffc0u);  // and the kernel puts the modes back
    _mm_setcsr(saved);
    for (size_t i = 0; i < normal.size(); ++i)
      if (!same(normal[i], flushed[i]))
        check::fail(__FILE__, __LINE__, concat(name(isa), ": ", normal[i], " became ", flushed[i]));
  });
}
#endif

TEST(int8_is_exact_with_zero_points) {
  Threads threads(2);
  for (const GemmSize& s : kSizes) {
    std::mt19937 rng(static_cast<uint32_t>(s.m + s.n * 3 + s.k * 5));
    std::vector<uint8_t> a(static_cast<size_t>(s.batch * s.m * s.k)),
        b(static_cast<size_t>(s.batch * s.k * s.n));
    for (uint8_t& x : a) x = static_cast<uint8_t>(rng() % 4 == 0 ? 0x80 : rng());
    for (uint8_t& x : b) x = static_cast<uint8_t>(rng() % 4 == 0 ? 0xff : rng());
    for (const PackFrom how : {PackFrom::kS8, PackFrom::kU8})
      for (int t = 0; t < 4; ++t) {
        const int32_t za = t == 0                 ? 0
                           : how == PackFrom::kS8 ? 127
                                                  : 255,
                      zb = t == 1                 ? 0
                           : how == PackFrom::kS8 ? -128
                                                  : 3;
        const auto value = [&](uint8_t x) {
          return how == PackFrom::kS8 ? int32_t{static_cast<int8_t>(x)} : int32_t{x};
        };
        std::vector<int32_t> expected(static_cast<size_t>(s.batch * s.m * s.n));
        for_each_element(s, [&](int64_t batch, int64_t i, int64_t j, size_t at) {
          int32_t sum = 0;
          for (int64_t k = 0; k < s.k; ++k)
            sum += (value(a[static_cast<size_t>((batch * s.m + i) * s.k + k)]) - za) *
                   (value(b[static_cast<size_t>((batch * s.k + k) * s.n + j)]) - zb);
          expected[at] = sum;
        });
        for_each_isa([&](Isa isa) {
          const auto c = multiply<int16_t, int32_t>(gemm_s8, threads.context, s, a, b, how, t & 1,
                                                    t & 2, za, zb);
          if (c != expected)
            check::fail(__FILE__, __LINE__,
                        concat(text(s, isa), " transposed ", t, " is not exact"));
        });
      }
  }
}

TEST(int8_sums_wrap) {
  // 255 * 255 * 40000 = 2601000000 > 2^31.
  Threads threads(1);
  const GemmSize s{1, 1, 1, 40000};
  const std::vector<uint8_t> ones(40000, 255);
  for_each_isa([&](Isa) {
    const auto c = multiply<int16_t, int32_t>(gemm_s8, threads.context, s, ones, ones,
                                              PackFrom::kU8, false, false);
    CHECK_EQ(c[0], static_cast<int32_t>(2601000000u));
  });
}

TEST(threads_do_not_change_bits) {
  const GemmSize s{2, 150, 170, 300};
  std::mt19937 rng(11);
  const auto a = random_f16(rng, s.batch * s.m * s.k, false),
             b = random_f16(rng, s.batch * s.k * s.n, false);
  std::vector<uint8_t> ai(a.size()), bi(b.size());
  for (uint8_t& x : ai) x = static_cast<uint8_t>(rng());
  for (uint8_t& x : bi) x = static_cast<uint8_t>(rng());
  for_each_isa([&](Isa isa) {
    std::vector<float> f32[3], half[3];
    std::vector<int32_t> s8[3];
    for (int t = 0; t < 3; ++t) {
      Threads threads(t + 1);
      f32[t] =
          multiply<float, float>(gemm_f32, threads.context, s, a, b, PackFrom::kF16, false, true);
      half[t] =
          multiply<float, float>(gemm_f16, threads.context, s, a, b, PackFrom::kF16, true, false);
      s8[t] = multiply<int16_t, int32_t>(gemm_s8, threads.context, s, ai, bi, PackFrom::kS8, false,
                                         false);
      const auto equal = [&](const auto& x, const auto& y) {
        return std::memcmp(x.data(), y.data(), x.size() * 4) == 0;
      };
      if (!equal(f32[t], f32[0]) || !equal(half[t], half[0]) || s8[t] != s8[0])
        check::fail(__FILE__, __LINE__, concat(t + 1, " threads differ from 1, ", name(isa)));
    }
  });
}

TEST(infinity_and_nan_stay_in_their_row_and_column) {
  Threads threads(2);
  const GemmSize s{1, 14, 34, 21};
  std::vector<float> a(14 * 21, 1.0f), b(21 * 34, 1.0f);
  a[3 * 21 + 20] = NAN;
  a[13 * 21 + 0] = INFINITY;
  b[5 * 34 + 33] = -INFINITY;
  for_each_isa([&](Isa) {
    const auto c =
        multiply<float, float>(gemm_f32, threads.context, s, a, b, PackFrom::kF32, false, false);
    for_each_element(s, [&](int64_t, int64_t i, int64_t j, size_t at) {
      if (i == 3 || (i == 13 && j == 33)) {  // NaN, or infinity - infinity
        CHECK(std::isnan(c[at]));
      } else {
        CHECK_EQ(c[at], i == 13 ? INFINITY : j == 33 ? -INFINITY : 21.0f);
      }
    });
  });
}

// Every number of rows and both widths, and the kernel for CPUs without VNNI where this one has it.
TEST(int8_kernels_add_to_what_is_there) {
  bool has_vnni = false;
  for (const CpuFeature& f : cpu_features())
    if (std::string(f.name) == "avx512vnni") has_vnni = f.available;
  std::mt19937 rng(17);
  for_each_isa([&](Isa isa) {
    for (const bool vnni : {false, true}) {
      if (vnni && !has_vnni) continue;
      const auto& kernels = *HALFTONE_ISA_PICK(gemm_s8_kernels)(vnni);
      const int64_t mr = kernels.mr, nr = kernels.nr, kc = 38;
      std::vector<int16_t> a(static_cast<size_t>(mr * kc)), b(static_cast<size_t>(nr * kc));
      for (auto* panel : {&a, &b})
        for (int16_t& x : *panel) x = static_cast<int16_t>(static_cast<int>(rng() % 511) - 255);
      for (int64_t rows = 1; rows <= mr; ++rows)
        for (const int64_t cols : {int64_t{1}, nr / 2, nr / 2 + 1, nr})
          for (const bool first : {true, false}) {
            std::vector<int32_t> c(static_cast<size_t>(mr * nr), 5);
            kernels.tile(a.data(), b.data(), kc, first, rows, cols, c.data(), nr);
            for (int64_t r = 0; r < rows; ++r)
              for (int64_t j = 0; j < cols; ++j) {
                int32_t sum = first ? 0 : 5;
                for (int64_t k = 0; k < kc; ++k)
                  sum += a[static_cast<size_t>((k / 2 * mr + r) * 2 + k % 2)] *
                         b[static_cast<size_t>((k / 2 * nr + j) * 2 + k % 2)];
                if (c[static_cast<size_t>(r * nr + j)] != sum)
                  check::fail(__FILE__, __LINE__,
                              concat(kernels.name, " rows ", rows, " cols ", cols, " ", name(isa)));
              }
            for (int64_t i = rows * nr; i < mr * nr; ++i) CHECK_EQ(c[static_cast<size_t>(i)], 5);
          }
    }
  });
}

TEST(report_names_the_kernel_and_its_workspace) {
  Threads threads(2);
  const std::vector<float> a(64 * 64, 1.0f);
  std::vector<float> c(64 * 64);
  for_each_isa([&](Isa isa) {
    const MatrixOperand<float> x(a.data(), PackFrom::kF32, true, 64);
    const GemmReport report =
        gemm_f32(threads.context, {1, 64, 64, 64}, x, x, MatrixStore<float>(c.data(), 64, 64));
    const char* level = isa == Isa::kAvx512Fp16 ? name(Isa::kAvx512) : name(isa);
    CHECK(std::string(report.kernel).find(level) != std::string::npos);
    CHECK(report.workspace_bytes >= 64 * 64 * 4);
  });
}
