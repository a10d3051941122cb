import type { DType } from '../../binding';
import {
  type GridSampleOptions,
  gridSample,
  type RoiAlignOptions,
  roiAlign,
  type Tensor,
} from '../../lib';
import { describeOp, type HostTensor, host, type OpCase, toDevice } from '../support/op-info';
import { Rng } from '../support/rng';
import { sumBound } from '../support/tolerance';
import { boxSum, eighths, type Tap, wide } from '../support/sampling';
import { indexIn, positions, product } from '../support/windows-nd';

const FLOATS: readonly DType[] = ['float32', 'float16', 'bfloat16', 'float64'];

function gridTaps(coordinate: number, size: number, options: GridSampleOptions): readonly Tap[] {
  const { mode = 'linear', paddingMode = 'zeros', alignCorners = false } = options;
  const [low, high] = alignCorners ? [0, size - 1] : [-0.5, size - 0.5];
  const mirror = (x: number): number => {
    if (high === low) return low;
    let at = x;
    while (at < low || at > high) at = at < low ? 2 * low - at : 2 * high - at;
    return at;
  };
  const even = (x: number) => (x - Math.floor(x) === 0.5 ? 2 * Math.round(x / 2) : Math.round(x));
  let at = alignCorners ? ((coordinate + 1) / 2) * (size - 1) : ((coordinate + 1) * size - 1) / 2;
  if (mode === 'nearest') at = even(at);
  // Places within half an element of the image are interpolated with what stands beyond it.
  if (paddingMode === 'border' && (at < low || at > high)) at = Math.max(0, Math.min(size - 1, at));
  if (paddingMode === 'reflection') at = mirror(at);
  const element = (i: number): number => {
    if (i >= 0 && i < size) return i;
    if (paddingMode === 'zeros') return -1;
    const inside = paddingMode === 'border' ? i : even(mirror(i));
    return Math.max(0, Math.min(size - 1, inside));
  };
  const place = Math.floor(at);
  const t = at - place;
  const a = -0.75;
  const near = (x: number) => (a + 2) * x ** 3 - (a + 3) * x ** 2 + 1;
  const far = (x: number) => a * x ** 3 - 5 * a * x ** 2 + 8 * a * x - 4 * a;
  const taps: Tap[] =
    mode === 'nearest'
      ? [[even(at), 1]]
      : mode === 'linear'
        ? [
            [place, 1 - t],
            [place + 1, t],
          ]
        : [
            [place - 1, far(1 + t)],
            [place, near(t)],
            [place + 1, near(1 - t)],
            [place + 2, far(2 - t)],
          ];
  return taps.map(([i, w]) => [element(i), w] as const).filter(([i]) => i >= 0);
}

