import {
  concat,
  type ConcatOptions,
  explainAsync,
  gather,
  ones,
  pad,
  type PadOptions,
  slice,
  type SliceOptions,
  type Tensor,
  tensor,
  transpose,
  where,
} from '../../lib';
import type { Expected } from '../support/compare';
import { COMPUTED_DTYPES, DEVICES, describeOp, type HostTensor, host } from '../support/op-info';

/** A tensor of `shape` whose element at `at` is `element(at)`. */
function build(
  { dtype }: HostTensor,
  shape: readonly number[],
  element: (at: number[]) => number,
): Expected {
  const n = shape.reduce((product, d) => product * d, 1);
  const values = Array.from({ length: n }, (_, i) => {
    const at: number[] = [];
    let rest = i;
    for (const size of [...shape].reverse()) {
      at.unshift(rest % size);
      rest = Math.floor(rest / size);
    }
    return element(at);
  });
  return { dtype, shape, values, signedZeros: true };
}

const at = ({ shape, values }: HostTensor, indices: readonly number[]): number =>
  values[indices.reduce((offset, i, k) => offset * (shape[k] as number) + i, 0)] as number;

describeOp<ConcatOptions>({
  name: 'concat',
  run: (xs, params) => concat(xs as Tensor[], params),
  *cases(rng) {
    for (const dtype of COMPUTED_DTYPES) {
      for (const [shapes, axis] of [
        [[[3]], 0],
        [[[3], [0], [4]], -1],
        [
          [
            [2, 3, 4],
            [2, 1, 4],
          ],
          1,
        ],
        [
          [
            [40, 7],
            [40, 9],
          ],
          -1,
        ],
      ] as const) {
        yield { inputs: shapes.map((shape) => host(dtype, shape, rng)), params: { axis } };
      }
    }
  },
  reference(inputs, { axis = 0 }) {
    const xs = inputs as HostTensor[];
    const first = xs[0] as HostTensor;
    const k = Number(axis) < 0 ? Number(axis) + first.shape.length : Number(axis);
    const total = xs.reduce((sum, x) => sum + (x.shape[k] as number), 0);
    return build(first, first.shape.with(k, total), (indices) => {
      let i = indices[k] as number;
      let from = 0;
      while (i >= ((xs[from] as HostTensor).shape[k] as number)) {
        i -= (xs[from++] as HostTensor).shape[k] as number;
      }
      return at(xs[from] as HostTensor, indices.with(k, i));
    });
  },
  refuses: [
    {
      label: 'sizes that differ',
      code: 'ERR_SHAPE',
      message:
        'concat: xs must have equal sizes but along axis 0, got xs[0] [1, 1] and xs[1] [1, 2]',
      run: (device) => concat([tensor([[1]], { device }), tensor([[1, 2]], { device })]),
    },
    {
      label: 'two element types',
      code: 'ERR_DTYPE',
      message: 'concat: xs must have one dtype, got xs[0] float32 and xs[1] int8',
      run: (device) =>
        concat<'float32' | 'int8'>([
          tensor([1], { device }),
          tensor([1], { device, dtype: 'int8' }),
        ]),
    },
  ],
});

describeOp<SliceOptions & { taken: readonly (readonly number[])[] }>({
  name: 'slice',
  run: ([x], { taken: _, ...params }) => slice(x as Tensor, params),
  *cases(rng) {
    for (const dtype of COMPUTED_DTYPES) {
      const x = host(dtype, [4, 5], rng);
      const all = [0, 1, 2, 3, 4];
      yield { inputs: [x], params: { starts: [1], ends: [3], taken: [[1, 2], all] } };
      yield {
        inputs: [x],
        params: { starts: [-2, 0], ends: [100, -1], taken: [[2, 3], all.slice(0, 4)] },
      };
      yield {
        inputs: [x],
        params: {
          starts: [4],
          ends: [-9],
          axes: [1],
          steps: [-2],
          taken: [
            [0, 1, 2, 3],
            [4, 2, 0],
          ],
        },
      };
      yield {
        inputs: [x],
        params: {
          starts: [0],
          ends: [2 ** 53 - 1],
          axes: [-1],
          steps: [3],
          taken: [
            [0, 1, 2, 3],
            [0, 3],
          ],
        },
      };
      yield { inputs: [x], params: { starts: [2], ends: [2], taken: [[], all] } };
    }
  },
  reference([x], { taken }) {
    const from = x as HostTensor;
    return build(
      from,
      taken.map((t) => t.length),
      (indices) =>
        at(
          from,
          indices.map((i, k) => taken[k]?.[i] as number),
        ),
    );
  },
  refuses: [
    {
      label: 'a step of 0',
      code: 'ERR_PARAM',
      message: 'slice: steps must not be 0, got [0]',
      run: (device) => slice(tensor([1], { device }), { starts: [0], ends: [1], steps: [0] }),
    },
    {
      label: 'lists of different lengths',
      code: 'ERR_PARAM',
      message: 'slice: starts, ends, axes and steps must have equal counts',
      run: (device) => slice(tensor([1], { device }), { starts: [0], ends: [] }),
    },
  ],
});

