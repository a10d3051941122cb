import {
  gather,
  gatherElements,
  gatherNd,
  type IndexTensor,
  oneHot,
  tensor,
  type Tensor,
  ParamError,
  sync,
} from '../../lib';
import type { DType } from '../../lib/dtype';
import { coordinates, offsetOf } from '../support/indexing';
import {
  COMPUTED_DTYPES,
  describeOp,
  DEVICES,
  type HostTensor,
  host,
  type OpCase,
} from '../support/op-info';
import type { Rng } from '../support/rng';

const INDEX_TYPES = ['int32', 'int64'] as const;

/** Indices in [-n, n) of a shape. */
function indices(dtype: DType, shape: readonly number[], n: number, rng: Rng): HostTensor {
  const count = shape.reduce((product, d) => product * d, 1);
  return host(
    dtype,
    shape,
    Array.from({ length: count }, () => rng.int(-n, n - 1)),
  );
}

const fromFront = (index: number, n: number): number => (index < 0 ? index + n : index);

/** y of a shape, each element being the one of x at coordinates that follow from its own. */
function picked(x: HostTensor, shape: readonly number[], from: (at: number[]) => number[]) {
  const n = shape.reduce((product, d) => product * d, 1);
  const values = Array.from(
    { length: n },
    (_, i) => x.values[offsetOf(x.shape, from(coordinates(shape, i)))] as number,
  );
  return { shape, dtype: x.dtype, values, signedZeros: true };
}

const bad = (device: string) => ({
  x: tensor([[1, 2, 3]], { device }),
  real: tensor([0], { device }) as unknown as IndexTensor,
  first: tensor([0], { device, dtype: 'int32' }),
  scalar: tensor(1, { device }),
});

describeOp<{ axis?: number }>({
  name: 'gather',
  run: ([x, at], params) => gather(x as Tensor, at as IndexTensor, params),
  *cases(rng) {
    const shapes: readonly [number[], number[], number][] = [
      [[5], [], 0],
      [[7, 3], [4], 0],
      [[7, 3], [2, 3], -1],
      [[2, 5, 16], [3], 1],
      [[2, 5, 3], [0], 1],
      [[0, 4], [3], 1],
      [[3, 1000], [2, 2], 0],
    ];
    for (const [i, dtype] of COMPUTED_DTYPES.entries()) {
      for (const [shape, at, axis] of shapes) {
        const size = shape.at(axis) ?? 1;
        const type = INDEX_TYPES[i % 2] as DType;
        yield {
          inputs: [host(dtype, shape, rng), indices(type, at, size, rng)],
          params: axis === 0 ? {} : { axis },
        };
      }
    }
  },
  reference([x, at], { axis = 0 }) {
    const [from, index] = [x as HostTensor, at as HostTensor];
    const k = fromFront(axis, from.shape.length);
    const rank = index.shape.length;
    const shape = [...from.shape.slice(0, k), ...index.shape, ...from.shape.slice(k + 1)];
    return picked(from, shape, (place) => {
      const chosen = index.values[offsetOf(index.shape, place.slice(k, k + rank))] as number;
      const inside = fromFront(chosen, from.shape[k] as number);
      return [...place.slice(0, k), inside, ...place.slice(k + rank)];
    });
  },
  refuses: [
    {
      label: 'indices that are no integers',
      code: 'ERR_DTYPE',
      message: 'gather: indices must be int32 or int64, got float32',
      run: (device) => gather(bad(device).x, bad(device).real),
    },
    {
      label: 'a scalar x',
      code: 'ERR_SHAPE',
      message: 'gather: x must have rank 1 or more, got x []',
      run: (device) => gather(bad(device).scalar, bad(device).first),
    },
    {
      label: 'an axis that x does not have',
      code: 'ERR_PARAM',
      message: 'gather: axis must',
      run: (device) => gather(bad(device).x, bad(device).first, { axis: 2 }),
    },
    {
      label: 'a result of too many axes',
      code: 'ERR_SHAPE',
      message: 'gather: the result must have at most 8 axes',
      run: (device) =>
        gather(
          tensor([1], { device, shape: [1, 1, 1] }),
          tensor([0], { device, dtype: 'int32', shape: [1, 1, 1, 1, 1, 1, 1] }),
        ),
    },
  ],
});

