import { explain, haxpy, type Tensor, tensor } from '../../lib';
import { describeOp, type HostTensor, host } from '../support/op-info';
import { roundTo } from '../support/rng';

describeOp<{ alpha: number }>({
  name: 'haxpy',
  run: ([x, y], { alpha }) => haxpy(alpha, x as Tensor<'float16'>, y as Tensor<'float16'>),
  *cases(rng) {
    for (const alpha of [0, 1, -1, 0.1, 300, 2 ** -20, Infinity, NaN]) {
      for (const shape of [[], [0], [1], [7], [31, 3], [1000]]) {
        yield {
          inputs: [host('float16', shape, rng, 100), host('float16', shape, rng, 100)],
          params: { alpha },
        };
      }
      const special = [0, -0, 65504, -65504, 2 ** -24, 2 ** -14, Infinity, -Infinity, NaN, 2048, 1];
      const n = special.length;
      yield {
        inputs: [host('float16', [n], special), host('float16', [n], [...special].reverse())],
        params: { alpha },
      };
    }
  },
  // The product of halves is exact in float64; their sum rounds to the same half as the exact one (core/half.h).
  reference([x, y], { alpha }) {
    const a = roundTo(alpha, 'float16');
    const { shape, values } = x as HostTensor;
    const addends = (y as HostTensor).values;
    const z = Array.from(values, (v, i) => roundTo(a * v + (addends[i] as number), 'float16'));
    return { shape, dtype: 'float16', values: z, signedZeros: true };
  },
  refuses: [
    {
      label: 'float32',
      code: 'ERR_DTYPE',
      message: 'haxpy: x and y must be float16, got float32 and float32',
      run: (device) => {
        const x = tensor([1], { device }) as unknown as Tensor<'float16'>;
        return haxpy(1, x, x);
      },
    },
    {
      label: 'two shapes',
      code: 'ERR_SHAPE',
      message: 'haxpy: x and y must have the same shape, got x [1] and y [2]',
      run: (device) =>
        haxpy(
          1,
          tensor([1], { device, dtype: 'float16' }),
          tensor([1, 2], { device, dtype: 'float16' }),
        ),
    },
  ],
});

it('multiplies and adds in float16', () => {
  const x = tensor([1], { dtype: 'float16' });
  expect(explain(haxpy(2, x, x))).toMatchObject({ multiply: 'float16', accumulate: 'float16' });
});
