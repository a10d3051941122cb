// matmul, hgemm, gemmEx, gemmInt8 and dot4 against plain loops; what they refuse.
#include "ops/matmul/matmul.h"

#include <cmath>
#include <random>

#include "check.h"
#include "each_isa.h"
#include "ops/dot4/dot4.h"
#include "ops/gemm_ex/gemm_ex.h"
#include "ops/gemm_int8/gemm_int8.h"
#include "ops/hgemm/hgemm.h"
#include "run_op.h"
#include "tolerance.h"

using namespace halftone;
using namespace halftone::test;

namespace {

std::mt19937 rng(20260101);

HostTensor random_tensor(DType dtype, Shape shape) {
  HostTensor t(dtype, shape);
  std::normal_distribution<float> normal;
  dispatch(dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    for (int64_t i = 0; i < shape.elements(); ++i) {
      if constexpr (std::is_same_v<T, f16>)
        t.as<T>()[i] = to_f16(normal(rng));
      else if constexpr (std::is_same_v<T, bf16>)
        t.as<T>()[i] = to_bf16(normal(rng));
      else if constexpr (std::is_floating_point_v<T>)
        t.as<T>()[i] = static_cast<T>(normal(rng));
      else if constexpr (std::is_integral_v<T>)
        t.as<T>()[i] = static_cast<T>(rng());
    }
  });
  return t;
}

double value(HostTensor& t, int64_t i) {
  return dispatch(t.dtype, [&](auto tag) -> double {
    using T = typename decltype(tag)::type;
    if constexpr (std::is_same_v<T, f16> || std::is_same_v<T, bf16>)
      return to_float(t.as<T>()[i]);
    else if constexpr (std::is_same_v<T, Bool>)
      return t.as<T>()[i].value;
    else
      return static_cast<double>(t.as<T>()[i]);
  });
}

/// One matrix product of matrices that begin at offsets, in float64.
struct Reference {
  double sum = 0, magnitude = 0;
};
Reference reference(HostTensor& a, HostTensor& b, int64_t a0, int64_t a_step, int64_t b0,
                    int64_t b_step, int64_t k) {
  Reference r;
  for (int64_t i = 0; i < k; ++i) {
    const double p = value(a, a0 + i * a_step) * value(b, b0 + i * b_step);
    r.sum += p;
    r.magnitude += std::fabs(p);
  }
  return r;
}

void expect_refused(const Status& status, Code code, const char* part) {
  if (status.code != code || status.message.find(part) == std::string::npos)
    check::fail(__FILE__, __LINE__,
                concat("expected \"", part, "\", got ", static_cast<int>(status.code), " \"",
                       status.message, "\""));
}

}  // namespace

TEST(matmul_of_every_dtype_and_transpose) {
  struct Types {
    DType a, b;
    MaybeDType out;
    Compute compute;
  };
  const auto to = [](DType t) { return MaybeDType{static_cast<int32_t>(t)}; };
  const Types all[] = {{DType::kF32, DType::kF32, {}, Compute::kFloat32},
                       {DType::kF32, DType::kF32, {}, Compute::kTf32},
                       {DType::kF16, DType::kF16, {}, Compute::kFloat32},
                       {DType::kF16, DType::kF16, to(DType::kF32), Compute::kDefault},
                       {DType::kF16, DType::kF16, {}, Compute::kFloat16},
                       {DType::kBF16, DType::kBF16, {}, Compute::kDefault},
                       {DType::kBF16, DType::kBF16, to(DType::kF32), Compute::kFloat32},
                       {DType::kF64, DType::kF64, {}, Compute::kDefault},
                       {DType::kS8, DType::kS8, {}, Compute::kInt32},
                       {DType::kU8, DType::kS8, {}, Compute::kDefault},
                       {DType::kS8, DType::kU8, {}, Compute::kDefault},
                       {DType::kU8, DType::kU8, to(DType::kS32), Compute::kInt32}};
  const int64_t batch = 2, m = 13, n = 35, k = 70;
  for (const Types& t : all)
    for (const bool ta : {false, true})
      for (const bool tb : {false, true}) {
        HostTensor a = random_tensor(t.a, ta ? Shape{batch, k, m} : Shape{batch, m, k});
        HostTensor b = random_tensor(t.b, tb ? Shape{n, k} : Shape{k, n});
        auto r = run_op<Matmul>({ta, tb, t.compute, t.out}, {&a, &b});
        CHECK_OK(r.status);
        HostTensor& y = r.outputs[0];
        CHECK(y.shape == (Shape{batch, m, n}));
        for (int64_t i = 0; i < batch * m * n; ++i) {
          const int64_t col = i % n, row = i / n % m, a0 = i / n / m * m * k;
          const Reference e = reference(a, b, a0 + (ta ? row : row * k), ta ? m : 1,
                                        tb ? col * k : col, tb ? 1 : n, k);
          const double bound = y.dtype == DType::kS32 ? 0
                               : y.dtype == DType::kF64
                                   ? 4 * std::sqrt(70.0) * 0x1p-53 * e.magnitude
                                   : product_bound(y.dtype, t.compute, k, e.sum, e.magnitude);
          if (!(std::fabs(value(y, i) - e.sum) <= bound))
            check::fail(
                __FILE__, __LINE__,
                concat(name(t.a), " ", ta, tb, " at ", i, ": ", value(y, i), " for ", e.sum));
        }
      }
}

