import { type Tensor, tensor, weightedSum } from '../../lib';
import { tensorsLeftBy } from '../support/gc';
import { describeOp, type HostTensor, host } from '../support/op-info';
import { sumBound } from '../support/tolerance';

describeOp<object>({
  name: 'weightedSum',
  run: ([weights, ...xs]) => weightedSum(xs as Tensor[], weights as Tensor<'float32'>),
  *cases(rng) {
    for (const dtype of ['float16', 'bfloat16', 'float32', 'float64'] as const) {
      for (const count of [1, 2, 5]) {
        for (const shape of [[], [0, 2], [3, 5], [1500]]) {
          yield {
            inputs: [
              host('float32', [count], rng),
              ...Array.from({ length: count }, () => host(dtype, shape, rng, 3)),
            ],
            params: {},
          };
        }
      }
    }
  },
  reference([weights, ...xs]) {
    const { dtype, shape } = xs[0] as HostTensor;
    const w = (weights as HostTensor).values;
    const terms = (i: number) =>
      xs.map((x, k) => (w[k] as number) * ((x as HostTensor).values[i] as number));
    const n = (xs[0] as HostTensor).values.length;
    const values = Array.from({ length: n }, (_, i) => terms(i).reduce((s, t) => s + t, 0));
    const inner = dtype === 'float64' ? 'float64' : 'float32';
    const bounds = values.map((y, i) => {
      const magnitude = terms(i).reduce((s, t) => s + Math.abs(t), 0);
      return sumBound(y, magnitude, xs.length, dtype, inner);
    });
    return { shape, dtype, values, bounds };
  },
  refuses: [
    {
      label: 'a count of weights that differs',
      code: 'ERR_SHAPE',
      message: 'weightedSum: weights must have shape [1], one for each of xs, got [2]',
      run: (device) => weightedSum([tensor([1], { device })], [1, 2]),
    },
    {
      label: 'integers',
      code: 'ERR_DTYPE',
      message: 'weightedSum: xs must be floats, got int8',
      run: (device) => weightedSum([tensor([1], { device, dtype: 'int8' })], [1]),
    },
    {
      label: 'two shapes',
      code: 'ERR_SHAPE',
      message: 'weightedSum: xs must have one shape, got xs[0] [1] and xs[1] [2]',
      run: (device) => weightedSum([tensor([1], { device }), tensor([1, 2], { device })], [1, 2]),
    },
  ],
});

it('needs one tensor or more, and leaves none behind', async () => {
  const left = tensorsLeftBy(() => expect(() => weightedSum([], [])).toThrow(/^weightedSum: /));
  expect(await left).toBe(0);
});
