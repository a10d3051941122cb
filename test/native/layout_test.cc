// concat, slice and pad against index arithmetic.
#include <random>

#include "check.h"
#include "ops/concat/concat.h"
#include "ops/pad/pad.h"
#include "ops/slice/slice.h"
#include "run_op.h"

using namespace halftone;
using namespace halftone::test;

namespace {

const DType kWidths[] = {DType::kBool, DType::kF16, DType::kF32, DType::kS64};
constexpr int64_t kFar = std::numeric_limits<int64_t>::max();

HostTensor noise(DType t, const Shape& shape, unsigned seed) {
  HostTensor x(t, shape);
  std::mt19937 random(seed);
  for (std::byte& b : x.bytes)
    b = static_cast<std::byte>(t == DType::kBool ? random() % 2 : random());
  return x;
}

bool same(HostTensor& x, int64_t i, HostTensor& y, int64_t j) {
  const int64_t size = size_of(x.dtype);
  return std::memcmp(x.bytes.data() + i * size, y.bytes.data() + j * size,
                     static_cast<size_t>(size)) == 0;
}

void indices(const Shape& shape, int64_t i, int64_t* at) {
  for (int k = shape.rank - 1; k >= 0; --k) {
    at[k] = i % shape[k];
    i /= shape[k];
  }
}
int64_t position(const Shape& shape, const int64_t* at) {
  int64_t i = 0;
  for (int k = 0; k < shape.rank; ++k) i = i * shape[k] + at[k];
  return i;
}

void check_concat(const std::vector<Shape>& shapes, int64_t axis) {
  ThreadPool one(1), three(3);
  for (DType t : kWidths) {
    std::vector<HostTensor> xs;
    std::vector<HostTensor*> inputs;
    for (const Shape& s : shapes) xs.push_back(noise(t, s, static_cast<unsigned>(xs.size())));
    for (HostTensor& x : xs) inputs.push_back(&x);
    RunResult r = run_op<Concat>({axis}, inputs, one);
    CHECK_OK(r.status);
    HostTensor& y = r.outputs[0];
    const int k = static_cast<int>(axis < 0 ? axis + y.shape.rank : axis);
    for (int64_t i = 0; i < y.shape.elements(); ++i) {
      int64_t at[kMaxRank];
      indices(y.shape, i, at);
      size_t from = 0;
      while (at[k] >= xs[from].shape[k]) at[k] -= xs[from++].shape[k];
      CHECK(same(y, i, xs[from], position(xs[from].shape, at)));
    }
    CHECK(run_op<Concat>({axis}, inputs, three).outputs[0].bytes == y.bytes);
  }
}

// `expected`: for each axis the indices of x that are taken.
void check_slice(const Shape& shape, const Slice::Params& p,
                 const std::vector<std::vector<int64_t>>& expected) {
  for (DType t : kWidths) {
    HostTensor x = noise(t, shape, 3);
    RunResult r = run_op<Slice>(p, {&x});
    CHECK_OK(r.status);
    if (!r.status.ok()) return;
    HostTensor& y = r.outputs[0];
    for (int k = 0; k < shape.rank; ++k)
      CHECK_EQ(y.shape[k], static_cast<int64_t>(expected[static_cast<size_t>(k)].size()));
    for (int64_t i = 0; i < y.shape.elements(); ++i) {
      int64_t at[kMaxRank];
      indices(y.shape, i, at);
      for (int k = 0; k < shape.rank; ++k)
        at[k] = expected[static_cast<size_t>(k)][static_cast<size_t>(at[k])];
      CHECK(same(y, i, x, position(shape, at)));
    }
  }
}

std::vector<int64_t> range(int64_t first, int64_t end, int64_t step = 1) {
  std::vector<int64_t> all;
  for (int64_t i = first; step > 0 ? i < end : i > end; i += step) all.push_back(i);
  return all;
}

// Indices of x for one axis, -1 in a constant margin: the margins written out one by one.
std::vector<int64_t> padded(PadMode mode, int64_t before, int64_t size, int64_t after) {
  std::vector<int64_t> all = range(0, size);
  for (int64_t i = 1; i <= before; ++i)
    all.insert(all.begin(), mode == PadMode::kConstant ? -1 : mode == PadMode::kEdge ? 0 : i);
  for (int64_t i = 1; i <= after; ++i)
    all.push_back(mode == PadMode::kConstant ? -1
                  : mode == PadMode::kEdge   ? size - 1
                                             : size - 1 - i);
  return all;
}

void check_pad(const Shape& shape, const Pad::Params& p) {
  for (DType t : kWidths) {
    HostTensor x = noise(t, shape, 4), value(t, Shape{});
    if (t == DType::kBool) *value.as<uint8_t>() = p.value != 0;
    if (t == DType::kF16) *value.as<f16>() = to_f16(p.value);
    if (t == DType::kF32) *value.as<float>() = static_cast<float>(p.value);
    if (t == DType::kS64) *value.as<int64_t>() = static_cast<int64_t>(p.value);
    RunResult r = run_op<Pad>(p, {&x});
    CHECK_OK(r.status);
    if (!r.status.ok()) return;
    HostTensor& y = r.outputs[0];
    for (int64_t i = 0; i < y.shape.elements(); ++i) {
      int64_t at[kMaxRank];
      indices(y.shape, i, at);
      bool inside = true;
      for (int k = 0; k < shape.rank; ++k) {
        const auto from = padded(p.mode, p.before[k], shape[k], p.after[k]);
        CHECK_EQ(y.shape[k], static_cast<int64_t>(from.size()));
        at[k] = from[static_cast<size_t>(at[k])];
        inside = inside && at[k] >= 0;
      }
      CHECK(inside ? same(y, i, x, position(shape, at)) : same(y, i, value, 0));
    }
  }
}

}  // namespace

