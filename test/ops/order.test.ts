import { cumProd, cumSum, tensor, topK, type Tensor } from '../../lib';
import { DTYPES, type DType, isFloatDType } from '../../lib/dtype';
import { coordinates, offsetOf } from '../support/indexing';
import { DEVICES, describeOp, type HostTensor, host, read, toDevice } from '../support/op-info';
import { Rng, roundTo } from '../support/rng';
import { sumBound } from '../support/tolerance';

const FLOATS: readonly DType[] = ['float32', 'float16', 'bfloat16', 'float64'];
const INTEGERS: readonly DType[] = [
  'int8',
  'uint8',
  'int16',
  'uint16',
  'int32',
  'int64',
  'uint32',
  'uint64',
];
const SHAPES: readonly [number[], number][] = [
  [[1], 0],
  [[33], 0],
  [[3, 70], -1],
  [[7, 3], 0],
  [[2, 5, 3], 1],
  [[0, 3], 1],
];

interface TopKCase {
  readonly k: number;
  readonly axis: number;
  readonly largest: boolean;
}

/** The k best places of each line: sorted by value, NaN the greatest, then by place. */
function best(x: HostTensor, { k, axis, largest }: TopKCase) {
  const at = axis < 0 ? axis + x.shape.length : axis;
  const shape = x.shape.map((n, i) => (i === at ? k : n));
  const n = shape.reduce((product, d) => product * d, 1);
  const indices = Array.from({ length: n }, (_, i) => {
    const place = coordinates(shape, i);
    const value = (j: number) =>
      x.values[
        offsetOf(
          x.shape,
          place.map((p, a) => (a === at ? j : p)),
        )
      ] as number;
    const order = (a: number, b: number) => {
      const [x, y] = [value(a), value(b)];
      if (Number.isNaN(x) || Number.isNaN(y))
        return Number(Number.isNaN(y)) - Number(Number.isNaN(x));
      return y - x || 0;
    };
    const places = Array.from({ length: x.shape[at] as number }, (_, j) => j);
    places.sort((a, b) => (largest ? order(a, b) : order(b, a)) || a - b);
    return places[place[at] as number] as number;
  });
  const values = indices.map((j, i) => {
    const place = coordinates(shape, i).map((p, a) => (a === at ? j : p));
    return x.values[offsetOf(x.shape, place)] as number;
  });
  return { shape, indices, values };
}

function* topKCases(rng: Rng) {
  for (const dtype of [...FLOATS, ...INTEGERS]) {
    for (const [shape, axis] of SHAPES) {
      const size = shape.at(axis) as number;
      for (const k of new Set([0, 1, Math.ceil(size / 2), size])) {
        yield { inputs: [host(dtype, shape, rng)], params: { k, axis, largest: k % 2 === 0 } };
      }
    }
  }
  const special = [1, NaN, -Infinity, 0, Infinity, -0, 1, NaN, 0];
  for (const largest of [true, false]) {
    yield { inputs: [host('float16', [9], special)], params: { k: 9, axis: 0, largest } };
  }
}

describeOp<TopKCase>({
  name: 'topK',
  run: ([x], params) => topK(x as Tensor, params).values,
  cases: topKCases,
  reference([x], params) {
    const { shape, values } = best(x as HostTensor, params);
    return { shape, dtype: (x as HostTensor).dtype, values, signedZeros: true };
  },
  refuses: [
    {
      label: 'more than there are',
      code: 'ERR_PARAM',
      message: 'topK: k must be at most the size of axis 0, got k 4 and x [3]',
      run: (device) => topK(tensor([1, 2, 3], { device }), { k: 4 }),
    },
    {
      label: 'bools',
      code: 'ERR_DTYPE',
      message: 'topK: x must be a float or an integer, got bool',
      run: (device) => topK(tensor([true], { device }), { k: 1 }),
    },
    {
      label: 'a scalar',
      code: 'ERR_SHAPE',
      message: 'topK: x must have rank 1 or more, got x []',
      run: (device) => topK(tensor(1, { device }), { k: 1 }),
    },
  ],
});