TEST(matmul_broadcasts_like_numpy) {
  struct Case {
    Shape a, b, y;
  };
  const Case all[] = {{{3}, {3}, {}},
                      {{3}, {3, 2}, {2}},
                      {{4, 3}, {3}, {4}},
                      {{5, 4, 3}, {3}, {5, 4}},
                      {{3}, {5, 3, 2}, {5, 2}},
                      {{2, 1, 4, 3}, {5, 3, 2}, {2, 5, 4, 2}},
                      {{1, 4, 3}, {5, 3, 2}, {5, 4, 2}},
                      {{5, 4, 3}, {1, 3, 2}, {5, 4, 2}},
                      {{2, 0, 4, 3}, {1, 3, 2}, {2, 0, 4, 2}},
                      {{4, 0}, {0, 2}, {4, 2}},
                      {{0, 3}, {3, 2}, {0, 2}}};
  for (const Case& c : all) {
    HostTensor a = random_tensor(DType::kF32, c.a), b = random_tensor(DType::kF32, c.b);
    auto r = run_op<Matmul>({}, {&a, &b});
    CHECK_OK(r.status);
    HostTensor& y = r.outputs[0];
    if (!(y.shape == c.y))
      check::fail(__FILE__, __LINE__, concat(c.a, " x ", c.b, " gave ", y.shape));
    const int64_t k = c.a[c.a.rank - 1], m = c.a.rank > 1 ? c.a[c.a.rank - 2] : 1,
                  n = c.b.rank > 1 ? c.b[c.b.rank - 1] : 1;
    for (int64_t i = 0; i < y.shape.elements(); ++i) {
      // The batch number of y, as coordinates from the last leading axis, gives those of a and b.
      int64_t rest = i / n / m, a_batch = 0, b_batch = 0, a_size = 1, b_size = 1;
      const int y_lead = c.y.rank - (c.a.rank > 1) - (c.b.rank > 1);
      for (int axis = 1; axis <= y_lead; ++axis) {
        const int64_t size = c.y[y_lead - axis], at = rest % size;
        rest /= size;
        const int ia = c.a.rank - 2 - axis, ib = c.b.rank - 2 - axis;
        if (ia >= 0) a_batch += (c.a[ia] == 1 ? 0 : at) * a_size, a_size *= c.a[ia];
        if (ib >= 0) b_batch += (c.b[ib] == 1 ? 0 : at) * b_size, b_size *= c.b[ib];
      }
      const Reference e =
          reference(a, b, a_batch * m * k + i / n % m * k, 1, b_batch * k * n + i % n, n, k);
      CHECK(std::fabs(value(y, i) - e.sum) <=
            product_bound(DType::kF32, Compute::kFloat32, k, e.sum, e.magnitude));
    }
  }
}