describeOp<GridSampleOptions>({
  name: 'gridSample',
  run: ([x, grid], options) => gridSample(x as Tensor, grid as Tensor, options),
  *cases(rng): Iterable<OpCase<GridSampleOptions>> {
    for (let i = 0; i < 160; i++) {
      const dtype = FLOATS[i % FLOATS.length] as DType;
      const axes = rng.pick([2, 2, 3]);
      const n = rng.pick([0, 1, 1, 2]);
      const sizes = Array.from({ length: axes }, () => rng.int(1, 6));
      const out = Array.from({ length: axes }, () => rng.pick([0, 1, 2, 3, 4]));
      const grid = eighths(rng, n * product(out) * axes, -3, 3);
      yield {
        inputs: [
          host(dtype, [n, rng.int(0, 3), ...sizes], rng),
          host(wide(dtype), [n, ...out, axes], grid),
        ],
        params: {
          mode: rng.pick(['nearest', 'linear', 'cubic'] as const),
          paddingMode: rng.pick(['zeros', 'border', 'reflection'] as const),
          alignCorners: rng.int(0, 1) === 1,
        },
      };
    }
    // Far away, beyond any index, and nowhere.
    const x = host('float32', [1, 1, 2, 2], [1, 2, 3, 4]);
    const far = [1e30, 0, -3e38, 1, Number.NaN, 0, 0, Number.NaN, Infinity, 0];
    for (const mode of ['nearest', 'linear', 'cubic'] as const)
      yield { inputs: [x, host('float32', [1, 1, 5, 2], far)], params: { mode } };
  },
  reference([given, places], options) {
    const [x, grid] = [given as HostTensor, places as HostTensor];
    const [n = 0, c = 0, ...sizes] = x.shape;
    const out = grid.shape.slice(1, -1);
    const axes = sizes.length;
    const values: number[] = [];
    const bounds: number[] = [];
    for (const [image = 0, channel = 0, ...at] of positions([n, c, ...out])) {
      const from = indexIn(grid.shape, [image, ...at, 0]);
      const place = sizes.map((_, k) => grid.values[from + axes - 1 - k] as number);
      if (place.some(Number.isNaN)) {
        values.push(Number.NaN);
        bounds.push(0);
        continue;
      }
      const lists = place.map((v, k) => gridTaps(v, sizes[k] as number, options));
      const { sum, magnitude } = boxSum(x, [image, channel], lists);
      values.push(sum);
      const isExact = options.mode === 'nearest';
      bounds.push(isExact ? 0 : sumBound(sum, magnitude, 4 ** axes, x.dtype, wide(x.dtype)));
    }
    return { shape: [n, c, ...out], dtype: x.dtype, values, bounds };
  },
  refuses: [
    {
      label: 'a grid for another batch',
      code: 'ERR_SHAPE',
      message: 'gridSample: grid must have the axes of x: [1, ..., 2], got grid [2, 1, 1, 2] and x',
      run: (device) =>
        gridSample(
          toDevice(host('float32', [1, 1, 2, 2], new Rng()), device),
          toDevice(host('float32', [2, 1, 1, 2], new Rng()), device),
        ),
    },
    {
      label: 'a grid of another type',
      code: 'ERR_DTYPE',
      message: 'gridSample: grid must be float32 for x of float16, got float16',
      run: (device) =>
        gridSample(
          toDevice(host('float16', [1, 1, 2, 2], new Rng()), device),
          toDevice(host('float16', [1, 1, 1, 2], new Rng()), device),
        ),
    },
    {
      label: 'integers',
      code: 'ERR_DTYPE',
      message: 'gridSample: x must be a float, got int32',
      run: (device) =>
        gridSample(
          toDevice(host('int32', [1, 1, 2, 2], new Rng()), device),
          toDevice(host('float32', [1, 1, 1, 2], new Rng()), device),
        ),
    },
    {
      label: 'rows',
      code: 'ERR_SHAPE',
      message: 'gridSample: x must be [n, c, h, w] or [n, c, d, h, w], got [1, 1, 2]',
      run: (device) =>
        gridSample(
          toDevice(host('float32', [1, 1, 2], new Rng()), device),
          toDevice(host('float32', [1, 1, 1], new Rng()), device),
        ),
    },
    {
      label: 'an image without elements',
      code: 'ERR_SHAPE',
      message: 'gridSample: x must have an element to take values from, got [1, 1, 0, 2]',
      run: (device) =>
        gridSample(
          toDevice(host('float32', [1, 1, 0, 2], []), device),
          toDevice(host('float32', [1, 1, 1, 2], new Rng()), device),
        ),
    },
  ],
});

