// transpose, concat, slice and pad on the emulated device against the CPU, bit for bit, for every
// size of an element: with and without wider units, tiles with tails, axes of size 0 and 1.
#include "cuda_compare.h"
#include "device/strided_copy.h"
#include "ops/concat/concat.h"
#include "ops/pad/pad.h"
#include "ops/slice/slice.h"
#include "ops/transpose/transpose.h"

using namespace halftone;
using namespace halftone::test;

namespace {

// Integers, so that all bits count.
constexpr DType kSizes[] = {DType::kU8, DType::kS16, DType::kS32, DType::kS64};

HostTensor random_bits(DType t, const Shape& shape, uint32_t seed = 1) {
  HostTensor x(t, shape);
  for (std::byte& b : x.bytes)
    b = static_cast<std::byte>((seed = seed * 1664525u + 1013904223u) >> 24);
  return x;
}

std::string kernel_of(const RunResult& r) { return r.provenance.kernel; }

}  // namespace

TEST(transpose_of_every_element_size) {
  struct Case {
    Shape shape;
    IntList perm;
  };
  const Case cases[] = {
      {{}, {}},
      {{0, 3}, {}},
      {{1, 5, 1}, {2, 1, 0}},
      {{64, 64}, {}},
      {{128, 256}, {1, 0}},            // whole tiles of every element size
      {{130, 36}, {1, 0}},             // tails, words of two halves or four bytes in part
      {{33, 65}, {1, 0}},              // odd: no words
      {{3, 40, 24}, {0, 2, 1}},        // again for each position outside
      {{2, 3, 36, 20}, {0, 3, 1, 2}},  // NCHW -> NHWC and back
      {{2, 36, 20, 4}, {0, 3, 1, 2}},
      {{2, 24, 20, 3}, {0, 3, 1, 2}},  // three channels: element by element
      {{4, 6, 8, 16}, {0, 2, 1, 3}},   // heads of attention: rows move
      {{4, 6, 8, 5}, {2, 0, 1, 3}},    //
      {{2, 3, 4, 5, 6}, {4, 2, 0, 3, 1}},
      // More than the emulated device takes at once: 128 tiles, 32768 units.
      {{140, 68, 36}, {0, 2, 1}},
      {{30, 80, 17}, {1, 0, 2}},
      {{20, 30, 70}, {1, 0, 2}},  // rows of several elements for each thread
  };
  for (const DType t : kSizes)
    for (const Case& c : cases) {
      HostTensor x = random_bits(t, c.shape);
      same_as_cpu<Transpose>(concat(name(t), " ", c.shape, " by ", c.perm.shape()), {c.perm}, {&x});
    }
}

TEST(transpose_says_how_it_moved) {
  const auto kernel = [](const Shape& shape, const IntList& perm) {
    HostTensor x = random_bits(DType::kF16, shape);
    return kernel_of(run_cuda<Transpose>({perm}, {&x}));
  };
  CHECK_EQ(kernel({64, 64}, {1, 0}), "transpose_f16_tiles");
  CHECK_EQ(kernel({64, 3}, {1, 0}), "transpose_f16_elements");
  CHECK_EQ(kernel({4, 8, 16}, {1, 0, 2}), "transpose_f16_rows");
}

TEST(concat_of_every_element_size) {
  for (const DType t : kSizes)
    for (const int64_t axis : {0, 1, -1}) {
      for (const int64_t inner : {1, 3, 16, 45, 2200}) {
        Shape a{4, 6, inner}, b = a, c = a;
        const int k = static_cast<int>(axis < 0 ? axis + 3 : axis);
        b[k] = 5;
        c[k] = 0;
        HostTensor x = random_bits(t, a, 1), y = random_bits(t, b, 2), z = random_bits(t, c, 3);
        same_as_cpu<Concat>(concat(name(t), " along ", axis, ", inner ", inner), {.axis = axis},
                            {&x, &y, &z, &x});
      }
    }
}