TEST(hgemm_rounds_alpha_and_beta_as_stated) {
  const int64_t m = 7, n = 37, k = 19;
  HostTensor a = random_tensor(DType::kF16, {m, k}), b = random_tensor(DType::kF16, {k, n});
  for (const Shape& c_shape : {Shape{m, n}, Shape{n}, Shape{m, 1}, Shape{}}) {
    HostTensor c = random_tensor(DType::kF16, c_shape);
    for (const double beta : {1.0, 0.0, -1.7})
      for_each_isa([&](Isa) {
        auto r = run_op<Hgemm>({false, false, 0.3, beta}, {&a, &b, &c});
        CHECK_OK(r.status);
        for (int64_t i = 0; i < m * n; ++i) {
          f16 acc{};
          for (int64_t j = 0; j < k; ++j)
            acc = fma_f16(a.as<f16>()[i / n * k + j], b.as<f16>()[j * n + i % n], acc);
          f16 y = to_f16(static_cast<double>(to_float(to_f16(0.3))) *
                         static_cast<double>(to_float(acc)));
          const int64_t at = c_shape.rank == 2   ? (c_shape[1] == 1 ? i / n : i)
                             : c_shape.rank == 1 ? i % n
                                                 : 0;
          if (beta != 0) y = fma_f16(to_f16(beta), c.as<f16>()[at], y);
          CHECK_EQ(r.outputs[0].as<f16>()[i].bits, y.bits);
        }
      });
  }
}

TEST(gemm_ex_scales_and_rounds_once) {
  const int64_t batch = 3, m = 5, n = 18, k = 33;
  struct Types {
    DType in, out;
  };
  for (const Types t : {Types{DType::kF16, DType::kF16},
                        {DType::kF16, DType::kF32},
                        {DType::kBF16, DType::kBF16},
                        {DType::kBF16, DType::kF32},
                        {DType::kF32, DType::kF32},
                        {DType::kS8, DType::kF32},
                        {DType::kS8, DType::kS32}}) {
    HostTensor a = random_tensor(t.in, {batch, m, k}), b = random_tensor(t.in, {batch, n, k});
    HostTensor c = random_tensor(t.out, {batch, m, n});
    const double alpha = t.out == DType::kS32 ? 3 : 0.75, beta = t.out == DType::kS32 ? -2 : 1.25;
    GemmEx::Params params{
        false, true, alpha, beta, Compute::kDefault, {static_cast<int32_t>(t.out)}};
    auto r = run_op<GemmEx>(params, {&a, &b, &c});
    CHECK_OK(r.status);
    HostTensor& y = r.outputs[0];
    for (int64_t i = 0; i < batch * m * n; ++i) {
      const Reference e = reference(a, b, i / n * k, 1, i / n / m * n * k + i % n * k, 1, k);
      if (t.out == DType::kS32) {
        const uint32_t exact = 3u * static_cast<uint32_t>(static_cast<int32_t>(e.sum)) -
                               2u * static_cast<uint32_t>(c.as<int32_t>()[i]);
        CHECK_EQ(y.as<int32_t>()[i], static_cast<int32_t>(exact));
        continue;
      }
      const double exact = alpha * e.sum + beta * value(c, i);
      // The product with alpha and the addition of c round once each, in float32.
      const double steps = 2 * 0x1p-24 * (std::fabs(alpha * e.sum) + std::fabs(exact));
      const double bound =
          product_bound(t.out, Compute::kFloat32, k, exact, alpha * e.magnitude) + steps;
      if (!(std::fabs(value(y, i) - exact) <= bound))
        check::fail(
            __FILE__, __LINE__,
            concat(name(t.in), " to ", name(t.out), " at ", i, ": ", value(y, i), " for ", exact));
    }
  }
}

TEST(c_is_not_read_when_beta_is_0) {
  HostTensor a({1, 1}, std::vector<float>{2}), b({1, 1}, std::vector<float>{3}),
      c({1, 1}, std::vector<float>{NAN});
  GemmEx::Params params;
  params.beta = 0;
  auto r = run_op<GemmEx>(params, {&a, &b, &c});
  CHECK_OK(r.status);
  CHECK_EQ(r.outputs[0].as<float>()[0], 6.0f);
  params.beta = 1;
  CHECK(std::isnan(run_op<GemmEx>(params, {&a, &b, &c}).outputs[0].as<float>()[0]));
}

