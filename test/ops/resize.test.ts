import type { DType } from '../../binding';
import { resample, resize, tensor, type ResizeOptions, type Tensor } from '../../lib';
import {
  DEVICES,
  describeOp,
  expectRefusal,
  type HostTensor,
  host,
  type OpCase,
  read,
  toDevice,
} from '../support/op-info';
import { difference } from '../support/compare';
import { Rng, roundTo } from '../support/rng';
import { sumBound } from '../support/tolerance';
import { indexIn, positions, product } from '../support/windows-nd';

describeOp<{ axis: number }>({
  name: 'resample',
  run: ([x, indices, weights], options) =>
    resample(x as Tensor, indices as Tensor<'int32'>, weights, options),
  *cases(rng): Iterable<OpCase<{ axis: number }>> {
    const dtypes: readonly DType[] = ['float32', 'float64', 'uint8', 'float16', 'int64', 'bool'];
    for (let i = 0; i < 90; i++) {
      const isWeighted = i % 3 !== 0;
      const dtype = isWeighted ? rng.pick(['float32', 'float64'] as const) : rng.pick(dtypes);
      const rank = rng.int(1, 4);
      const shape = Array.from({ length: rank }, () => rng.pick([0, 1, 2, 3, 5, 9]));
      const axis = rng.int(0, rank - 1);
      const [size, taps] = [rng.int(0, 7), isWeighted ? rng.int(0, 4) : 1];
      const reach = shape[axis] as number;
      const table = Array.from({ length: size * taps }, () => rng.int(-1, reach));
      yield {
        inputs: [
          host(dtype, shape, rng),
          host('int32', [size, taps], table),
          isWeighted ? host(dtype, [size, taps], rng) : undefined,
        ],
        params: { axis: rng.int(0, 1) === 1 ? axis - rank : axis },
      };
    }
    const x = host('float32', [3], [Number.NaN, Infinity, -0]);
    // No tap is no zero times an infinity.
    yield {
      inputs: [
        x,
        host('int32', [3, 2], [-1, 2, 2, 3, 1, -5]),
        host('float32', [3, 2], [1, 1, 1, 2, 1, 0]),
      ],
      params: { axis: 0 },
    };
  },
  reference([given, table, weights], { axis: wanted }) {
    const x = given as HostTensor;
    const { shape: sizes, values: indices } = table as HostTensor;
    const [size = 0, taps = 0] = sizes;
    const axis = wanted < 0 ? wanted + x.shape.length : wanted;
    const shape = x.shape.map((n, k) => (k === axis ? size : n));
    const sums: number[] = [];
    const bounds: number[] = [];
    for (const at of positions(shape)) {
      let [sum, magnitude] = [0, 0];
      let isFirst = true;
      for (let t = 0; t < taps; t++) {
        const i = indices[(at[axis] as number) * taps + t] as number;
        if (i < 0 || i >= (x.shape[axis] as number)) continue;
        const from = at.map((k, a) => (a === axis ? i : k));
        const value = x.values[indexIn(x.shape, from)] as number;
        const weight = weights ? (weights.values[(at[axis] as number) * taps + t] as number) : 1;
        sum = isFirst ? weight * value : sum + weight * value;
        isFirst = false;
        magnitude += Math.abs(weight * value);
      }
      sums.push(sum);
      const type = x.dtype === 'float64' ? 'float64' : 'float32';
      // A product and a sum for each tap.
      bounds.push(weights ? sumBound(sum, magnitude, 2 * taps, x.dtype, type) : 0);
    }
    return { shape, dtype: x.dtype, values: sums, bounds };
  },
  refuses: [
    {
      label: 'indices of another type',
      code: 'ERR_DTYPE',
      message: 'resample: indices must be int32, got int64',
      run: (device) =>
        resample(
          toDevice(host('float32', [2], new Rng()), device),
          toDevice(host('int64', [1, 1], [0]), device) as never,
        ),
    },
    {
      label: 'several taps without weights',
      code: 'ERR_SHAPE',
      message: 'resample: indices must be [size, 1] without weights, got [1, 2]',
      run: (device) =>
        resample(
          toDevice(host('float32', [2], new Rng()), device),
          toDevice(host('int32', [1, 2], [0, 1]), device) as Tensor<'int32'>,
        ),
    },
    {
      label: 'weights for 16-bit floats',
      code: 'ERR_DTYPE',
      message: 'resample: x must be float32 or float64 with weights, got float16',
      run: (device) =>
        resample(
          toDevice(host('float16', [2], new Rng()), device),
          toDevice(host('int32', [1, 1], [0]), device) as Tensor<'int32'>,
          toDevice(host('float16', [1, 1], [1]), device),
        ),
    },
    {
      label: 'weights of another shape',
      code: 'ERR_SHAPE',
      message:
        'resample: weights must have the shape of indices, got weights [2, 1] and indices [1, 1]',
      run: (device) =>
        resample(
          toDevice(host('float32', [2], new Rng()), device),
          toDevice(host('int32', [1, 1], [0]), device) as Tensor<'int32'>,
          toDevice(host('float32', [2, 1], [1, 1]), device),
        ),
    },
    {
      label: 'a tensor without axes',
      code: 'ERR_SHAPE',
      message: 'resample: x must have an axis, got x []',
      run: (device) =>
        resample(
          toDevice(host('float32', [], [1]), device),
          toDevice(host('int32', [1, 1], [0]), device) as Tensor<'int32'>,
        ),
    },
    {
      label: 'an axis that x does not have',
      code: 'ERR_PARAM',
      message: /resample: axis must .* got 1/,
      run: (device) =>
        resample(
          toDevice(host('float32', [2], new Rng()), device),
          toDevice(host('int32', [1, 1], [0]), device) as Tensor<'int32'>,
          undefined,
          { axis: 1 },
        ),
    },
  ],
});

