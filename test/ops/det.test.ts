import { det, tensor, type Tensor } from '../../lib';
import type { DType } from '../../lib/dtype';
import { describeOp, type HostTensor, host } from '../support/op-info';
import { sumBound } from '../support/tolerance';

/** The sum over all permutations, and the sum of the absolute values of its terms. */
function expansion(a: readonly number[], n: number): { value: number; magnitude: number } {
  if (n === 0) return { value: 1, magnitude: 1 };
  let [value, magnitude] = [0, 0];
  for (let c = 0; c < n; c++) {
    const minor = a.slice(n).filter((_, i) => i % n !== c);
    const rest = expansion(minor, n - 1);
    const head = a[c] as number;
    value += (c % 2 === 0 ? 1 : -1) * head * rest.value;
    magnitude += Math.abs(head) * rest.magnitude;
  }
  return { value, magnitude };
}

describeOp<object>({
  name: 'det',
  run: ([x]) => det(x as Tensor),
  *cases(rng) {
    for (const dtype of ['float32', 'float16', 'bfloat16', 'float64'] as const) {
      for (const shape of [
        [1, 1],
        [2, 2],
        [3, 2, 5, 5],
        [4, 0, 0],
        [0, 3, 3],
        [6, 6],
      ]) {
        yield { inputs: [host(dtype, shape, rng)], params: {} };
      }
      // A pivot of 0, a singular matrix, and an odd number of exchanges.
      yield { inputs: [host(dtype, [2, 2], [0, 1, 1, 0])], params: {} };
      yield { inputs: [host(dtype, [3, 3], [1, 2, 3, 2, 4, 6, 1, 1, 1])], params: {} };
    }
  },
  reference([x]) {
    const { dtype, shape, values } = x as HostTensor;
    const n = shape.at(-1) as number;
    const lead = shape.slice(0, -2);
    const count = lead.reduce((product, d) => product * d, 1);
    const found = Array.from({ length: count }, (_, i) =>
      expansion([...values.slice(i * n * n, (i + 1) * n * n)], n),
    );
    return {
      dtype: dtype as DType,
      shape: lead,
      values: found.map(({ value }) => value),
      bounds: found.map(({ value, magnitude }) =>
        sumBound(value, magnitude, n ** 3, dtype, 'float64'),
      ),
    };
  },
  refuses: [
    {
      label: 'integers',
      code: 'ERR_DTYPE',
      message: 'det: x must be a float, got int32',
      run: (device) => det(tensor([[1]], { device, dtype: 'int32' })),
    },
    {
      label: 'matrices that are not square',
      code: 'ERR_SHAPE',
      message: 'det: x must be square matrices [.., n, n], got x [1, 2]',
      run: (device) => det(tensor([[1, 2]], { device })),
    },
  ],
});
