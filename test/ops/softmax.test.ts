import { softmax, type SoftmaxOptions, type Tensor, tensor } from '../../lib';
import { describeOp, type HostTensor, host } from '../support/op-info';
import { functionBound } from '../support/tolerance';

describeOp<SoftmaxOptions>({
  name: 'softmax',
  run: ([x], params) => softmax(x as Tensor, params),
  *cases(rng) {
    for (const dtype of ['float32', 'float16', 'bfloat16', 'float64'] as const) {
      for (const [shape, axis] of [
        [[1], 0],
        [[10], -1],
        [[5, 17], 1],
        [[5, 17], 0],
        [[2, 7, 40], 1],
        [[3, 0], 1],
        [[2, 1000], -1],
      ] as const) {
        yield { inputs: [host(dtype, shape, rng, 6)], params: { axis } };
      }
      yield { inputs: [host(dtype, [3], [-Infinity, 1000, 1000])], params: {} };
      yield { inputs: [host(dtype, [3], [Infinity, 0, 1])], params: {} };
      yield { inputs: [host(dtype, [3], [NaN, 0, 1])], params: {} };
      yield { inputs: [host(dtype, [2], [-Infinity, -Infinity])], params: {} };
    }
  },
  reference([x], { axis = -1 }) {
    const { dtype, shape, values } = x as HostTensor;
    const k = (Number(axis) + shape.length) % shape.length;
    const n = shape[k] as number;
    const step = shape.slice(k + 1).reduce((m, d) => m * d, 1);
    const y = new Float64Array(values.length);
    const bounds = new Float64Array(values.length);
    for (let i = 0; i < values.length; i++) {
      const at = Math.floor(i / step) % n;
      const row = Array.from({ length: n }, (_, j) => values[i + (j - at) * step] as number);
      const greatest = Math.max(...row);
      const distance = (values[i] as number) - greatest;
      y[i] = Math.exp(distance) / row.reduce((s, v) => s + Math.exp(v - greatest), 0);
      // The rounded argument of exp, exp itself, n / 16 + 4 additions, the division.
      const ulps = Math.min(Math.abs(distance), 1000) / 2 + 3 + n / 32;
      bounds[i] = functionBound(y[i] as number, dtype, ulps);
    }
    return { dtype, shape, values: y, bounds };
  },
  refuses: [
    {
      label: 'integers',
      code: 'ERR_DTYPE',
      message: 'softmax: x must be a float, got int32',
      run: (device) => softmax(tensor([1], { device, dtype: 'int32' })),
    },
    {
      label: 'a scalar',
      code: 'ERR_SHAPE',
      message: 'softmax: x must have rank 1 or more, got x []',
      run: (device) => softmax(tensor(1, { device })),
    },
    {
      label: 'an axis out of range',
      code: 'ERR_PARAM',
      message: 'softmax: axis must lie in [-1, 0] for a tensor of rank 1, got 1',
      run: (device) => softmax(tensor([1], { device }), { axis: 1 }),
    },
  ],
});
