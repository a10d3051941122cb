import type { DType } from '../../binding';
import { averagePool, lpPool, maxPoolIndices, type Tensor } from '../../lib';
import { describeOp, type HostTensor, host, type OpCase, toDevice } from '../support/op-info';
import { Rng } from '../support/rng';
import { functionBound, sumBound } from '../support/tolerance';
import {
  drawWindows,
  eachTap,
  eachTapAt,
  product,
  type Windows,
  windowCounts,
} from '../support/windows-nd';

interface PoolCase extends Windows {
  readonly countIncludePad?: boolean;
  readonly p?: number;
  readonly columnMajor?: boolean;
}

const FLOATS: readonly DType[] = ['float32', 'float16', 'bfloat16', 'float64'];

/** The options as the functions take them. */
const optionsOf = ({ before, after, ...rest }: PoolCase) => ({
  ...rest,
  padding: [...before, ...after],
});

function* poolCases(
  rng: Rng,
  dtypes: readonly DType[],
  more: (rng: Rng) => Partial<PoolCase>,
): Iterable<OpCase<PoolCase>> {
  for (let i = 0; i < 120; ) {
    const axes = rng.int(1, 3);
    const params = { ...drawWindows(rng, axes), ceilMode: rng.int(0, 1) === 1, ...more(rng) };
    const sizes = Array.from({ length: axes }, () => rng.int(1, axes === 1 ? 40 : 7));
    if (windowCounts(params, sizes).some((count) => count < 1)) continue;
    const dtype = dtypes[i++ % dtypes.length] as DType;
    const x = host(dtype, [rng.pick([0, 1, 2]), rng.int(1, 4), ...sizes], rng);
    if (dtype.includes('float') && x.values.length > 0 && rng.int(0, 3) === 0)
      for (const special of [Number.NaN, Infinity, -0, 0, 0])
        x.values[rng.int(0, x.values.length - 1)] = special;
    yield { inputs: [x], params };
  }
}

const accumulate = (dtype: DType) => (dtype === 'float64' ? 'float64' : 'float32');

/** For each plane: its first element, and the first of its results. */
function eachPlane(
  { shape }: HostTensor,
  out: readonly number[],
  f: (x: number, y: number) => void,
): void {
  const [n = 0, c = 0, ...sizes] = shape;
  for (let plane = 0; plane < n * c; plane++) f(plane * product(sizes), plane * product(out));
}

const shapeOf = ({ shape }: HostTensor, p: PoolCase) => {
  const [n = 0, c = 0, ...sizes] = shape;
  const out = windowCounts(p, sizes);
  return { sizes, out, shape: [n, c, ...out] };
};

const REFUSALS = (call: (x: Tensor, options: { kernel: number[]; stride?: number[] }) => Tensor) =>
  [
    {
      label: 'a kernel for other axes',
      code: 'ERR_PARAM',
      message: 'kernel must have 1 values, got 2 for x [1, 1, 4]',
      run: (device: string) =>
        call(toDevice(host('float32', [1, 1, 4], new Rng()), device), { kernel: [1, 1] }),
    },
    {
      label: 'strides for other axes',
      code: 'ERR_PARAM',
      message: 'stride must have 1 values, got 2 for x [1, 1, 4]',
      run: (device: string) =>
        call(toDevice(host('float32', [1, 1, 4], new Rng()), device), {
          kernel: [1],
          stride: [1, 1],
        }),
    },
    {
      label: 'no axis to pool over',
      code: 'ERR_SHAPE',
      message: 'x must be [n, c, w], [n, c, h, w] or [n, c, d, h, w], got [2, 2]',
      run: (device: string) =>
        call(toDevice(host('float32', [2, 2], new Rng()), device), { kernel: [] }),
    },
    {
      label: 'a window larger than its axis',
      code: 'ERR_SHAPE',
      message: "the kernel's extent (kernel - 1) * dilation + 1 must not exceed",
      run: (device: string) =>
        call(toDevice(host('float32', [1, 1, 4], new Rng()), device), { kernel: [5] }),
    },
  ] as const;

