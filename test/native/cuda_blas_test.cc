// Between products and the library: plans of a stream, autotuning, alignment, batches as strides,
// and the kernels that bring operands and sums into form.
#include <algorithm>
#include <cmath>
#include <random>
#include <set>

#include "backends/emu/fake_blas.h"
#include "check.h"
#include "core/lru_cache.h"
#include "cuda_context.h"
#include "ops/gemm/blas_cuda.h"
#include "ops/gemm/matrix.h"
#include "ops/gemm/product_steps.h"

using namespace halftone;
using namespace halftone::test;
using namespace halftone::vendor;

namespace {

std::mt19937 rng(20260103);

/// Elements of T at `offset` bytes behind a multiple of 256.
template <class T>
class Placed {
 public:
  Placed(int64_t n, size_t offset) : memory_(static_cast<size_t>(n) * sizeof(T) + 512) {
    const auto address = reinterpret_cast<uintptr_t>(memory_.data());
    data_ = reinterpret_cast<T*>((address + 255) / 256 * 256 + offset);
  }
  T* data() { return data_; }
  T& operator[](int64_t i) { return data_[i]; }
  TensorView view(Shape shape) { return {data_, dtype_of<T>, shape}; }

 private:
  std::vector<char> memory_;
  T* data_;
};

/// y [m, n] = 2 a b - c of small whole numbers, through run_cuda_product; checks y.
template <class T>
struct WholeProduct {
  int64_t m, n, k;
  Placed<T> a, b, c, y;
  CudaProduct p;
  TensorView addend;
  halftone_provenance provenance{};

  WholeProduct(int64_t m_, int64_t n_, int64_t k_, size_t offset)
      : m(m_),
        n(n_),
        k(k_),
        a(m * k, offset),
        b(k * n, offset),
        c(m * n, offset),
        y(m * n, offset) {
    for (auto* x : {&a, &b, &c})
      for (int64_t i = 0; i < (x == &a ? m * k : x == &b ? k * n : m * n); ++i) {
        const float value = static_cast<float>(static_cast<int>(rng() % 5) - 2);
        if constexpr (std::is_same_v<T, f16>)
          (*x)[i] = to_f16(value);
        else
          (*x)[i] = value;
      }
    p.op = "test";
    p.a = a.view({m, k});
    p.b = b.view({k, n});
    p.y = y.view({m, n});
    p.compute = Compute::kFloat32;
    p.alpha = 2;
    p.beta = -1;
    addend = c.view({m, n});
    p.c = &addend;
    CHECK_OK(
        product_shapes(p.a.shape, p.b.shape, false, false, Batching::kBroadcast, true, &p.product));
  }
  static float value(T x) {
    if constexpr (std::is_same_v<T, f16>)
      return to_float(x);
    else
      return x;
  }
  void run(TestStream& stream) {
    TestContext context(stream, {}, {}, provenance);
    CHECK_OK(run_cuda_product(context, p));
    for (int64_t i = 0; i < m; ++i)
      for (int64_t j = 0; j < n; ++j) {
        float sum = 0;
        for (int64_t l = 0; l < k; ++l) sum += value(a[i * k + l]) * value(b[l * n + j]);
        CHECK_EQ(value(y[i * n + j]), 2 * sum - value(c[i * n + j]));
      }
  }
};

}  // namespace

TEST(a_stream_searches_once_for_each_problem) {
  fake_blas_reset();
  TestStream stream, other;
  WholeProduct<float> x(4, 5, 6, 0), larger(4, 5, 7, 0);
  x.run(stream);
  x.run(stream);
  CHECK_EQ(fake_blas_record().searches, 1);
  larger.run(stream);
  CHECK_EQ(fake_blas_record().searches, 2);
  x.run(other);
  CHECK_EQ(fake_blas_record().searches, 3);
  // The same sizes on memory that is aligned less are another problem.
  WholeProduct<float> shifted(4, 5, 6, 4);
  shifted.run(stream);
  CHECK_EQ(fake_blas_record().searches, 4);
}

TEST(alignment_is_what_the_pointers_have) {
  fake_blas_reset();
  for (const size_t offset : {0, 2, 4, 8, 16, 32, 128}) {
    TestStream stream;
    WholeProduct<f16> x(8, 8, 8, offset);
    x.run(stream);
    const BlasMatmul p = fake_blas_record().problem;
    const int32_t expected = offset ? static_cast<int32_t>(offset) : 256;
    CHECK_EQ(p.a.align, expected);
    CHECK_EQ(p.b.align, expected);
    CHECK_EQ(p.c.align, expected);
    CHECK_EQ(p.d.align, expected);
  }
}