describeOp<{ axis?: number }>({
  name: 'gatherElements',
  run: ([x, at], params) => gatherElements(x as Tensor, at as IndexTensor, params),
  *cases(rng) {
    const shapes: readonly [number[], number[], number][] = [
      [[6], [9], 0],
      [[4, 3], [2, 3], 0],
      [[4, 3], [3, 7], 1],
      [[3, 4, 5], [2, 4, 4], -2],
      [[3, 4], [0, 4], 0],
    ];
    for (const [i, dtype] of COMPUTED_DTYPES.entries()) {
      for (const [shape, at, axis] of shapes) {
        const size = shape.at(axis) ?? 1;
        yield {
          inputs: [host(dtype, shape, rng), indices(INDEX_TYPES[i % 2] as DType, at, size, rng)],
          params: axis === 0 ? {} : { axis },
        };
      }
    }
  },
  reference([x, at], { axis = 0 }) {
    const [from, index] = [x as HostTensor, at as HostTensor];
    const k = fromFront(axis, from.shape.length);
    return picked(from, index.shape, (place) => {
      const chosen = index.values[offsetOf(index.shape, place)] as number;
      return place.map((p, i) => (i === k ? fromFront(chosen, from.shape[k] as number) : p));
    });
  },
  refuses: [
    {
      label: 'other ranks',
      code: 'ERR_SHAPE',
      message: 'gatherElements: x and indices must have the same rank',
      run: (device) => gatherElements(bad(device).x, bad(device).first),
    },
    {
      label: 'indices that are longer than x elsewhere',
      code: 'ERR_SHAPE',
      message: 'gatherElements: indices must not be longer than x but along axis 1',
      run: (device) =>
        gatherElements(bad(device).x, tensor([[0], [0]], { device, dtype: 'int32' }), { axis: 1 }),
    },
  ],
});

describeOp<{ batchDims?: number }>({
  name: 'gatherNd',
  run: ([x, at], params) => gatherNd(x as Tensor, at as IndexTensor, params),
  *cases(rng) {
    const shapes: readonly [number[], number[], number][] = [
      [[4], [3, 1], 0],
      [[4, 4], [5, 2], 0],
      [[4, 4, 32], [2, 3, 1], 0],
      [[2, 4, 3], [2, 4, 1], 1],
      [[2, 4, 4, 5], [2, 3, 2], 1],
      [[2, 3], [3, 0], 0],
      [[4, 4], [0, 2], 0],
    ];
    for (const [i, dtype] of COMPUTED_DTYPES.entries()) {
      for (const [shape, at, batch] of shapes) {
        yield {
          inputs: [
            host(dtype, shape, rng),
            indices(INDEX_TYPES[i % 2] as DType, at, shape[batch] as number, rng),
          ],
          params: batch === 0 ? {} : { batchDims: batch },
        } satisfies OpCase<{ batchDims?: number }>;
      }
    }
  },
  reference([x, at], { batchDims = 0 }) {
    const [from, index] = [x as HostTensor, at as HostTensor];
    const lead = index.shape.slice(0, -1);
    const length = index.shape.at(-1) as number;
    const shape = [...lead, ...from.shape.slice(batchDims + length)];
    return picked(from, shape, (place) => {
      const tuple = Array.from({ length }, (_, k) => {
        const at = offsetOf(index.shape, [...place.slice(0, lead.length), k]);
        return fromFront(index.values[at] as number, from.shape[batchDims + k] as number);
      });
      return [...place.slice(0, batchDims), ...tuple, ...place.slice(lead.length)];
    });
  },
  refuses: [
    {
      label: 'tuples that are too long',
      code: 'ERR_SHAPE',
      message: 'gatherNd: a tuple must have at most 2 indices',
      run: (device) => gatherNd(bad(device).x, tensor([[0, 0, 0]], { device, dtype: 'int32' })),
    },
    {
      label: 'batches that differ',
      code: 'ERR_SHAPE',
      message: 'gatherNd: x and indices must agree along the first 1 axes',
      run: (device) =>
        gatherNd(bad(device).x, tensor([[0], [0]], { device, dtype: 'int32' }), { batchDims: 1 }),
    },
    {
      label: 'more batch axes than indices have',
      code: 'ERR_PARAM',
      message: 'gatherNd: batchDims must be less than both ranks, got 1',
      run: (device) => gatherNd(bad(device).x, bad(device).first, { batchDims: 1 }),
    },
    {
      label: 'scalars',
      code: 'ERR_SHAPE',
      message: 'gatherNd: x and indices must have rank 1 or more',
      run: (device) => gatherNd(bad(device).scalar, bad(device).first),
    },
  ],
});