describeOp<PadOptions & { value?: number }>({
  name: 'pad',
  run: ([x], params) => pad(x as Tensor, params),
  *cases(rng) {
    for (const dtype of COMPUTED_DTYPES) {
      for (const mode of ['constant', 'edge', 'reflect', 'wrap'] as const) {
        const x = host(dtype, [3, 4], rng);
        yield { inputs: [x], params: { before: [2, 0], after: [1, 3], mode, value: 1 } };
        yield { inputs: [x], params: { before: [0, 1], after: [0, 0], mode } };
      }
      // Around more than once.
      const x = host(dtype, [3, 2], rng);
      yield { inputs: [x], params: { before: [7, 0], after: [3, 9], mode: 'wrap' } };
    }
  },
  reference([x], { before, after, mode, value = 0 }) {
    const from = x as HostTensor;
    const sizes = from.shape.map((d, k) => d + Number(before[k]) + Number(after[k]));
    return build(from, sizes, (indices) => {
      const source = indices.map((i, k) => {
        const j = i - Number(before[k]);
        const last = (from.shape[k] as number) - 1;
        if (mode === 'wrap') return (j + 6 * (last + 1)) % (last + 1);
        if (mode === 'edge') return Math.min(Math.max(j, 0), last);
        return mode === 'reflect' ? last - Math.abs(last - Math.abs(j)) : j;
      });
      const inside = source.every((j, k) => j >= 0 && j < (from.shape[k] as number));
      return inside ? at(from, source) : value;
    });
  },
  refuses: [
    {
      label: 'a margin wider than its mirror',
      code: 'ERR_SHAPE',
      message:
        'pad: margins must be smaller than the axis that they mirror, got 1 for axis 0 of x [1]',
      run: (device) => pad(tensor([1], { device }), { before: [1], after: [0], mode: 'reflect' }),
    },
    {
      label: 'nothing to continue with',
      code: 'ERR_SHAPE',
      message: 'pad: x must have an element to repeat along axis 0, got x [0]',
      run: (device) =>
        pad(tensor([], { device, shape: [0] }), { before: [1], after: [0], mode: 'wrap' }),
    },
    {
      label: 'a value that the type does not have',
      code: 'ERR_PARAM',
      message: 'pad: value must be a whole number in [-128, 128) for int8, got 0.5',
      run: (device) =>
        pad(tensor([1], { device, dtype: 'int8' }), { before: [1], after: [0], value: 0.5 }),
    },
    {
      label: 'negative margins',
      code: 'ERR_PARAM',
      message: /^pad: before/,
      run: (device) => pad(tensor([1, 2], { device }), { before: [-1], after: [0] }),
    },
  ],
});

test.each(DEVICES)('what only moves values multiplies and adds nothing: %s', async (device) => {
  const x = ones([2, 2], { dtype: 'float16', device });
  const indices = tensor([0n], { device });
  const moved = {
    concat: concat([x, x]),
    pad: pad(x, { before: [1, 0], after: [0, 0] }),
    slice: slice(x, { starts: [1], ends: [2] }),
    gather: gather(x, indices),
    transpose: transpose(x),
    where: where(ones([2, 2], { dtype: 'bool', device }), x, x),
  };
  for (const [op, y] of Object.entries(moved)) {
    const { storage, multiply, accumulate } = (await explainAsync(y)) ?? {};
    expect({ op, storage, multiply, accumulate }).toEqual({
      op,
      storage: 'float16',
      multiply: 'none',
      accumulate: 'none',
    });
  }
});