/** The definition for one axis: [result, source, weight] of each tap, or undefined where the result lies outside. */
function axisTaps(
  size: number,
  scale: number,
  out: number,
  options: ResizeOptions,
  roi: readonly [number, number],
): (readonly [source: number, weight: number][] | undefined)[] {
  const { mode = 'nearest', coordinates = 'half-pixel', cubicCoeff = -0.75 } = options;
  const length = options.sizes ? out : scale * size;
  const place = (o: number): number => {
    switch (coordinates) {
      case 'align-corners':
        return length === 1 ? 0 : (o * (size - 1)) / (length - 1);
      case 'asymmetric':
        return o / scale;
      case 'tf-half-pixel-for-nn':
        return (o + 0.5) / scale;
      case 'half-pixel-symmetric':
        return (size / 2) * (1 - out / length) + (o + 0.5) / scale - 0.5;
      case 'pytorch-half-pixel':
        return out === 1 ? 0 : (o + 0.5) / scale - 0.5;
      case 'tf-crop-and-resize': {
        const span = (roi[1] - roi[0]) * (size - 1);
        return roi[0] * (size - 1) + (out === 1 ? span / 2 : (o * span) / (out - 1));
      }
      default:
        return (o + 0.5) / scale - 0.5;
    }
  };
  const kernel = (d: number): number => {
    const x = Math.abs(d);
    if (mode === 'linear') return x < 1 ? 1 - x : 0;
    const a = cubicCoeff;
    if (x <= 1) return (a + 2) * x ** 3 - (a + 3) * x ** 2 + 1;
    return x < 2 ? a * x ** 3 - 5 * a * x ** 2 + 8 * a * x - 4 * a : 0;
  };
  return Array.from({ length: out }, (_, o) => {
    // An axis that keeps its size is left alone, also where half an element is added to places.
    const x = coordinates === 'tf-half-pixel-for-nn' && scale === 1 ? o : place(o);
    if (coordinates === 'tf-crop-and-resize' && (x < 0 || x > size - 1)) return undefined;
    const held = (i: number) => Math.max(0, Math.min(size - 1, i));
    if (mode === 'nearest') {
      const whole = Math.floor(x);
      const up =
        x !== whole &&
        {
          'round-prefer-floor': x - whole > 0.5,
          'round-prefer-ceil': x - whole >= 0.5,
          floor: false,
          ceil: true,
        }[options.nearestMode ?? 'round-prefer-floor'];
      return [[held(up ? whole + 1 : whole), 1]];
    }
    const narrow = options.antialias ? Math.min(1, scale) : 1;
    const reach = Math.ceil((mode === 'linear' ? 1 : 2) / narrow) + 1;
    const taps: [number, number][] = [];
    for (let i = Math.floor(x) - reach; i <= Math.ceil(x) + reach; i++) {
      const isInside = i >= 0 && i < size;
      const weight = options.excludeOutside && !isInside ? 0 : kernel((i - x) * narrow);
      if (weight !== 0) taps.push([held(i), weight]);
    }
    const sum = taps.reduce((total, [, weight]) => total + weight, 0);
    const divisor = options.antialias || options.excludeOutside ? sum : 1;
    return taps.map(([i, weight]) => [i, weight / divisor] as const);
  });
}

