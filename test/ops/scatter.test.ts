import { type IndexTensor, scatterElements, scatterNd, sync, tensor, type Tensor } from '../../lib';
import { DTYPES, type DType, isFloatDType } from '../../lib/dtype';
import { coordinates, offsetOf } from '../support/indexing';
import { COMPUTED_DTYPES, DEVICES, describeOp, type HostTensor, host } from '../support/op-info';
import { type Rng, roundTo } from '../support/rng';

const REDUCTIONS = ['none', 'add', 'mul', 'max', 'min'] as const;
type Reduction = (typeof REDUCTIONS)[number];

/** Whole numbers that stay exact in sums and products of a few, in every type. */
const small = (dtype: DType, shape: readonly number[], rng: Rng): HostTensor => {
  const n = shape.reduce((product, d) => product * d, 1);
  const low = DTYPES[dtype].kind === 'unsigned' || dtype === 'bool' ? 0 : -2;
  const high = dtype === 'bool' ? 1 : 3;
  return host(
    dtype,
    shape,
    Array.from({ length: n }, () => rng.int(low, high)),
  );
};

/** The element after an update, as JavaScript computes it; integers wrap. */
function combine(reduction: Reduction, dtype: DType, element: number, update: number): number {
  const exact = {
    none: update,
    add: element + update,
    mul: element * update,
    max: Math.max(element, update),
    min: Math.min(element, update),
  }[reduction];
  if (isFloatDType(dtype)) return roundTo(exact, dtype);
  if (dtype === 'bool') return exact;
  const { size, kind } = DTYPES[dtype];
  const bits = BigInt(exact);
  return Number(
    kind === 'unsigned' ? BigInt.asUintN(size * 8, bits) : BigInt.asIntN(size * 8, bits),
  );
}

/** x with updates applied in order: update i goes to the coordinates that `target` gives. */
function updated(
  x: HostTensor,
  updates: HostTensor,
  reduction: Reduction,
  target: (at: number[]) => number[],
) {
  const values = [...x.values];
  for (const [i, update] of updates.values.entries()) {
    const at = offsetOf(x.shape, target(coordinates(updates.shape, i)));
    values[at] = combine(reduction, x.dtype, values[at] as number, update);
  }
  return { shape: x.shape, dtype: x.dtype, values, signedZeros: true };
}

function indices(dtype: DType, shape: readonly number[], n: number, rng: Rng): HostTensor {
  const count = shape.reduce((product, d) => product * d, 1);
  return host(
    dtype,
    shape,
    Array.from({ length: count }, () => rng.int(-n, n - 1)),
  );
}

const fromFront = (index: number, n: number): number => (index < 0 ? index + n : index);
const reductionsOf = (dtype: DType): readonly Reduction[] =>
  dtype === 'bool' ? ['none'] : REDUCTIONS;

describeOp<{ axis?: number; reduction?: Reduction }>({
  name: 'scatterElements',
  run: ([x, at, updates], params) =>
    scatterElements(x as Tensor, at as IndexTensor, updates as Tensor, params),
  *cases(rng) {
    const shapes: readonly [number[], number[], number][] = [
      [[4], [9], 0], // more updates than elements: several for each
      [[3, 70], [2, 70], 0],
      [[3, 4, 5], [2, 6, 4], 1],
      [[3, 4], [3, 0], 1],
      [[2, 3], [2, 3], -1],
    ];
    for (const dtype of COMPUTED_DTYPES) {
      for (const reduction of reductionsOf(dtype)) {
        for (const [shape, at, axis] of shapes) {
          yield {
            inputs: [
              small(dtype, shape, rng),
              indices(rng.pick(['int32', 'int64']), at, shape.at(axis) ?? 1, rng),
              small(dtype, at, rng),
            ],
            params: { axis, reduction },
          };
        }
      }
    }
  },
  reference([x, at, updates], { axis = 0, reduction = 'none' }) {
    const [to, index] = [x as HostTensor, at as HostTensor];
    const k = fromFront(axis, to.shape.length);
    return updated(to, updates as HostTensor, reduction, (place) => {
      const chosen = index.values[offsetOf(index.shape, place)] as number;
      return place.map((p, i) => (i === k ? fromFront(chosen, to.shape[k] as number) : p));
    });
  },
  refuses: [
    {
      label: 'updates of another shape',
      code: 'ERR_SHAPE',
      message:
        'scatterElements: updates must have the shape of indices, got updates [1] and indices [2]',
      run: (device) =>
        scatterElements(
          tensor([1, 2], { device }),
          tensor([0, 1], { device, dtype: 'int32' }),
          tensor([1], { device }),
        ),
    },
    {
      label: 'updates of another type',
      code: 'ERR_DTYPE',
      message: 'scatterElements: updates must have the dtype of x, got float16 and float32',
      run: (device) =>
        scatterElements(
          tensor([1, 2], { device }) as Tensor,
          tensor([0], { device, dtype: 'int32' }),
          tensor([1], { device, dtype: 'float16' }) as Tensor,
        ),
    },
    {
      label: 'sums of bools',
      code: 'ERR_DTYPE',
      message:
        'scatterElements: x must be a float or an integer to be combined with updates, got bool',
      run: (device) =>
        scatterElements(
          tensor([true], { device }),
          tensor([0], { device, dtype: 'int32' }),
          tensor([true], { device }),
          { reduction: 'add' },
        ),
    },
  ],
});

