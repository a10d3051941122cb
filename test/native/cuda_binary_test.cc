// Binary functions and where on the emulated device against the CPU, bit for bit: all dtypes and
// pairs of dtypes, broadcasting with and without packs, and many launches for large outputs.
#include "cuda_compare.h"
#include "device/strided.h"
#include "interesting.h"
#include "ops/binary/binary.h"
#include "ops/where/where.h"

using namespace halftone;
using namespace halftone::test;

namespace {

// Small whole numbers of both signs, exact in every dtype: sums and products stay so.
HostTensor numbers(DType t, const Shape& shape, uint32_t seed) {
  HostTensor x(t, shape);
  dispatch(t, [&](auto tag) {
    using T = typename decltype(tag)::type;
    for (int64_t i = 0; i < shape.elements(); ++i) {
      seed = seed * 1664525u + 1013904223u;
      const int v = static_cast<int>(seed >> 16) % 9 - 3;
      if constexpr (std::is_same_v<T, f16>)
        x.as<T>()[i] = to_f16(static_cast<float>(v));
      else if constexpr (std::is_same_v<T, bf16>)
        x.as<T>()[i] = to_bf16(static_cast<float>(v));
      else if constexpr (std::is_same_v<T, Bool>)
        x.as<T>()[i] = Bool(v > 0);
      else
        x.as<T>()[i] = static_cast<T>(v);
    }
  });
  return x;
}

// Every pair of some interesting numbers of a dtype, as a column against a row.
template <class Op>
void special_pairs() {
  for (const auto& d : kDTypes)
    dispatch(d.dtype, [&](auto tag) {
      using T = typename decltype(tag)::type;
      const std::vector<T> all = interesting<T>();
      std::vector<T> some;
      for (size_t i = 0; i < all.size(); i += all.size() / 150 + 1) some.push_back(all[i]);
      const int64_t n = static_cast<int64_t>(some.size());
      HostTensor column(Shape{n, 1}, some), row(Shape{n}, some);
      if (run_op<Op>({}, {&column, &row}).status.code == Code::kDtype) return;
      same_as_cpu<Op>(concat(d.name, " special"), {}, {&column, &row});
    });
}

struct Shapes {
  Shape a, b;
};
const Shapes kShapes[] = {
    {{}, {}},
    {{0, 3}, {3}},
    {{1}, {}},
    {{1000}, {1000}},              // packs with a tail
    {{40, 32}, {40, 32}},          //
    {{1003}, {}},                  // a scalar
    {{}, {64}},                    //
    {{37, 48}, {48}},              // a row, packs
    {{48}, {37, 48}},              //
    {{37, 48}, {37, 1}},           // a column, packs
    {{5, 16, 48}, {1, 16, 1}},     // a channel
    {{37, 13}, {13}},              // a row without packs
    {{3, 7}, {3, 1}},              //
    {{2, 1, 6}, {5, 1}},           //
    {{1, 3, 1, 5}, {2, 1, 4, 1}},  // both
    {{3, 1, 32}, {1, 4, 32}},      //
    {{1100, 256}, {256}},          // more packs than the emulated device takes at once
};

}  // namespace

TEST(special_values_of_every_row) {
#define HALFTONE_BINARY_ROW(Type, name, kind, doc, body) special_pairs<Type>();
  HALFTONE_BINARY_TABLE(HALFTONE_BINARY_ROW)
#undef HALFTONE_BINARY_ROW
}

TEST(all_pairs_of_dtypes) {
  for (const auto& ta : kDTypes)
    for (const auto& tb : kDTypes) {
      if (is_stored(ta.dtype) || is_stored(tb.dtype) || !promotes(ta.dtype, tb.dtype)) continue;
      HostTensor a = numbers(ta.dtype, {33, 16}, 1), b = numbers(tb.dtype, {16}, 2);
      const std::string label = concat(ta.name, " and ", tb.name);
      const DType promoted = promote(ta.dtype, tb.dtype);
      if (promoted != DType::kBool) {
        const RunResult r = same_as_cpu<Mul>(label, {}, {&a, &b});
        CHECK_EQ(std::string(r.provenance.kernel), concat("mul_", info(promoted).short_name));
      }
      same_as_cpu<NotEqual>(label, {}, {&a, &b});
    }
  // An integer that a half cannot hold becomes infinity before it is compared.
  HostTensor half(Shape{1}, std::vector<f16>{to_f16(1.0f)});
  HostTensor large(Shape{2}, std::vector<int32_t>{70000, 2049});
  RunResult r = same_as_cpu<Add>("int32 as float16", {}, {&half, &large});
  CHECK_EQ(r.outputs[0].as<uint16_t>()[0], 0x7c00);
}

