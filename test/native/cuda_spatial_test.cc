// Pools over one to three axes, resampling, grids, regions, deformed patches and col2im on the
// emulated device against the CPU, bit for bit.
#include "conv_cases.h"
#include "cuda_compare.h"
#include "ops/col2im/col2im.h"
#include "ops/deform_patches/deform_patches.h"
#include "ops/grid_sample/grid_sample.h"
#include "ops/pool_nd/pool_nd.h"
#include "ops/resample/resample.h"
#include "ops/roi_align/roi_align.h"

using namespace halftone;
using namespace halftone::test;

namespace {

constexpr DType kFloats[] = {DType::kF32, DType::kF16, DType::kBF16, DType::kF64};

/// Values of both signs, some of them zero; `special`: NaN and infinities among them.
HostTensor random_floats(Random& random, DType t, const Shape& shape, bool special = false) {
  HostTensor x(t, shape);
  fill(random, x, 3);
  const int64_t n = x.shape.elements();
  if (special && n > 0)
    for (const double v : {double{NAN}, double{INFINITY}, -double{INFINITY}})
      set(x, random.between(0, n - 1), v);
  return x;
}

struct PoolCase {
  Shape x;
  IntList kernel, stride, dilation, padding;
  bool ceil;
};
const PoolCase kPools[] = {
    {{2, 3, 9}, {3}, {}, {}, {}, false},
    {{1, 2, 10}, {4}, {3}, {2}, {1, 2}, true},
    {{2, 3, 7, 5}, {2, 3}, {2, 1}, {}, {1, 0, 0, 2}, false},
    {{1, 1, 6, 8}, {3, 3}, {2, 2}, {2, 1}, {1, 1, 1, 1}, true},
    {{1, 2, 4, 5, 6}, {2, 2, 3}, {1, 2, 2}, {}, {1, 0, 1, 0, 1, 1}, false},
    {{0, 2, 4, 4}, {2, 2}, {}, {}, {}, false},
};

template <class P>
P pool_params(const PoolCase& c) {
  P p;
  p.kernel = c.kernel;
  p.stride = c.stride;
  p.dilation = c.dilation;
  p.padding = c.padding;
  p.ceilMode = c.ceil;
  return p;
}

}  // namespace

TEST(pools_over_one_to_three_axes) {
  Random random(test_seed());
  for (const DType t : kFloats)
    for (const PoolCase& c : kPools) {
      const std::string label = concat(name(t), " ", c.x);
      HostTensor x = random_floats(random, t, c.x, true);
      for (const bool pads : {false, true}) {
        auto p = pool_params<AveragePool::Params>(c);
        p.countIncludePad = pads;
        same_as_cpu<AveragePool>(label, p, {&x});
      }
      auto p = pool_params<LpPool::Params>(c);
      for (const int64_t exponent : {1, 2, 3}) {
        p.p = exponent;
        same_as_cpu<LpPool>(label, p, {&x});
      }
    }
}

TEST(places_of_largest_values) {
  Random random(test_seed());
  for (const DType t : {DType::kF32, DType::kF16, DType::kBF16, DType::kS8, DType::kU8})
    for (const PoolCase& c : kPools)
      for (const bool column_major : {false, true}) {
        HostTensor x(t, c.x);
        fill(random, x, 3);
        auto p = pool_params<MaxPoolIndices::Params>(c);
        p.columnMajor = column_major;
        same_as_cpu<MaxPoolIndices>(concat(name(t), " ", c.x), p, {&x});
      }
}

TEST(resampled_axes) {
  Random random(test_seed());
  const Shape shapes[] = {{5}, {3, 4, 6}, {2, 3, 5, 7}, {2, 0, 3}};
  for (const Shape& shape : shapes)
    for (int axis = 0; axis < shape.rank; ++axis)
      for (const int64_t taps : {1, 2, 5}) {
        const int64_t in = shape[axis], out = in == 0 ? 0 : in + 3;
        HostTensor indices(DType::kS32, {out, taps});
        for (int64_t i = 0; i < out * taps; ++i)
          set(indices, i, static_cast<double>(random.between(0, in - 1)));
        Resample::Params p;
        p.axis = axis;
        if (taps == 1)
          for (const DType t : {DType::kF32, DType::kF16, DType::kU8, DType::kS64}) {
            HostTensor x(t, shape);
            fill(random, x, 3);
            same_as_cpu<Resample>(concat(name(t), " ", shape), p, {&x, &indices, nullptr});
          }
        for (const DType t : {DType::kF32, DType::kF64}) {
          HostTensor x = random_floats(random, t, shape, true);
          HostTensor weights = random_floats(random, t, indices.shape);
          same_as_cpu<Resample>(concat(name(t), " ", shape, " weighted"), p,
                                {&x, &indices, &weights});
        }
      }
}