TEST(gemm_ex_float16_is_hgemm) {
  HostTensor a = random_tensor(DType::kF16, {9, 70}), b = random_tensor(DType::kF16, {70, 40}),
             c = random_tensor(DType::kF16, {40});
  GemmEx::Params params{false, false, 0.5, 0.7, Compute::kFloat16, {}};
  auto x = run_op<GemmEx>(params, {&a, &b, &c}),
       y = run_op<Hgemm>({false, false, 0.5, 0.7}, {&a, &b, &c});
  CHECK_OK(x.status);
  CHECK(x.outputs[0].bytes == y.outputs[0].bytes);
  CHECK_EQ(std::string(x.provenance.accumulate), "float16");
}

TEST(gemm_int8_kernels_agree_with_zero_points) {
  for (const DType at : {DType::kS8, DType::kU8})
    for (const DType bt : {DType::kS8, DType::kU8})
      for (const int64_t k : {0, 1, 3, 4, 5, 130}) {
        const int64_t m = 5, n = 19;
        HostTensor a = random_tensor(at, {2, k, m}), b = random_tensor(bt, {n, k});
        GemmInt8::Params params{Int8Kernel::kAuto, true, true, at == DType::kS8 ? -128 : 255,
                                bt == DType::kS8 ? 5 : 7};
        auto fast = run_op<GemmInt8>(params, {&a, &b});
        params.kernel = Int8Kernel::kDp4a;
        auto dp4a = run_op<GemmInt8>(params, {&a, &b});
        CHECK_OK(fast.status);
        CHECK_OK(dp4a.status);
        CHECK(fast.outputs[0].bytes == dp4a.outputs[0].bytes);
        for (int64_t i = 0; i < 2 * m * n; ++i) {
          double sum = 0;
          for (int64_t j = 0; j < k; ++j)
            sum += (value(a, i / n / m * k * m + j * m + i / n % m) -
                    static_cast<double>(params.aZeroPoint)) *
                   (value(b, i % n * k + j) - static_cast<double>(params.bZeroPoint));
          CHECK_EQ(fast.outputs[0].as<int32_t>()[i], static_cast<int32_t>(sum));
        }
        CHECK(std::strstr(dp4a.provenance.kernel, "dp4a") != nullptr);
      }
}

TEST(dot4_wraps_and_broadcasts) {
  HostTensor a({2, 1, 4}, std::vector<int8_t>{1, -2, 3, -4, -128, -128, -128, -128});
  HostTensor b({3, 4}, std::vector<uint8_t>{1, 1, 1, 1, 255, 255, 255, 255, 0, 10, 0, 100});
  HostTensor c({3}, std::vector<int32_t>{0, -2147483647, 7});
  auto r = run_op<Dot4>({}, {&a, &b, &c});
  CHECK_OK(r.status);
  CHECK(r.outputs[0].shape == (Shape{2, 3}));
  // The second column starts near the smallest int32 and wraps.
  const auto wrapped = [](uint32_t below) {
    return static_cast<int32_t>(uint32_t{0} - 2147483647u - below);
  };
  const std::vector<int32_t> expected = {-2,   wrapped(510),    7 - 420,
                                         -512, wrapped(130560), 7 - 14080};
  CHECK(r.outputs[0].values<int32_t>() == expected);
  CHECK_EQ(run_op<Dot4>({}, {&a, &b}).outputs[0].as<int32_t>()[0], -2);
}