describeOp<PoolCase>({
  name: 'averagePool',
  run: ([x], params) => averagePool(x as Tensor, optionsOf(params)),
  cases: (rng) => poolCases(rng, FLOATS, () => ({ countIncludePad: rng.int(0, 1) === 1 })),
  reference([given], p) {
    const x = given as HostTensor;
    const { sizes, out, shape } = shapeOf(x, p);
    const [sums, sizesOf, counts, bounds] = Array.from(
      { length: 4 },
      () => new Float64Array(product(shape)),
    ) as [Float64Array, Float64Array, Float64Array, Float64Array];
    eachPlane(x, out, (from, to) => {
      eachTapAt(p, out, (window, _tap, at) => {
        const padded = at.every((i, a) => i < (sizes[a] as number) + (p.after[a] as number));
        if (p.countIncludePad && padded) (counts[to + window] as number)++;
      });
      eachTap(p, sizes, out, (window, _tap, i) => {
        (sums[to + window] as number) += x.values[from + i] as number;
        (sizesOf[to + window] as number) += Math.abs(x.values[from + i] as number);
        if (!p.countIncludePad) (counts[to + window] as number)++;
      });
    });
    const values = sums.map((sum, i) => {
      const count = counts[i] as number;
      const size = (sizesOf[i] as number) / count;
      // One more term: the quotient.
      bounds[i] = sumBound(sum / count, size, count + 1, x.dtype, accumulate(x.dtype));
      return sum / count;
    });
    return { shape, dtype: x.dtype, values, bounds };
  },
  refuses: [
    ...REFUSALS((x, options) => averagePool(x, options)),
    {
      label: 'integers',
      code: 'ERR_DTYPE',
      message: 'averagePool: x must be a float, got int32',
      run: (device) =>
        averagePool(toDevice(host('int32', [1, 1, 4], new Rng()), device), { kernel: [1] }),
    },
  ],
});

describeOp<PoolCase>({
  name: 'lpPool',
  run: ([x], params) => lpPool(x as Tensor, optionsOf(params)),
  cases: (rng) => poolCases(rng, FLOATS, () => ({ p: rng.pick([1, 2, 2, 3, 4]) })),
  reference([given], c) {
    const x = given as HostTensor;
    const { sizes, out, shape } = shapeOf(x, c);
    const p = c.p as number;
    const sums = new Float64Array(product(shape));
    eachPlane(x, out, (from, to) =>
      eachTap(c, sizes, out, (window, _tap, i) => {
        (sums[to + window] as number) += Math.abs(x.values[from + i] as number) ** p;
      }),
    );
    const values = sums.map((sum) => sum ** (1 / p));
    // In units of the last place: p for a power, sqrt(terms) for the sum of numbers of one sign, 4 for the root.
    const ulps = p + 4 * Math.sqrt(product(c.kernel)) + 4;
    const bounds = values.map((y) => functionBound(y, x.dtype, ulps));
    return { shape, dtype: x.dtype, values, bounds };
  },
  refuses: [
    ...REFUSALS((x, options) => lpPool(x, options)),
    {
      label: 'integers',
      code: 'ERR_DTYPE',
      message: 'lpPool: x must be a float, got int32',
      run: (device) =>
        lpPool(toDevice(host('int32', [1, 1, 4], new Rng()), device), { kernel: [1] }),
    },
  ],
});

describeOp<PoolCase>({
  name: 'maxPoolIndices',
  run: ([x], params) => maxPoolIndices(x as Tensor, optionsOf(params)),
  cases: (rng) =>
    poolCases(rng, ['float32', 'float16', 'bfloat16', 'int8', 'uint8'], () => ({
      columnMajor: rng.int(0, 1) === 1,
    })),
  reference([given], p) {
    const x = given as HostTensor;
    const { sizes, out, shape } = shapeOf(x, p);
    const values = new Float64Array(product(shape)).fill(-1);
    // NaN above all, +0 above -0.
    const isAbove = (a: number, b: number) =>
      !Number.isNaN(b) &&
      (Number.isNaN(a) || a > b || (a === b && Object.is(b, -0) && !Object.is(a, -0)));
    eachPlane(x, out, (from, to) => {
      const best = new Int32Array(product(out)).fill(-1);
      eachTap(p, sizes, out, (window, _tap, i) => {
        const held = best[window] as number;
        if (held >= 0 && !isAbove(x.values[from + i] as number, x.values[from + held] as number))
          return;
        best[window] = i;
        let [place, rest] = [i, i];
        if (p.columnMajor) {
          const at = sizes.toReversed().map((size) => {
            const k = rest % size;
            rest = (rest - k) / size;
            return k;
          });
          place = at.reduce((index, k, a) => index * (sizes.at(-1 - a) as number) + k, 0);
        }
        values[to + window] = from + place;
      });
    });
    return { shape, dtype: 'int64', values };
  },
  refuses: [
    ...REFUSALS((x, options) => maxPoolIndices(x, options)),
    {
      label: 'int32',
      code: 'ERR_DTYPE',
      message: 'maxPoolIndices: x must be float32, float16, bfloat16, int8 or uint8, got int32',
      run: (device) =>
        maxPoolIndices(toDevice(host('int32', [1, 1, 4], new Rng()), device), { kernel: [1] }),
    },
  ],
});