TEST(concat_along_every_axis) {
  check_concat({{3}}, 0);
  check_concat({{3}, {0}, {5}}, -1);
  check_concat({{2, 3, 4}, {5, 3, 4}}, 0);
  check_concat({{2, 3, 4}, {2, 1, 4}, {2, 6, 4}}, 1);
  check_concat({{2, 3, 4}, {2, 3, 1}}, -1);
  check_concat({{0, 3}, {0, 2}}, 1);
  check_concat({{600, 70}, {600, 33}}, 1);
  check_concat({{70000}, {1}, {3}}, 0);
}

TEST(concat_refusals) {
  HostTensor a(DType::kF32, {2, 3}), b(DType::kF32, {3, 3}), h(DType::kF16, {2, 3}),
      s(DType::kF32, Shape{});
  CHECK_EQ(run_op<Concat>({1}, {&a, &b}).status.message,
           "concat: xs must have equal sizes but along axis 1, got xs[0] [2, 3] and xs[1] [3, 3]");
  CHECK_EQ(run_op<Concat>({0}, {&a, &h}).status.message,
           "concat: xs must have one dtype, got xs[0] float32 and xs[1] float16");
  CHECK_EQ(run_op<Concat>({0}, {&s, &s}).status.message,
           "concat: xs must have rank 1 or more, got xs[0] []");
  CHECK_EQ(run_op<Concat>({2}, {&a, &a}).status.message,
           "concat: axis must lie in [-2, 1] for a tensor of rank 2, got 2");
}