TEST(alignment_counts_all_matrices_that_loops_reach) {
  fake_blas_reset();
  TestStream stream;
  halftone_provenance provenance{};
  // [2, 1] against [1, 3]: two calls; the second one's A begins 3 * 5 float32 further.
  Placed<float> a(2 * 15, 0), b(3 * 20, 0), y(6 * 12, 0);
  std::fill_n(a.data(), 30, 1.0f);
  std::fill_n(b.data(), 60, 1.0f);
  CudaProduct p;
  p.op = "test";
  p.a = a.view({2, 1, 3, 5});
  p.b = b.view({1, 3, 5, 4});
  p.y = y.view({2, 3, 3, 4});
  CHECK_OK(
      product_shapes(p.a.shape, p.b.shape, false, false, Batching::kBroadcast, true, &p.product));
  TestContext context(stream, {}, {}, provenance);
  CHECK_OK(run_cuda_product(context, p));
  const FakeBlasRecord record = fake_blas_record();
  CHECK_EQ(record.runs, 2);
  CHECK_EQ(record.problem.b.align, 4);   // 60 bytes
  CHECK_EQ(record.problem.d.align, 16);  // 48 bytes
  for (int64_t i = 0; i < 72; ++i) CHECK_EQ(y[i], 5.0f);
}

TEST(autotuning_times_the_candidates_and_keeps_the_result_right) {
  fake_blas_reset();
  TestStream stream;
  stream.settings.autotune = true;
  // c has to be brought to y first, and then is C in the place of D: timing must not use it up.
  WholeProduct<f16> x(16, 16, 32, 0);
  for (int64_t i = 16; i < 256; ++i) x.c[i] = x.c[i % 16];
  x.addend = x.c.view({16});
  x.run(stream);
  const FakeBlasRecord first = fake_blas_record();
  CHECK(first.runs > 2 * 4);  // at least two candidates, some runs each
  CHECK_EQ(first.searches, 1);
  x.run(stream);
  CHECK_EQ(fake_blas_record().runs, first.runs + 1);
  // A stream does not take tuned decisions for untuned ones.
  stream.settings.autotune = false;
  x.run(stream);
  CHECK_EQ(fake_blas_record().searches, 2);
}

TEST(autotuning_leaves_c_alone_where_it_is_d) {
  fake_blas_reset();
  TestStream stream;
  stream.settings.autotune = true;
  halftone_provenance provenance{};
  TestContext context(stream, {}, {}, provenance);
  BlasMatmul p;
  p.m = p.n = p.k = 4;
  for (BlasMatrix* x : {&p.a, &p.b, &p.c, &p.d}) *x = {DType::kF32, 4, 0, 4};
  p.workspace_limit = 1 << 20;
  std::vector<float> a(16, 1), d(16, 7);
  BlasOperands o;
  o.alpha = o.beta = BlasScalar::of(1.0f);
  o.a = o.b = a.data();
  o.c = o.d = d.data();
  bool found = false;
  BlasAlgorithm algorithm;
  CHECK_OK(find_blas(context, p, o, &found, &algorithm));
  CHECK(found && fake_blas_record().runs > 0);
  CHECK(d == std::vector<float>(16, 7));
}

TEST(workspace_is_the_recommended_one_within_the_limit) {
  const auto limit = [](int sm, uint64_t most) {
    TestStream stream(sm);
    stream.settings.workspace_bytes = most;
    halftone_provenance provenance{};
    return blas_workspace_limit(TestContext(stream, {}, {}, provenance));
  };
  CHECK_EQ(limit(75, 1ull << 30), 4ull << 20);
  CHECK_EQ(limit(89, 1ull << 30), 4ull << 20);
  CHECK_EQ(limit(90, 1ull << 30), 32ull << 20);
  CHECK_EQ(limit(100, 1ull << 30), 32ull << 20);
  CHECK_EQ(limit(120, 1ull << 30), 4ull << 20);
  CHECK_EQ(limit(90, 1000), 1000ull);
  fake_blas_reset();
  TestStream stream;
  WholeProduct<float> x(4, 4, 8, 0);
  x.run(stream);
  CHECK_EQ(fake_blas_record().algorithm.split_k, 2);
  CHECK(x.provenance.workspace_bytes > 0);
  TestStream poor;
  poor.settings.workspace_bytes = 0;
  x.run(poor);
  CHECK_EQ(fake_blas_record().algorithm.split_k, 1);
  CHECK_EQ(x.provenance.workspace_bytes, uint64_t{0});
}

TEST(old_devices_lack_tf32_and_bfloat16) {
  DeviceProperties turing, ampere;
  turing.sm = 75;
  ampere.sm = 80;
  CudaProduct p;
  p.product.m = p.product.n = p.product.k = 8;
  p.compute = Compute::kTf32;
  p.a.dtype = DType::kF32;
  CHECK_OK(product_supports(p, ampere));
  CHECK_EQ(product_supports(p, turing).message,
           std::string("compute 'tf32' needs compute capability 8.0, this device is sm_75; compute "
                       "'float32' is offered"));
  p.compute = Compute::kFloat32;
  CHECK_OK(product_supports(p, turing));
  p.a.dtype = DType::kBF16;
  CHECK_OK(product_supports(p, ampere));
  CHECK(product_supports(p, turing).code == Code::kUnsupported);
  p.product.k = int64_t{1} << 31;
  CHECK(product_supports(p, ampere).message.starts_with("sizes beyond 2^31"));
}