describeOp<RoiAlignOptions>({
  name: 'roiAlign',
  run: ([x, rois, images], options) =>
    roiAlign(x as Tensor, rois as Tensor, images as Tensor<'int64'>, options),
  *cases(rng): Iterable<OpCase<RoiAlignOptions>> {
    for (let i = 0; i < 100; i++) {
      const dtype = FLOATS[i % FLOATS.length] as DType;
      const n = rng.int(1, 2);
      const regions = rng.int(0, 3);
      // Bins and samples in powers of two, so that places are exact; widths are never a whole number of them but for
      // samples that are asked for, or else multiples of the bins.
      const outputHeight = rng.pick([1, 2, 4]);
      const outputWidth = rng.pick([1, 2, 4]);
      const rois = Array.from({ length: regions }, () => {
        const [x, y] = [rng.int(-4, 6), rng.int(-4, 6)];
        return [
          x,
          y,
          x + outputWidth * rng.pick([0, 1, 2, 4]),
          y + outputHeight * rng.pick([1, 2, 4, -1]),
        ];
      });
      yield {
        inputs: [
          host(dtype, [n, rng.int(1, 2), rng.int(1, 7), rng.int(1, 7)], rng),
          host(wide(dtype), [regions, 4], rois.flat()),
          host(
            'int64',
            [regions],
            Array.from({ length: regions }, () => rng.int(0, n)),
          ),
        ],
        params: {
          outputHeight,
          outputWidth,
          samplingRatio: rng.pick([0, 0, 1, 2, 4]),
          spatialScale: rng.pick([1, 0.5]),
          mode: rng.pick(['average', 'max'] as const),
          halfPixel: rng.int(0, 1) === 1,
        },
      };
    }
  },
  reference([given, rois, images], options) {
    const x = given as HostTensor;
    const [outputHeight, outputWidth, samplingRatio] = [
      options.outputHeight ?? 1,
      options.outputWidth ?? 1,
      options.samplingRatio ?? 0,
    ].map(Number) as [number, number, number];
    const { spatialScale = 1 } = options;
    const [n = 0, c = 0, h = 0, w = 0] = x.shape;
    const count = images?.values.length ?? 0;
    const shape = [count, c, outputHeight, outputWidth];
    const values: number[] = [];
    const bounds: number[] = [];
    const places = (region: number, axis: 0 | 1, bin: number): number[] => {
      const [low = 0, high = 0] = [axis, axis + 2].map(
        (k) =>
          (rois?.values[4 * region + k] as number) * spatialScale - (options.halfPixel ? 0.5 : 0),
      );
      const length = options.halfPixel ? high - low : Math.max(1, high - low);
      const width = length / (axis === 0 ? outputWidth : outputHeight);
      const samples = samplingRatio > 0 ? samplingRatio : Math.max(0, Math.ceil(width));
      return Array.from(
        { length: samples },
        (_, i) => low + bin * width + ((i + 0.5) * width) / samples,
      );
    };
    // The two elements around a place; undefined outside.
    const taps = (at: number, size: number): Tap[] | undefined => {
      if (at < -1 || at > size) return undefined;
      const held = Math.max(0, at);
      const low = Math.floor(held);
      if (low >= size - 1)
        return [
          [size - 1, 1],
          [size - 1, 0],
        ];
      return [
        [low, 1 - (held - low)],
        [low + 1, held - low],
      ];
    };
    for (const [region = 0, channel = 0, row = 0, column = 0] of positions(shape)) {
      const image = images?.values[region] as number;
      if (image >= n) {
        values.push(Number.NaN);
        bounds.push(0);
        continue;
      }
      const terms: number[] = [];
      let samples = 0;
      for (const y of places(region, 1, row))
        for (const z of places(region, 0, column)) {
          samples++;
          const [ys, zs] = [taps(y, h), taps(z, w)];
          if (!ys || !zs) {
            terms.push(0);
            continue;
          }
          for (const [i, u] of ys)
            for (const [j, v] of zs)
              terms.push(u * v * (x.values[indexIn(x.shape, [image, channel, i, j])] as number));
        }
      const divisor = Math.max(1, samples);
      const magnitude = terms.reduce((sum, term) => sum + Math.abs(term), 0) / divisor;
      const value =
        options.mode === 'max'
          ? terms.length > 0
            ? Math.max(...terms)
            : 0
          : terms.reduce((sum, term) => sum + term, 0) / divisor;
      values.push(value);
      bounds.push(sumBound(value, magnitude, terms.length + 4, x.dtype, wide(x.dtype)));
    }
    return { shape, dtype: x.dtype, values, bounds };
  },
  refuses: [
    {
      label: 'regions of another form',
      code: 'ERR_SHAPE',
      message: 'roiAlign: rois must be [regions, 4], got [1, 5]',
      run: (device) =>
        roiAlign(
          toDevice(host('float32', [1, 1, 2, 2], new Rng()), device),
          toDevice(host('float32', [1, 5], new Rng()), device),
          toDevice(host('int64', [1], [0]), device) as Tensor<'int64'>,
        ),
    },
    {
      label: 'images that are not those of the regions',
      code: 'ERR_SHAPE',
      message: 'roiAlign: images must be [1] as rois, got [2]',
      run: (device) =>
        roiAlign(
          toDevice(host('float32', [1, 1, 2, 2], new Rng()), device),
          toDevice(host('float32', [1, 4], new Rng()), device),
          toDevice(host('int64', [2], [0, 0]), device) as Tensor<'int64'>,
        ),
    },
    {
      label: 'images that are no int64',
      code: 'ERR_DTYPE',
      message: 'roiAlign: images must be int64, got int32',
      run: (device) =>
        roiAlign(
          toDevice(host('float32', [1, 1, 2, 2], new Rng()), device),
          toDevice(host('float32', [1, 4], new Rng()), device),
          toDevice(host('int32', [1], [0]), device) as never,
        ),
    },
    {
      label: 'too many samples',
      code: 'ERR_PARAM',
      message: 'samplingRatio',
      run: (device) =>
        roiAlign(
          toDevice(host('float32', [1, 1, 2, 2], new Rng()), device),
          toDevice(host('float32', [1, 4], new Rng()), device),
          toDevice(host('int64', [1], [0]), device) as Tensor<'int64'>,
          { samplingRatio: 2 ** 30 },
        ),
    },
  ],
});