TEST(slices_forwards_and_backwards) {
  check_slice({10}, {{2}, {7}}, {range(2, 7)});
  check_slice({10}, {{-3}, {kFar}}, {range(7, 10)});
  check_slice({10}, {{0}, {10}, {0}, {3}}, {range(0, 10, 3)});
  check_slice({10}, {{9}, {-100}, {0}, {-1}}, {range(9, -1, -1)});
  check_slice({10}, {{kFar}, {-kFar}, {-1}, {-4}}, {range(9, -1, -4)});
  check_slice({10}, {{1}, {9}, {0}, {kFar}}, {{1}});
  check_slice({10}, {{8}, {0}, {0}, {-kFar}}, {{8}});
  check_slice({10}, {{5}, {5}}, {{}});
  check_slice({10}, {{7}, {3}}, {{}});
  check_slice({0, 2}, {{3}, {-1}, {0}, {-1}}, {{}, {0, 1}});
  check_slice({4, 5, 6}, {{1, 2}, {3, 5}}, {range(1, 3), range(2, 5), range(0, 6)});
  check_slice({4, 5, 6}, {{1}, {3}, {2}}, {range(0, 4), range(0, 5), range(1, 3)});
  check_slice({4, 5, 6}, {{1, 0}, {6, 4}, {2, 0}, {2, 3}}, {{0, 3}, range(0, 5), {1, 3, 5}});
  check_slice({4, 5, 6}, {{4}, {0}, {1}, {-2}}, {range(0, 4), {4, 2}, range(0, 6)});
  check_slice({}, {}, {});
  check_slice({2, 2, 2, 2, 2, 2, 2, 2},
              {{0, 0, 0, 0, 0, 0, 0, 1},
               {2, 1, 2, 1, 2, 1, 2, -9},
               {0, 1, 2, 3, 4, 5, 6, 7},
               {1, 1, -1, 1, 1, 1, 1, -1}},
              {{0, 1}, {0}, {}, {0}, {0, 1}, {0}, {0, 1}, {1, 0}});
  check_slice({2, 2, 2, 2, 2, 2, 2, 3},
              {{1, 1, 1, 1, 1, 1, 1, 2},
               {-9, -9, -9, -9, -9, -9, -9, -9},
               {},
               {-1, -1, -1, -1, -1, -1, -1, -2}},
              {{1, 0}, {1, 0}, {1, 0}, {1, 0}, {1, 0}, {1, 0}, {1, 0}, {2, 0}});
}

TEST(slice_refusals) {
  HostTensor x(DType::kF32, {2, 3});
  CHECK_EQ(run_op<Slice>({{0}, {1, 2}}, {&x}).status.message,
           "slice: starts, ends, axes and steps must have equal counts, got starts [0], ends [1, "
           "2], axes [] and steps []");
  CHECK_EQ(run_op<Slice>({{0, 0, 0}, {1, 1, 1}}, {&x}).status.message,
           "slice: starts must have at most one value per axis, got [0, 0, 0] and x [2, 3]");
  CHECK_EQ(run_op<Slice>({{0, 0}, {1, 1}, {1, -1}}, {&x}).status.message,
           "slice: axes must be different, got [1, -1]");
  CHECK_EQ(run_op<Slice>({{0}, {1}, {}, {0}}, {&x}).status.message,
           "slice: steps must not be 0, got [0]");
}

TEST(margins_of_every_mode) {
  for (PadMode mode : {PadMode::kConstant, PadMode::kEdge, PadMode::kReflect}) {
    check_pad({5}, {{2}, {3}, mode, 1});
    check_pad({4, 5}, {{0, 1}, {3, 0}, mode, 1});
    check_pad({2, 3, 4}, {{1, 2, 3}, {0, 1, 2}, mode, 0});
    check_pad({2, 3}, {{0, 0}, {0, 0}, mode, 1});
    check_pad({}, {{}, {}, mode, 1});
  }
  check_pad({1, 3}, {{4, 0}, {5, 1}, PadMode::kEdge, 0});
  check_pad({0, 2}, {{1, 1}, {2, 0}, PadMode::kConstant, 1});
}

TEST(pad_refusals) {
  HostTensor x(DType::kF32, {2, 3}), i(DType::kU8, {2}), none(DType::kF32, {0});
  CHECK_EQ(run_op<Pad>({{1}, {1, 1}}, {&x}).status.message,
           "pad: before and after must have one value per axis, got before [1], after [1, 1] and x "
           "[2, 3]");
  CHECK_EQ(
      run_op<Pad>({{2, 0}, {0, 0}, PadMode::kReflect}, {&x}).status.message,
      "pad: margins must be smaller than the axis that they mirror, got 2 for axis 0 of x [2, 3]");
  CHECK_EQ(run_op<Pad>({{1}, {0}, PadMode::kEdge}, {&none}).status.message,
           "pad: x must have an element to repeat along axis 0, got x [0]");
  CHECK_EQ(run_op<Pad>({{1}, {0}, PadMode::kConstant, 256}, {&i}).status.message,
           "pad: value must be a whole number in [0, 256) for uint8, got 256");
}
