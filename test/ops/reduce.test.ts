import * as halftone from '../../lib';
import {
  argMax,
  argMin,
  explain,
  type ReduceOptions,
  reduceMean,
  reduceSum,
  type Tensor,
  tensor,
} from '../../lib';
import { DTYPES, type DType, finfo, isFloatDType, iinfo } from '../../lib/dtype';
import { describeOp, type HostTensor, host, type OpCase } from '../support/op-info';
import { type Rng, roundTo } from '../support/rng';
import { sumBound } from '../support/tolerance';

const DTYPE_LIST: readonly DType[] = [
  ...(['float32', 'float16', 'bfloat16', 'float64'] as const),
  ...(['int8', 'uint8', 'int16', 'uint16', 'int32', 'int64'] as const),
];

const SHAPES: readonly (readonly [shape: number[], axes: number[]])[] = [
  [[], []],
  [[1], [0]],
  [[17], []],
  [[3, 5], [1]],
  [[3, 5], [0]],
  [
    [2, 3, 4, 5],
    [0, 2],
  ],
  [
    [2, 3, 4, 5],
    [-1, 1],
  ],
  [[2500], []],
  [[2, 1300], [-1]],
  [[1300, 3], [0]],
  [[2, 0, 3], [2]],
];

/** The values that meet in each result. */
function groups(x: HostTensor, axes: readonly number[]): number[][] {
  const rank = x.shape.length;
  const reduced = x.shape.map(
    (_, k) => axes.length === 0 || axes.some((a) => (a + rank) % rank === k),
  );
  const count = x.shape.reduce((n, d, k) => (reduced[k] ? n : n * d), 1);
  const all: number[][] = Array.from({ length: count }, () => []);
  for (let i = 0; i < x.values.length; i++) {
    let [rest, at, step] = [i, 0, 1];
    for (let k = rank - 1; k >= 0; k--) {
      const size = x.shape[k] as number;
      if (!reduced[k]) {
        at += (rest % size) * step;
        step *= size;
      }
      rest = Math.floor(rest / size);
    }
    (all[at] as number[]).push(x.values[i] as number);
  }
  return all;
}

function resultShape(x: HostTensor, { axes = [], keepDims }: ReduceOptions): number[] {
  const rank = x.shape.length;
  return x.shape.flatMap((d, k) => {
    const reduced = axes.length === 0 || axes.some((a) => (a + rank) % rank === k);
    return reduced ? (keepDims ? [1] : []) : [d];
  });
}

interface Reduction {
  /** The terms that are added (multiplied for reduceProd). */
  readonly terms: (x: number) => number;
  readonly product?: boolean;
  readonly mean?: boolean;
}

const SUMS: Readonly<Record<string, Reduction>> = {
  reduceSum: { terms: (x) => x },
  reduceMean: { terms: (x) => x, mean: true },
  reduceSumSquare: { terms: (x) => x * x },
  reduceProd: { terms: (x) => x, product: true },
};

const functions = halftone as unknown as Record<string, (x: Tensor, o?: ReduceOptions) => Tensor>;

function* cases(rng: Rng, accumulate: boolean): Iterable<OpCase<ReduceOptions>> {
  for (const dtype of DTYPE_LIST) {
    for (const [shape, axes] of SHAPES) {
      const x = host(dtype, shape, isFloatDType(dtype) ? rng : rng.values(dtype, size(shape)));
      yield { inputs: [x], params: { axes, keepDims: rng.int(0, 1) === 1 } };
      if (accumulate && dtype === 'float16') {
        yield { inputs: [x], params: { axes, accumulate: 'float16' } };
      }
    }
  }
}

const size = (shape: readonly number[]) => shape.reduce((n, d) => n * d, 1);

function integerResult(
  terms: readonly number[],
  dtype: DType,
  { product, mean, terms: f }: Reduction,
) {
  const squared = f(2) === 4;
  let y = product ? 1n : 0n;
  for (const t of terms) {
    const v = squared ? BigInt(t) * BigInt(t) : BigInt(t);
    y = BigInt.asIntN(64, product ? y * v : y + v);
  }
  if (mean) y /= BigInt(terms.length);
  const bits = DTYPES[dtype].size * 8;
  return Number(
    DTYPES[dtype].kind === 'unsigned' ? BigInt.asUintN(bits, y) : BigInt.asIntN(bits, y),
  );
}