/** By the definition, all axes at once. */
function reference(x: HostTensor, options: ResizeOptions) {
  const { sizes, scales, roi } = options;
  const outs = x.shape.map((n, k) => sizes?.[k] ?? Math.floor((scales?.[k] as number) * n));
  const tables = x.shape.map((n, k) =>
    axisTaps(n, scales?.[k] ?? (outs[k] as number) / n, outs[k] as number, options, [
      roi?.[k] ?? 0,
      roi?.[k + x.shape.length] ?? 1,
    ]),
  );
  const type = x.dtype === 'float64' || x.dtype === 'int32' ? 'float64' : 'float32';
  const bounds: number[] = [];
  const values = positions(outs).map((at) => {
    const taps = at.map((o, k) => tables[k]?.[o]);
    if (taps.some((list) => list === undefined)) {
      bounds.push(0);
      return roundTo(options.extrapolationValue ?? 0, x.dtype);
    }
    const lists = taps as (readonly [number, number][])[];
    let [sum, magnitude] = [0, 0];
    for (const choice of positions(lists.map(({ length }) => length))) {
      const chosen = choice.map((t, k) => lists[k]?.[t] as readonly [number, number]);
      const value = x.values[
        indexIn(
          x.shape,
          chosen.map(([i]) => i),
        )
      ] as number;
      const term = chosen.reduce((product, [, weight]) => product * weight, value);
      sum += term;
      magnitude += Math.abs(term);
    }
    const exact = options.mode === undefined || options.mode === 'nearest';
    // A weight's rounding, a product and a sum for each tap of each axis.
    const terms = 3 * lists.reduce((total, list) => total + list.length, 0);
    bounds.push(exact ? 0 : sumBound(sum, magnitude, terms, x.dtype, type));
    return sum;
  });
  return { shape: outs, dtype: x.dtype, values, bounds };
}

