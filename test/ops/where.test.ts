import { tensor, type Tensor, where } from '../../lib';
import { COMPUTED_DTYPES, describeOp, type HostTensor, host } from '../support/op-info';

/** The element of `t` that belongs to position `at` of a larger shape. */
function broadcastAt(t: HostTensor, at: readonly number[]): number {
  const own = at.slice(at.length - t.shape.length);
  const offset = own.reduce((o, i, k) => {
    const size = t.shape[k] as number;
    return o * size + (size === 1 ? 0 : i);
  }, 0);
  return t.values[offset] as number;
}

describeOp<{ shape: readonly number[] }>({
  name: 'where',
  run: ([condition, a, b]) => where(condition as Tensor<'bool'>, a as Tensor, b as Tensor),
  *cases(rng) {
    for (const dtype of COMPUTED_DTYPES) {
      for (const [c, a, b, shape] of [
        [[], [], [], []],
        [[3], [3], [3], [3]],
        [[0, 1], [4], [], [0, 4]],
        [[2, 1, 1], [3, 1], [5], [2, 3, 5]],
        [[5], [2, 3, 1], [], [2, 3, 5]],
        [[40, 50], [50], [40, 1], [40, 50]],
      ] as const) {
        yield {
          inputs: [host('bool', c, rng), host(dtype, a, rng), host(dtype, b, rng)],
          params: { shape },
        };
      }
    }
  },
  reference([condition, a, b], { shape }) {
    const n = shape.reduce((product, d) => product * d, 1);
    const values = Array.from({ length: n }, (_, i) => {
      const at: number[] = [];
      let rest = i;
      for (const size of [...shape].reverse()) {
        at.unshift(rest % size);
        rest = Math.floor(rest / size);
      }
      const from = broadcastAt(condition as HostTensor, at) ? a : b;
      return broadcastAt(from as HostTensor, at);
    });
    return { shape, dtype: (a as HostTensor).dtype, values, signedZeros: true };
  },
  refuses: [
    {
      label: 'a condition of numbers',
      code: 'ERR_DTYPE',
      message: 'where: condition must be bool, got float32',
      run: (device) => {
        const x = tensor([1], { device });
        return where(x as unknown as Tensor<'bool'>, x, x);
      },
    },
    {
      label: 'two element types',
      code: 'ERR_DTYPE',
      message: 'where: a and b must have the same dtype, got float32 and float16',
      run: (device) =>
        where(
          tensor([true], { device }),
          tensor([1], { device }),
          tensor([1], { device, dtype: 'float16' }),
        ),
    },
    {
      label: 'two numbers',
      code: 'ERR_PARAM',
      message: 'where: a and b must be tensors, or one of them a number, got number and number',
      run: (device) => where(tensor([true], { device }), 1 as unknown as Tensor, 2),
    },
  ],
});

it('takes a number on either side', async () => {
  const x = tensor([1, 2], { dtype: 'float16' });
  expect([...(await where(tensor([true, false]), x, 0).data())]).toEqual([1, 0]);
  const y: Tensor<'float16'> = where(tensor([true, false]), -1, x);
  expect([...(await y.data())]).toEqual([-1, 2]);
});