TEST(products_refuse_what_they_cannot_do) {
  HostTensor f32 = random_tensor(DType::kF32, {4, 8}), f16m = random_tensor(DType::kF16, {4, 4}),
             s8 = random_tensor(DType::kS8, {4, 4}), u8 = random_tensor(DType::kU8, {4, 4}),
             s32 = random_tensor(DType::kS32, {4, 4}), wide = random_tensor(DType::kF32, {16, 4}),
             stack = random_tensor(DType::kF16, {2, 4, 4}),
             stack3 = random_tensor(DType::kF16, {3, 4, 4}), row = random_tensor(DType::kF32, {8});
  const auto to = [](DType t) { return MaybeDType{static_cast<int32_t>(t)}; };
  expect_refused(run_op<Matmul>({}, {&f32, &wide}).status, Code::kShape,
                 "matmul: a.shape[1] must equal b.shape[0], got a [4, 8] and b [16, 4]");
  expect_refused(run_op<Matmul>({}, {&f32, &f16m}).status, Code::kDtype,
                 "b must have the dtype of a, got a float32 and b float16");
  expect_refused(run_op<Matmul>({}, {&s32, &s32}).status, Code::kDtype, "got int32");
  expect_refused(run_op<Matmul>({false, false, Compute::kFloat16, {}}, {&f32, &row}).status,
                 Code::kUnsupported, "compute 'float16' is not offered for float32");
  expect_refused(
      run_op<Matmul>({false, false, Compute::kFloat16, to(DType::kF32)}, {&f16m, &f16m}).status,
      Code::kUnsupported, "'float16' is");
  expect_refused(run_op<Matmul>({true, false, Compute::kDefault, {}}, {&row, &f32}).status,
                 Code::kParam, "transA needs a matrix");
  expect_refused(run_op<Matmul>({}, {&stack, &stack3}).status, Code::kShape,
                 "got a [2, 4, 4] and b [3, 4, 4]");
  expect_refused(run_op<Hgemm>({}, {&f32, &f16m}).status, Code::kDtype,
                 "a must be float16, got float32");
  expect_refused(run_op<Hgemm>({}, {&stack, &stack3}).status, Code::kShape,
                 "the same leading axes");
  expect_refused(run_op<Hgemm>({}, {&f16m, &f16m, &stack}).status, Code::kShape,
                 "c must broadcast to the result's shape [4, 4], got c [2, 4, 4]");
  expect_refused(run_op<Hgemm>({}, {&f16m, &f16m, &f32}).status, Code::kDtype,
                 "c must have the result's dtype float16");
  expect_refused(run_op<GemmEx>({}, {&u8, &u8}).status, Code::kUnsupported, "gemmInt8 takes uint8");
  expect_refused(run_op<GemmEx>({false, false, 0.5, 1, Compute::kDefault, {}}, {&s8, &s8}).status,
                 Code::kParam, "whole numbers");
  expect_refused(
      run_op<GemmEx>({false, false, 1, 1, Compute::kDefault, to(DType::kF16)}, {&s8, &s8}).status,
      Code::kUnsupported, "'int32' and 'float32' are");
  const GemmInt8::Params imma{Int8Kernel::kImma, false, false, 0, 0};
  expect_refused(find_op("gemmInt8")->cpu_supports(&imma), Code::kUnsupported, "'dp4a'");
  expect_refused(run_op<Hgemm>({false, false, 1, 0.5}, {&f16m, &f16m}).status, Code::kParam,
                 "beta must be left out when there is no c, got beta 0.5");
  expect_refused(run_op<GemmInt8>({Int8Kernel::kAuto, false, false, 200, 0}, {&s8, &s8}).status,
                 Code::kParam, "aZeroPoint must lie in [-128, 127] for int8, got 200");
  expect_refused(run_op<GemmInt8>({}, {&s8, &f32}).status, Code::kDtype, "b must be int8 or uint8");
  expect_refused(run_op<Dot4>({}, {&row, &s8}).status, Code::kDtype, "a must be int8 or uint8");
}

TEST(provenance_names_types_and_kernel) {
  HostTensor a = random_tensor(DType::kF32, {4, 8}), b = random_tensor(DType::kF32, {8, 4});
  auto r = run_op<Matmul>({false, false, Compute::kTf32, {}}, {&a, &b});
  CHECK(std::string(r.provenance.kernel).starts_with("matmul_f32_"));
  CHECK_EQ(std::string(r.provenance.storage), "float32");
  CHECK_EQ(std::string(r.provenance.multiply), "tf32");
  CHECK_EQ(std::string(r.provenance.accumulate), "float32");
  CHECK(r.provenance.workspace_bytes > 0);
}