TEST(calls_cover_each_product_once) {
  for (int round = 0; round < 2000; ++round) {
    Product p;
    p.m = 2;
    p.n = 3;
    p.k = 5;
    const int rank = static_cast<int>(rng() % 5);
    for (int i = 0; i < rank; ++i) {
      const int64_t size = static_cast<int64_t>(rng() % 3) + 1;
      const int64_t kind = static_cast<int64_t>(rng() % 4);
      p.batch.push_back(size);
      p.a_batch.push_back(kind == 0 ? 1 : size);
      p.b_batch.push_back(kind == 1 ? 1 : size);
    }
    const bool fold = rng() % 2 == 0;
    const ProductBatches batches = product_batches(p, fold);
    const int64_t joined = batches.m / p.m;
    const BatchOffsets a(p.a_batch, p.batch, 1), b(p.b_batch, p.batch, 1);
    std::set<int64_t> seen;
    CHECK_OK(each_call(batches, 2, [&](int64_t a0, int64_t b0, int64_t y0, int64_t count) {
      CHECK(count >= 1 && count <= 2);
      for (int64_t i = 0; i < count; ++i)
        for (int64_t j = 0; j < joined; ++j) {
          const int64_t y = (y0 + i * batches.strided.y) * joined + j;
          CHECK(seen.insert(y).second);
          CHECK_EQ((a0 + i * batches.strided.a) * joined + j, a[y]);
          CHECK_EQ(b0 + i * batches.strided.b, b[y]);
        }
      return Status{};
    }));
    CHECK_EQ(static_cast<int64_t>(seen.size()), p.batch.elements());
    if (!fold) CHECK_EQ(joined, 1);
  }
}

TEST(joined_rows_stay_within_int32) {
  Product p;
  p.m = 1 << 20;
  p.n = p.k = 1;
  p.batch = p.a_batch = {4096};
  const ProductBatches batches = product_batches(p, true);
  CHECK_EQ(batches.m, 1 << 20);
  CHECK_EQ(batches.strided.size, 4096);
}

TEST(packing_turns_pads_and_shifts) {
  for (const auto& [lines, k] :
       {std::pair<int64_t, int64_t>{1, 1}, {16, 16}, {31, 65}, {32, 64}, {33, 63}, {70, 130}})
    for (const bool by_lines : {false, true})
      for (const DType dtype : {DType::kU8, DType::kS8, DType::kF16, DType::kF32}) {
        const int64_t size = size_of(dtype), matrices = 3;
        std::vector<char> in(static_cast<size_t>(matrices * lines * k * size));
        for (char& x : in) x = static_cast<char>(rng());
        std::vector<uint32_t> out(
            static_cast<size_t>(matrices * padded(lines) * padded(k) * size / 4), 0xa5a5a5a5u);
        TestStream stream;
        halftone_provenance provenance{};
        TestContext context(stream, {}, {}, provenance);
        const TensorView tensor{in.data(), dtype,
                                by_lines ? Shape{matrices, lines, k} : Shape{matrices, k, lines}};
        CHECK_OK(enqueue_pack(context, {&tensor, matrices, lines, k, by_lines, out.data()}));
        const char* bytes = reinterpret_cast<const char*>(out.data());
        for (int64_t b = 0; b < matrices; ++b)
          for (int64_t l = 0; l < padded(lines); ++l)
            for (int64_t i = 0; i < padded(k); ++i)
              for (int64_t byte = 0; byte < size; ++byte) {
                const int64_t at = b * lines * k + (by_lines ? l * k + i : i * lines + l);
                char expected = 0;
                if (l < lines && i < k) {
                  expected = in[static_cast<size_t>(at * size + byte)];
                  if (dtype == DType::kU8) expected = static_cast<char>(expected - 128);
                }
                CHECK_EQ(bytes[((b * padded(lines) + l) * padded(k) + i) * size + byte], expected);
              }
      }
}

TEST(line_sums_wrap_nothing_and_miss_nothing) {
  for (const int64_t k : {16, 128, 144, 2048}) {
    const int64_t lines = 19;
    alignas(16) static int8_t bytes[19 * 2048];
    std::vector<int32_t> sums(19, -1);
    for (int64_t i = 0; i < lines * k; ++i) bytes[i] = static_cast<int8_t>(rng());
    TestStream stream;
    halftone_provenance provenance{};
    TestContext context(stream, {}, {}, provenance);
    CHECK_OK(enqueue_line_sums(context, bytes, lines, k, sums.data()));
    for (int64_t l = 0; l < lines; ++l) {
      int32_t sum = 0;
      for (int64_t i = 0; i < k; ++i) sum += bytes[l * k + i];
      CHECK_EQ(sums[static_cast<size_t>(l)], sum);
    }
  }
}

TEST(a_cache_forgets_what_was_not_used_for_longest) {
  LruCache<int, int> cache(2);
  cache.insert(1, 10);
  cache.insert(2, 20);
  CHECK(cache.find(1) != nullptr);
  CHECK_EQ(*cache.insert(3, 30), 30);
  CHECK(cache.find(2) == nullptr);
  CHECK_EQ(*cache.find(1), 10);
  CHECK_EQ(*cache.find(3), 30);
  CHECK_EQ(cache.size(), size_t{2});
}