test.each(DEVICES)('topK says where the elements are on %s', async (device) => {
  for (const { inputs, params } of topKCases(new Rng())) {
    const [x] = inputs as [HostTensor];
    const { indices } = topK(toDevice(x, device), params);
    const { dtype, values } = await read(indices);
    expect([dtype, ...Array.from<number | bigint, number>(values, Number)]).toEqual([
      'int64',
      ...best(x, params).indices,
    ]);
  }
});

interface CumulativeCase {
  readonly axis: number;
  readonly exclusive?: boolean;
  readonly reverse?: boolean;
}

const wrap = (x: bigint, dtype: DType): bigint => {
  const { size, kind } = DTYPES[dtype];
  return kind === 'unsigned' ? BigInt.asUintN(size * 8, x) : BigInt.asIntN(size * 8, x);
};

for (const [name, run] of [
  ['cumSum', cumSum],
  ['cumProd', cumProd],
] as const) {
  const isProduct = name === 'cumProd';
  describeOp<CumulativeCase>({
    name,
    run: ([x], params) => run(x as Tensor, params),
    *cases(rng) {
      for (const dtype of [...FLOATS, ...INTEGERS]) {
        for (const [i, [shape, axis]] of SHAPES.entries()) {
          const flags = { exclusive: i % 2 === 1, reverse: i % 3 === 1 };
          yield { inputs: [host(dtype, shape, rng)], params: { axis, ...flags } };
        }
      }
    },
    reference([given], { axis, exclusive = false, reverse = false }) {
      const { dtype, shape, values } = given as HostTensor;
      const at = axis < 0 ? axis + shape.length : axis;
      const size = shape[at] as number;
      const results = values.map((_, i) => {
        const place = coordinates(shape, i);
        const own = place[at] as number;
        let terms = Array.from({ length: size }, (_, j) => j).filter((j) =>
          reverse ? j >= own : j <= own,
        );
        if (exclusive) terms = terms.filter((j) => j !== own);
        const value = (j: number) =>
          values[
            offsetOf(
              shape,
              place.map((p, a) => (a === at ? j : p)),
            )
          ] as number;
        if (!isFloatDType(dtype)) {
          const all = terms.map((j) => BigInt(value(j)));
          const start = isProduct ? 1n : 0n;
          return Number(
            wrap(
              all.reduce((a, b) => (isProduct ? a * b : a + b), start),
              dtype,
            ),
          );
        }
        return terms.reduce((a, j) => (isProduct ? a * value(j) : a + value(j)), isProduct ? 1 : 0);
      });
      if (!isFloatDType(dtype)) return { dtype, shape, values: results };
      const compute = dtype === 'float64' ? 'float64' : 'float32';
      const lines = values.map(Math.abs).reduce((a, b) => a + b, 0);
      const bounds = results.map((y) =>
        sumBound(y, isProduct ? size * Math.abs(y) : lines, size, dtype, compute),
      );
      return {
        dtype,
        shape,
        values: results.map((y) => (isProduct ? roundTo(y, 'float64') : y)),
        bounds,
      };
    },
    refuses: [
      {
        label: 'bools',
        code: 'ERR_DTYPE',
        message: `${name}: x must be a float or an integer, got bool`,
        run: (device) => run(tensor([true], { device })),
      },
      {
        label: 'a scalar',
        code: 'ERR_SHAPE',
        message: `${name}: x must have rank 1 or more, got x []`,
        run: (device) => run(tensor(1, { device })),
      },
      {
        label: 'an axis that x does not have',
        code: 'ERR_PARAM',
        message: `${name}: axis must`,
        run: (device) => run(tensor([1], { device }), { axis: 1 }),
      },
    ],
  });
}

test.each(DEVICES)('cumSum accumulates float16 in float32 on %s', async (device) => {
  const x = tensor([2048, 1, 1, 1, 1], { dtype: 'float16', device });
  expect([...(await cumSum(x).data())]).toEqual([2048, 2048, 2050, 2052, 2052]);
});