TEST(slice_of_every_element_size) {
  const Slice::Params cases[] = {
      {.starts = {0}, .ends = {100}},
      {.starts = {1, 2}, .ends = {4, 9}},
      {.starts = {8}, .ends = {24}, .axes = {-1}},
      {.starts = {1}, .ends = {100}, .axes = {-1}, .steps = {3}},
      {.starts = {-1}, .ends = {-100}, .axes = {2}, .steps = {-1}},
      {.starts = {-1, 5}, .ends = {-100, 0}, .axes = {0, 1}, .steps = {-2, -1}},
      {.starts = {3}, .ends = {3}},
  };
  for (const DType t : kSizes)
    for (const Shape& shape :
         {Shape{5, 9, 32}, Shape{4, 6, 7}, Shape{3, 6, 131}, Shape{2, 4, 4299}})
      for (const Slice::Params& p : cases) {
        HostTensor x = random_bits(t, shape);
        same_as_cpu<Slice>(concat(name(t), " ", shape, " from ", p.starts.shape()), p, {&x});
      }
  HostTensor scalar = random_bits(DType::kS32, {});
  same_as_cpu<Slice>("a scalar", {}, {&scalar});
}

TEST(pad_of_every_element_size_and_mode) {
  const Pad::Params cases[] = {
      {.before = {0, 0, 0}, .after = {0, 0, 0}}, {.before = {1, 2, 0}, .after = {2, 0, 0}},
      {.before = {0, 1, 0}, .after = {0, 1, 0}}, {.before = {2, 0, 16}, .after = {0, 0, 16}},
      {.before = {0, 0, 1}, .after = {0, 2, 3}}, {.before = {3, 4, 5}, .after = {2, 3, 1}},
  };
  for (const DType t : kSizes)
    for (const Shape& shape : {Shape{5, 6, 32}, Shape{4, 5, 7}})
      for (Pad::Params p : cases)
        for (const PadMode mode : {PadMode::kConstant, PadMode::kEdge, PadMode::kReflect}) {
          // A mirror is smaller than what it shows; before and after are equal where it matters.
          if (mode == PadMode::kReflect && p.before[2] >= shape[2]) continue;
          p.mode = mode;
          p.value = mode == PadMode::kConstant ? 77 : 0;
          HostTensor x = random_bits(t, shape);
          same_as_cpu<Pad>(concat(name(t), " ", shape, " mode ", static_cast<int>(mode), " by ",
                                  p.before.shape(), p.after.shape()),
                           p, {&x});
        }
  HostTensor many = random_bits(DType::kS16, {40, 30, 33});  // more than 32768 threads
  same_as_cpu<Pad>("many", {.before = {1, 1, 1}, .after = {1, 1, 1}, .mode = PadMode::kReflect},
                   {&many});
  HostTensor scalar = random_bits(DType::kS32, {}), empty(DType::kS32, {2, 0});
  same_as_cpu<Pad>("a scalar", {}, {&scalar});
  same_as_cpu<Pad>("an empty tensor", {.before = {1, 2}, .after = {0, 1}, .value = 5}, {&empty});
}

TEST(every_dtype_moves) {
  for (const auto& d : kDTypes) {
    HostTensor x = random_bits(d.dtype, {6, 20});
    if (d.dtype == DType::kBool)
      for (int64_t i = 0; i < 120; ++i) x.as<Bool>()[i] = Bool(i % 3 == 0);
    same_as_cpu<Transpose>(d.name, {}, {&x});
    same_as_cpu<Concat>(d.name, {.axis = 1}, {&x, &x});
    same_as_cpu<Slice>(d.name, {.starts = {1}, .ends = {5}}, {&x});
    if (is_stored(d.dtype)) continue;  // they have no number to pad with
    same_as_cpu<Pad>(d.name, {.before = {1, 0}, .after = {0, 3}, .value = 1}, {&x});
  }
}

TEST(copies_use_the_widest_unit_that_fits) {
  alignas(16) static std::byte memory[64];
  device::Axes<2> axes;
  axes.push_back(4, {24, 48});
  axes.push_back(8, {1, 1});
  CHECK_EQ(device::widest_unit(axes, 2, memory, memory), 16);
  CHECK_EQ(device::widest_unit(axes, 2, memory + 8, memory), 8);
  CHECK_EQ(device::widest_unit(axes, 2, memory, memory + 2), 2);
  CHECK_EQ(device::widest_unit(axes, 1, memory, memory), 8);  // rows of 8 bytes
  axes.strides[1][0] = 50;
  CHECK_EQ(device::widest_unit(axes, 2, memory, memory), 4);
  axes.strides[1][1] = 2;
  CHECK_EQ(device::widest_unit(axes, 2, memory, memory), 2);
}
