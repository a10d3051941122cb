import { type Tensor, tensor, transpose, type TransposeOptions } from '../../lib';
import { COMPUTED_DTYPES, describeOp, type HostTensor, host } from '../support/op-info';

describeOp<TransposeOptions>({
  name: 'transpose',
  run: ([x], params) => transpose(x as Tensor, params),
  *cases(rng) {
    for (const dtype of COMPUTED_DTYPES) {
      for (const [shape, perm] of [
        [[], undefined],
        [[4], [0]],
        [[3, 0], undefined],
        [[33, 70], undefined],
        [
          [2, 5, 6, 3],
          [0, 3, 1, 2],
        ],
        [
          [2, 3, 5, 6],
          [0, 2, 3, 1],
        ],
        [
          [4, 3, 2, 7],
          [2, -3, 0, -1],
        ],
      ] as const) {
        yield { inputs: [host(dtype, shape, rng)], params: perm ? { perm } : {} };
      }
    }
  },
  reference([x], { perm }) {
    const { dtype, shape, values } = x as HostTensor;
    const rank = shape.length;
    const axes = perm ? perm.map((p) => (p + rank) % rank) : shape.map((_, k) => rank - 1 - k);
    const strides = shape.map((_, k) => shape.slice(k + 1).reduce((n, d) => n * d, 1));
    const out = axes.map((a) => shape[a] as number);
    const y = Array.from({ length: values.length }, (_, i) => {
      let [rest, from] = [i, 0];
      for (let k = rank - 1; k >= 0; k--) {
        from += (rest % (out[k] as number)) * (strides[axes[k] as number] as number);
        rest = Math.floor(rest / (out[k] as number));
      }
      return values[from] as number;
    });
    return { dtype, shape: out, values: y, signedZeros: true };
  },
  refuses: [
    {
      label: 'too few axes',
      code: 'ERR_PARAM',
      message: 'transpose: perm must name each axis of x once, got [0] and x [1, 1]',
      run: (device) => transpose(tensor([[1]], { device }), { perm: [0] }),
    },
    {
      label: 'an axis given twice',
      code: 'ERR_PARAM',
      message: 'transpose: perm must name each axis of x once, got [0, -2] and x [1, 1]',
      run: (device) => transpose(tensor([[1]], { device }), { perm: [0, -2] }),
    },
  ],
});