for (const [name, reduction] of Object.entries(SUMS)) {
  const apply = functions[name] as (x: Tensor, o?: ReduceOptions) => Tensor;
  describeOp<ReduceOptions>({
    name,
    run: ([x], params) => apply(x as Tensor, params),
    cases: (rng) => cases(rng, true),
    reference([x], params) {
      const { dtype } = x as HostTensor;
      const shape = resultShape(x as HostTensor, params);
      const all = groups(x as HostTensor, params.axes ?? []);
      if (!isFloatDType(dtype)) {
        return { dtype, shape, values: all.map((terms) => integerResult(terms, dtype, reduction)) };
      }
      const inner = params.accumulate ?? (dtype === 'float64' ? 'float64' : 'float32');
      const exact = all.map((values) => {
        const terms = values.map(reduction.terms);
        if (reduction.product) {
          const y = terms.reduce((p, t) => p * t, 1);
          // Each of n products is off by a unit, of y; those that underflow on the way are lost.
          return {
            y,
            bound: sumBound(y, Math.abs(y), terms.length ** 2, dtype, inner) + finfo(inner).tiny,
          };
        }
        const divisor = reduction.mean ? terms.length : 1;
        const y = terms.reduce((s, t) => s + t, 0) / divisor;
        const magnitude = terms.reduce((s, t) => s + Math.abs(t), 0) / divisor;
        // One more term for the division of a mean.
        return { y, bound: sumBound(y, magnitude, terms.length + 1, dtype, inner) };
      });
      const values = exact.map(({ y }) =>
        Number.isFinite(roundTo(y, dtype)) ? y : roundTo(y, dtype),
      );
      return { dtype, shape, values, bounds: exact.map(({ bound }) => bound) };
    },
    refuses: [
      {
        label: 'bool',
        code: 'ERR_DTYPE',
        message: `${name}: x must be a float or an integer, got bool`,
        run: (device) => apply(tensor([true], { device })),
      },
      {
        label: 'an axis out of range',
        code: 'ERR_PARAM',
        message: `${name}: axes must lie in [-1, 0] for a tensor of rank 1, got 1`,
        run: (device) => apply(tensor([1], { device }), { axes: [1] }),
      },
      {
        label: 'an accumulator that does not exist',
        code: 'ERR_UNSUPPORTED',
        message: `${name}: accumulate 'float16' is offered for float16 only, got x of float32; nearest: leave accumulate out`,
        run: (device) => apply(tensor([1], { device }), { accumulate: 'float16' }),
      },
    ],
  });
}

for (const name of ['reduceMax', 'reduceMin']) {
  const apply = functions[name] as (x: Tensor, o?: ReduceOptions) => Tensor;
  const greatest = name === 'reduceMax';
  describeOp<ReduceOptions>({
    name,
    run: ([x], params) => apply(x as Tensor, params),
    *cases(rng) {
      yield* cases(rng, false);
      yield {
        inputs: [host('float16', [2, 3], [0, -0, 1, NaN, 2, Infinity])],
        params: { axes: [0] },
      };
      for (const dtype of DTYPE_LIST)
        yield { inputs: [host(dtype, [0, 2], [])], params: { axes: [0] } };
    },
    reference([x], params) {
      const { dtype } = x as HostTensor;
      const nothing = isFloatDType(dtype)
        ? greatest
          ? -Infinity
          : Infinity
        : Number(greatest ? iinfo(dtype as 'int8').min : iinfo(dtype as 'int8').max);
      const values = groups(x as HostTensor, params.axes ?? []).map((v) =>
        v.length === 0 ? nothing : greatest ? Math.max(...v) : Math.min(...v),
      );
      return {
        dtype,
        shape: resultShape(x as HostTensor, params),
        values,
        signedZeros: isFloatDType(dtype),
      };
    },
    refuses: [
      {
        label: 'an axis given twice',
        code: 'ERR_PARAM',
        message: `${name}: axes must be different, got [1, -1]`,
        run: (device) => apply(tensor([[1]], { device }), { axes: [1, -1] }),
      },
    ],
  });
}

for (const name of ['argMax', 'argMin'] as const) {
  const apply = name === 'argMax' ? argMax : argMin;
  describeOp<{ axis?: number; keepDims?: boolean }>({
    name,
    run: ([x], params) => apply(x as Tensor, params),
    *cases(rng) {
      for (const dtype of DTYPE_LIST) {
        for (const axis of [-1, 0, 1]) {
          const values = Array.from({ length: 5 * 7 * 3 }, () => rng.int(0, 9));
          yield {
            inputs: [host(dtype, [5, 7, 3], values)],
            params: { axis, keepDims: axis === 0 },
          };
        }
      }
      yield { inputs: [host('float16', [5], [1, NaN, 7, NaN, -2])], params: {} };
      yield { inputs: [host('float32', [0, 3], [])], params: { axis: 1 } };
    },
    reference([x], { axis = -1, keepDims = false }) {
      const values = groups(x as HostTensor, [axis]).map((v) => {
        const nan = v.findIndex(Number.isNaN);
        return nan >= 0 ? nan : v.indexOf(name === 'argMax' ? Math.max(...v) : Math.min(...v));
      });
      return {
        dtype: 'int64',
        shape: resultShape(x as HostTensor, { axes: [axis], keepDims }),
        values,
      };
    },
    refuses: [
      {
        label: 'a scalar',
        code: 'ERR_SHAPE',
        message: `${name}: x must have rank 1 or more, got x []`,
        run: (device) => apply(tensor(1, { device })),
      },
      {
        label: 'an axis without elements',
        code: 'ERR_SHAPE',
        message: `${name}: x must have an element along axis 0, got x [0]`,
        run: (device) => apply(tensor([], { device })),
      },
    ],
  });
}

it('the mean of no integers does not exist', () => {
  expect(() => reduceMean(tensor([], { dtype: 'int8' }))).toThrow(
    'reduceMean: the mean of integers must have one term or more, got x [0]',
  );
});

it('says how it was summed', () => {
  const x = tensor([1, 2], { dtype: 'float16' });
  expect(explain(reduceSum(x))).toMatchObject({ accumulate: 'float32' });
  expect(explain(reduceSum(x, { accumulate: 'float16' }))).toMatchObject({ accumulate: 'float16' });
});