describeOp<{ reduction?: Reduction }>({
  name: 'scatterNd',
  run: ([x, at, updates], params) =>
    scatterNd(x as Tensor, at as IndexTensor, updates as Tensor, params),
  *cases(rng) {
    const shapes: readonly [number[], number[], number[]][] = [
      [[4], [6, 1], [6]],
      [[4, 4], [5, 2], [5]],
      [
        [4, 4, 70],
        [2, 3, 1],
        [2, 3, 4, 70],
      ],
      [
        [2, 3],
        [2, 0],
        [2, 2, 3],
      ],
      [[4, 4], [0, 2], [0]],
    ];
    for (const dtype of COMPUTED_DTYPES) {
      for (const reduction of reductionsOf(dtype)) {
        for (const [shape, at, updates] of shapes) {
          const index = indices(rng.pick(['int32', 'int64']), at, shape[0] as number, rng);
          yield {
            inputs: [small(dtype, shape, rng), index, small(dtype, updates, rng)],
            params: { reduction },
          };
        }
      }
    }
  },
  reference([x, at, updates], { reduction = 'none' }) {
    const [to, index] = [x as HostTensor, at as HostTensor];
    const lead = index.shape.length - 1;
    const length = index.shape[lead] as number;
    return updated(to, updates as HostTensor, reduction, (place) => {
      const tuple = Array.from({ length }, (_, k) => {
        const at = offsetOf(index.shape, [...place.slice(0, lead), k]);
        return fromFront(index.values[at] as number, to.shape[k] as number);
      });
      return [...tuple, ...place.slice(lead)];
    });
  },
  refuses: [
    {
      label: 'updates of another shape',
      code: 'ERR_SHAPE',
      message: 'scatterNd: updates must have the shape [1, 2] for x [2, 2] and indices [1, 1]',
      run: (device) =>
        scatterNd(
          tensor(
            [
              [1, 2],
              [3, 4],
            ],
            { device },
          ),
          tensor([[0]], { device, dtype: 'int32' }),
          tensor([1, 2], { device }),
        ),
    },
  ],
});

it('computes max and min of special floats as the elementwise functions do', async () => {
  const x = tensor([NaN, 1, -0, 5]);
  const indices = tensor([0, 1, 2, 3], { dtype: 'int32' });
  const updates = tensor([1, NaN, 0, Infinity]);
  const { data } = {
    data: await scatterElements(x, indices, updates, { reduction: 'max' }).data(),
  };
  expect([...data]).toEqual([NaN, NaN, 0, Infinity]);
});

describe.each(DEVICES)('an index out of range on %s', (device) => {
  it('is an error of the result, or of the next read of the stream', async () => {
    const x = tensor([1, 2, 3], { device });
    const updates = tensor([8, 9], { device });
    const results = [
      () => scatterElements(x, tensor([0, 3], { device, dtype: 'int32' }), updates),
      () => scatterNd(x, tensor([[0], [-4]], { device, dtype: 'int32' }), updates),
    ];
    for (const result of results) {
      await expect(result().data()).rejects.toThrow(/indices must lie in/);
    }
    // The device remembers its first failure until it is asked: here, not in a test that follows.
    await expect(sync(device)).rejects.toThrow();
  });
});