TEST(grids_of_images_and_volumes) {
  Random random(test_seed());
  const Shape images[] = {{2, 3, 5, 4}, {1, 2, 3, 4, 5}}, places[] = {{2, 3, 6}, {1, 2, 3, 4}};
  for (const DType t : kFloats)
    for (int k = 0; k < 2; ++k)
      for (const Interpolation mode :
           {Interpolation::kNearest, Interpolation::kLinear, Interpolation::kCubic})
        for (const GridPadding padding :
             {GridPadding::kZeros, GridPadding::kBorder, GridPadding::kReflection})
          for (const bool align : {false, true}) {
            if (k == 1 && mode == Interpolation::kCubic) continue;  // images only
            HostTensor x = random_floats(random, t, images[k]);
            Shape shape = places[k];
            shape.push_back(images[k].rank - 2);
            // Up to three times the image away from its middle, and places that are none.
            HostTensor grid =
                random_floats(random, t == DType::kF64 ? t : DType::kF32, shape, true);
            same_as_cpu<GridSample>(concat(name(t), " ", images[k]), {mode, padding, align},
                                    {&x, &grid});
          }
}

TEST(regions_of_images) {
  Random random(test_seed());
  for (const DType t : kFloats)
    for (const RoiPooling mode : {RoiPooling::kAverage, RoiPooling::kMax})
      for (const int64_t ratio : {0, 1, 3})
        for (const bool half : {false, true}) {
          HostTensor x = random_floats(random, t, {2, 3, 6, 5});
          HostTensor rois(t == DType::kF64 ? t : DType::kF32, {5, 4});
          for (int64_t i = 0; i < 20; ++i) set(rois, i, 14 * random.uniform() - 3);
          HostTensor which(DType::kS64, {5});
          for (int64_t i = 0; i < 5; ++i) set(which, i, static_cast<double>(random.between(0, 1)));
          RoiAlign::Params p;
          p.outputHeight = 3;
          p.outputWidth = 2;
          p.samplingRatio = ratio;
          p.spatialScale = 0.75;
          p.mode = mode;
          p.halfPixel = half;
          same_as_cpu<RoiAlign>(name(t), p, {&x, &rois, &which});
        }
}

TEST(deformed_patches) {
  Random random(test_seed());
  for (const DType t : {DType::kF32, DType::kF64})
    for (const int64_t groups : {1, 2})
      for (const bool masked : {false, true}) {
        DeformPatches::Params p;
        p.kernel = {2, 3};
        p.stride = {2, 1};
        p.padding = {1, 0, 1, 1};
        p.offsetGroups = groups;
        HostTensor x = random_floats(random, t, {2, 4, 5, 6});
        // (5 + 2 - 2) / 2 + 1 rows, (6 + 1 - 3) + 1 columns.
        const int64_t rows = 3, columns = 5, taps = 6;
        HostTensor offset = random_floats(random, t, {2, 2 * groups * taps, rows, columns});
        HostTensor mask = random_floats(random, t, {2, groups * taps, rows, columns});
        same_as_cpu<DeformPatches>(concat(name(t), " ", groups, " groups"), p,
                                   {&x, &offset, masked ? &mask : nullptr});
      }
}

TEST(blocks_become_images) {
  Random random(test_seed());
  struct Case {
    IntList image, block, stride, dilation, padding;
    int64_t channels, blocks;
  };
  const Case all[] = {
      {{5}, {2}, {}, {}, {}, 3, 4},
      {{5, 6}, {2, 3}, {}, {}, {}, 2, 16},
      {{5, 6}, {2, 2}, {2, 1}, {1, 2}, {1, 0, 0, 1}, 1, 15},
      {{3, 4, 5}, {2, 2, 2}, {}, {}, {}, 2, 24},
  };
  for (const DType t : kFloats)
    for (const Case& c : all) {
      int64_t taps = 1;
      for (int i = 0; i < c.block.count; ++i) taps *= c.block[i];
      HostTensor x = random_floats(random, t, {2, c.channels * taps, c.blocks}, true);
      same_as_cpu<Col2im>(concat(name(t), " ", x.shape),
                          {c.image, c.block, c.stride, c.dilation, c.padding}, {&x});
    }
}