describe.each(DEVICES)('resize on %s', (device) => {
  it('agrees with the definition, for all of its options', async () => {
    const rng = new Rng();
    const wrong: string[] = [];
    for (let i = 0; i < 150; i++) {
      const mode = rng.pick(['nearest', 'linear', 'cubic'] as const);
      const rank = rng.int(1, 3);
      const shape = Array.from({ length: rank }, () => rng.int(1, 6));
      const coordinates = rng.pick([
        'half-pixel',
        'half-pixel-symmetric',
        'pytorch-half-pixel',
        'align-corners',
        'asymmetric',
        'tf-half-pixel-for-nn',
        'tf-crop-and-resize',
      ] as const);
      const isSized = rng.int(0, 1) === 1;
      const crop = Array.from({ length: 2 * rank }, (_, k) =>
        rng.pick(k < rank ? [0, 0.25, -0.25] : [1, 0.75, 1.25]),
      );
      const options: ResizeOptions = {
        mode,
        coordinates,
        ...(isSized
          ? { sizes: shape.map(() => rng.int(1, 8)) }
          : { scales: shape.map(() => rng.pick([0.5, 0.75, 1, 1.5, 2, 2.6, 3])) }),
        nearestMode: rng.pick([
          'round-prefer-floor',
          'round-prefer-ceil',
          'floor',
          'ceil',
        ] as const),
        cubicCoeff: rng.pick([-0.75, -0.5]),
        excludeOutside: mode !== 'nearest' && rng.int(0, 1) === 1,
        antialias: mode !== 'nearest' && rng.int(0, 2) === 0,
        extrapolationValue: rng.pick([0, 10]),
        ...(coordinates === 'tf-crop-and-resize' ? { roi: crop } : {}),
      };
      const dtype = rng.pick(
        mode === 'nearest'
          ? (['float32', 'uint8', 'int64', 'bfloat16'] as const)
          : (['float32', 'float16', 'bfloat16'] as const),
      );
      const x = host(dtype, shape, rng);
      const expected = reference(x, options);
      if (product(expected.shape) === 0) continue;
      const given = toDevice(x, device);
      const y = resize(given, options);
      const what = difference(await read(y), expected);
      if (what) wrong.push(`${dtype} [${shape.join(', ')}] ${JSON.stringify(options)}: ${what}`);
      for (const t of [given, y]) t.dispose();
    }
    expect(wrong).toEqual([]);
  });

  it('keeps the digits of float64', async () => {
    const third = 1 / 3;
    const x = tensor([third, 3 * third], { dtype: 'float64', device });
    const y = resize(x, { sizes: [4], mode: 'linear' });
    expect(await y.toArray()).toEqual([third, third * 0.75 + 0.25, third * 0.25 + 0.75, 1]);
  });

  it('rounds integers to nearest even, and clamps them', async () => {
    const x = tensor([0, 1, 255, 255], { dtype: 'uint8', device });
    const y = resize(x, { sizes: [2], mode: 'linear' });
    expect(await y.toArray()).toEqual([0, 255]);
    const far = resize(tensor([0, 255, 255], { dtype: 'uint8', device }), {
      sizes: [6],
      mode: 'cubic',
    });
    // Overshoots on both sides of the step are cut off.
    expect(Math.min(...((await far.toArray()) as number[]))).toBe(0);
    expect(Math.max(...((await far.toArray()) as number[]))).toBe(255);
  });

  it('keeps the aspect ratio when asked to, and other axes as they are', () => {
    const x = toDevice(host('float32', [2, 3, 4, 8], new Rng()), device);
    const sizes = [6, 8];
    const shapes = (['stretch', 'not-larger', 'not-smaller'] as const).map(
      (keepAspectRatio) => resize(x, { sizes, axes: [-2, -1], keepAspectRatio }).shape,
    );
    expect(shapes).toEqual([
      [2, 3, 6, 8],
      [2, 3, 4, 8],
      [2, 3, 6, 12],
    ]);
  });

  it('makes empty tensors, and nothing of nothing', async () => {
    const x = toDevice(host('float32', [2, 3], new Rng()), device);
    expect(resize(x, { sizes: [0, 3] }).shape).toEqual([0, 3]);
    const empty = toDevice(host('float32', [0, 3], []), device);
    expect(resize(empty, { sizes: [0, 6], mode: 'linear' }).shape).toEqual([0, 6]);
  });

  const bad: readonly [
    string,
    'ERR_PARAM' | 'ERR_SHAPE' | 'ERR_DTYPE',
    ResizeOptions,
    string,
    DType?,
  ][] = [
    ['no sizes', 'ERR_PARAM', {}, 'resize: either sizes or scales must be given'],
    ['both', 'ERR_PARAM', { sizes: [1, 1], scales: [1, 1] }, 'either sizes or scales'],
    ['too few', 'ERR_PARAM', { sizes: [1] }, 'resize: sizes must have 2 values, got [1]'],
    [
      'a negative size',
      'ERR_PARAM',
      { sizes: [1, -1] },
      'resize: sizes must be whole and at least 0',
    ],
    [
      'a scale of 0',
      'ERR_PARAM',
      { scales: [1, 0] },
      'resize: scales must be positive numbers, got [1, 0]',
    ],
    ['an endless scale', 'ERR_PARAM', { scales: [1, Infinity] }, 'must be positive numbers'],
    [
      'a huge scale',
      'ERR_SHAPE',
      { scales: [1, 1e300] },
      'sizes of at most 67108864 are supported',
    ],
    [
      'an axis twice',
      'ERR_PARAM',
      { sizes: [1, 1], axes: [0, -2] },
      'axes must be different axes of x [2, 2]',
    ],
    [
      'no region',
      'ERR_PARAM',
      { sizes: [1, 1], coordinates: 'tf-crop-and-resize' },
      'roi must have 4 values, got none',
    ],
    [
      'antialias without weights',
      'ERR_PARAM',
      { sizes: [1, 1], antialias: true },
      "antialias needs mode 'linear' or 'cubic'",
    ],
    [
      'an unknown mode',
      'ERR_PARAM',
      { sizes: [1, 1], mode: 'area' as never },
      "mode must be 'nearest', 'linear' or 'cubic', got 'area'",
    ],
    [
      'unknown coordinates',
      'ERR_PARAM',
      { sizes: [1, 1], coordinates: 'half' as never },
      "coordinates must be a known mode, got 'half'",
    ],
    [
      'an unknown nearest mode',
      'ERR_PARAM',
      { sizes: [1, 1], nearestMode: 'round' as never },
      'nearestMode must be',
    ],
    [
      'interpolated booleans',
      'ERR_DTYPE',
      { sizes: [1, 1], mode: 'linear' },
      'x must be a float of 16 bits or more or an integer up to 32 bits, got bool',
      'bool',
    ],
  ];
  it.each(bad)('refuses %s', (_label, code, options, message, dtype = 'float32') => {
    const x = toDevice(host(dtype, [2, 2], new Rng()), device);
    expectRefusal(() => resize(x, options), code, message);
  });

  it('refuses to make something of nothing', () => {
    const x = toDevice(host('float32', [0, 2], []), device);
    expectRefusal(
      () => resize(x, { sizes: [1, 2] }),
      'ERR_SHAPE',
      'resize: axis 0 has no element to make 1 of, got x [0, 2]',
    );
  });
});