TEST(broadcasting) {
  for (const Shapes& s : kShapes)
    for (const DType t : {DType::kF16, DType::kF32, DType::kS8, DType::kF64}) {
      HostTensor a = numbers(t, s.a, 3), b = numbers(t, s.b, 4);
      const std::string label = concat(name(t), " ", s.a, " and ", s.b);
      same_as_cpu<Sub>(label, {}, {&a, &b});
      same_as_cpu<Less>(label, {}, {&a, &b});
    }
}

TEST(where_of_every_dtype_and_broadcast) {
  for (const auto& d : kDTypes) {
    HostTensor c = numbers(DType::kBool, {9, 48}, 5), a = numbers(d.dtype, {9, 48}, 6),
               b = numbers(d.dtype, {}, 7);
    same_as_cpu<Where>(d.name, {}, {&c, &a, &b});
  }
  for (const Shapes& s : kShapes)
    for (const DType t : {DType::kU8, DType::kBF16, DType::kS32, DType::kS64}) {
      HostTensor c = numbers(DType::kBool, s.a, 8), a = numbers(t, s.b, 9), b = numbers(t, s.a, 10);
      same_as_cpu<Where>(concat(name(t), " ", s.a, " and ", s.b), {}, {&c, &a, &b});
      HostTensor row = numbers(DType::kBool, s.b, 11);
      same_as_cpu<Where>(concat(name(t), " by ", s.b), {}, {&row, &b, &a});
    }
}

TEST(dividers_are_exact) {
  uint32_t seed = 7;
  for (const uint32_t d : {1u, 2u, 3u, 5u, 7u, 10u, 48u, 641u, 65535u, 65536u, 65537u, 0x3fffffffu,
                           0x40000000u, 0x40000001u, 0x7ffffffeu, 0x7fffffffu}) {
    const device::Divider divide(d);
    for (const uint32_t q : {0u, 1u, 2u, 0x7fffffffu / d})
      for (const int near : {-1, 0, 1}) {
        const uint32_t n = q * d + static_cast<uint32_t>(near);
        if (n <= 0x7fffffffu) CHECK_EQ(divide.quotient(n), n / d);
      }
    for (int i = 0; i < 2000; ++i) {
      seed = seed * 1664525u + 1013904223u;
      CHECK_EQ(divide.quotient(seed >> 1), (seed >> 1) / d);
    }
  }
}

// in_pieces() with few elements per piece: every position exactly once, each where the whole has
// it.
TEST(pieces_cover_an_output) {
  for (const Shapes& s : kShapes) {
    Shape out;
    CHECK_OK(broadcast(s.a, "a", s.b, "b", &out));
    if (out.elements() == 0) continue;
    const auto whole = device::broadcast_axes<3>(out, {s.a, s.b});
    std::vector<int64_t> want_a(static_cast<size_t>(out.elements())), want_b = want_a;
    int64_t at[3];
    for (int64_t i = 0; i < out.elements(); ++i) {
      device::Strided<3>(whole).offsets(static_cast<uint32_t>(i), at);
      CHECK_EQ(at[0], i);
      want_a[static_cast<size_t>(i)] = at[1];
      want_b[static_cast<size_t>(i)] = at[2];
    }
    for (const int64_t most : {1, 2, 5, 16, 100, 100000}) {
      std::vector<int> seen(static_cast<size_t>(out.elements()), 0);
      CHECK_OK(device::in_pieces(
          whole,
          [&](const device::Axes<3>& axes, const int64_t (&start)[3]) -> Status {
            const int64_t n = axes.elements();
            CHECK(n <= most);
            for (int64_t i = 0; i < n; ++i) {
              device::Strided<3>(axes).offsets(static_cast<uint32_t>(i), at);
              const size_t to = static_cast<size_t>(start[0] + at[0]);
              ++seen[to];
              CHECK_EQ(start[1] + at[1], want_a[to]);
              CHECK_EQ(start[2] + at[2], want_b[to]);
            }
            return {};
          },
          most));
      for (const int count : seen) CHECK_EQ(count, 1);
    }
  }
}