describeOp<{ depth: number; axis?: number }>({
  name: 'oneHot',
  run: ([at, values], params) => oneHot(at as IndexTensor, values as Tensor, params),
  *cases(rng) {
    for (const [i, dtype] of COMPUTED_DTYPES.entries()) {
      for (const [shape, params] of [
        [[], { depth: 4 }],
        [[5], { depth: 3 }],
        [[3, 4], { depth: 6, axis: 1 }],
        [[3, 4], { depth: 2, axis: 0 }],
        [[2, 0], { depth: 5 }],
        [[4], { depth: 0 }],
      ] as const) {
        // Some beyond both ends: they turn nothing on.
        const at = indices(INDEX_TYPES[i % 2] as DType, shape, 7, rng);
        yield { inputs: [at, host(dtype, [2], rng)], params };
      }
    }
  },
  reference([at, values], { depth, axis = -1 }) {
    const [index, ends] = [at as HostTensor, values as HostTensor];
    const k = fromFront(axis, index.shape.length + 1);
    const shape = [...index.shape.slice(0, k), depth, ...index.shape.slice(k)];
    return picked(ends, shape, (place) => {
      const own = [...place.slice(0, k), ...place.slice(k + 1)];
      const chosen = index.values[offsetOf(index.shape, own)] as number;
      return [Number(fromFront(chosen, depth) === place[k])];
    });
  },
  refuses: [
    {
      label: 'more than two values',
      code: 'ERR_SHAPE',
      message: 'oneHot: values must have the shape [2], got values [1, 3]',
      run: (device) => oneHot(bad(device).first, bad(device).x, { depth: 1 }),
    },
    {
      label: 'a result whose bytes have no number',
      code: 'ERR_SHAPE',
      message: 'oneHot: ',
      run: (device) =>
        oneHot(
          tensor(new Int32Array(2048), { device, dtype: 'int32' }),
          tensor([0, 1], { device }),
          { depth: Number.MAX_SAFE_INTEGER },
        ),
    },
    {
      label: 'a result that no memory holds',
      code: 'ERR_OUT_OF_MEMORY',
      message: 'oneHot: ',
      run: (device) =>
        oneHot(bad(device).first, tensor([0, 1], { device }), { depth: Number.MAX_SAFE_INTEGER }),
    },
  ],
});

describe.each(DEVICES)('an index out of range on %s', (device) => {
  const x = () => tensor([1, 2, 3], { device });
  const at = (...values: number[]) => tensor(values, { device, dtype: 'int32' });
  const message =
    'gather: indices must lie in [-3, 2] for axis 0 of x [3], got 3 at flat position 1';

  it('is an error of the result, or of the next read of the stream', async () => {
    const results = [
      () => gather(x(), at(0, 3)),
      () => gather(x(), at(0, -4)),
      () => gatherElements(x(), at(0, 2 ** 31 - 1)),
      () => gatherNd(x(), tensor([[0], [-(2 ** 31)]], { device, dtype: 'int32' })),
    ];
    for (const result of results) {
      await expect(result().data()).rejects.toThrow(/indices must lie in/);
    }
    const error = await gather(x(), at(0, 3))
      .data()
      .catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(ParamError);
    expect((error as Error).message).toBe(message);
    expect(Array.from(await gather(x(), at(2, -3)).data())).toEqual([3, 1]);
    // The device remembers its first failure until it is asked: here, not in a test that follows.
    await expect(sync(device)).rejects.toThrow(/indices must lie in/);
    await sync(device);
  });

  it('is not looked for in a result without elements', async () => {
    const nothing = tensor([], { device, shape: [3, 0] });
    expect((await gather(nothing, at(0, 2)).data()).length).toBe(0);
  });
});
