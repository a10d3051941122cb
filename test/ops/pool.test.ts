import type { DType } from '../../binding';
import { maxPool2d, type Tensor } from '../../lib';
import { type ConvParams, imageShape, windows } from '../support/conv';
import { describeOp, type HostTensor, host, type OpCase, toDevice } from '../support/op-info';
import { Rng } from '../support/rng';

type Pair = readonly [number, number];

interface PoolCase {
  readonly layout: 'NCHW' | 'NHWC';
  readonly kernel: Pair;
  readonly stride: Pair;
  readonly dilation: Pair;
  readonly padding: ConvParams['padding'];
  readonly ceilMode: boolean;
}

const sizes = (shape: readonly number[], layout: string): [number, number, Pair] => {
  const [n, a, b, c] = shape as [number, number, number, number];
  return layout === 'NCHW' ? [n, a, [b, c]] : [n, c, [a, b]];
};

interface Axes {
  readonly before: Pair;
  readonly out: Pair;
}

/** Leading padding and windows of both axes, with ceilMode. */
function axes(image: Pair, p: PoolCase): Axes | undefined {
  const found = ([0, 1] as const).map((axis) => {
    const [size, kernel, stride, dilation] = [image, p.kernel, p.stride, p.dilation].map(
      (pair) => pair[axis],
    ) as [number, number, number, number];
    const w = windows(size, kernel, stride, dilation, p.padding, axis);
    if (!w || !p.ceilMode || p.padding === 'same' || p.padding === 'same-lower') return w;
    const after = p.padding === 'valid' ? 0 : (p.padding[2 * axis + 1] as number);
    const room = size + w.before + after - ((kernel - 1) * dilation + 1);
    let out = Math.ceil(room / stride) + 1;
    if (out > 1 && (out - 1) * stride >= size + w.before) out--;
    return { before: w.before, out };
  });
  const [h, w] = found;
  return h && w && { before: [h.before, w.before], out: [h.out, w.out] };
}

const DTYPES: readonly DType[] = ['float32', 'float16', 'bfloat16', 'int8', 'uint8'];

describeOp<PoolCase>({
  name: 'maxPool2d',
  run: ([x], params) => maxPool2d(x as Tensor, params),
  reference: ([x], p) => {
    const { dtype, shape, values } = x as HostTensor;
    const [n, c, image] = sizes(shape, p.layout);
    const { before, out } = axes(image, p) as Axes;
    const y = imageShape(p.layout, n, c, out);
    const lowest = dtype === 'int8' ? -128 : dtype === 'uint8' ? 0 : -Infinity;
    const at = (i: number, j: number, h: number, w: number, [H, W]: Pair) =>
      p.layout === 'NCHW' ? ((i * c + j) * H + h) * W + w : ((i * H + h) * W + w) * c + j;
    const result = new Float64Array(n * c * out[0] * out[1]).fill(lowest);
    for (let i = 0; i < n; i++)
      for (let j = 0; j < c; j++)
        for (let oh = 0; oh < out[0]; oh++)
          for (let ow = 0; ow < out[1]; ow++)
            for (let r = 0; r < p.kernel[0]; r++)
              for (let s = 0; s < p.kernel[1]; s++) {
                const h = oh * p.stride[0] + r * p.dilation[0] - before[0];
                const w = ow * p.stride[1] + s * p.dilation[1] - before[1];
                if (h < 0 || h >= image[0] || w < 0 || w >= image[1]) continue;
                const o = at(i, j, oh, ow, out);
                result[o] = Math.max(result[o] as number, values[at(i, j, h, w, image)] as number);
              }
    return { shape: y, dtype, values: result, signedZeros: true };
  },
  *cases(rng): Iterable<OpCase<PoolCase>> {
    for (let i = 0; i < 200; ) {
      const pair = (items: readonly number[]): Pair => [rng.pick(items), rng.pick(items)];
      const params: PoolCase = {
        layout: rng.pick(['NCHW', 'NHWC'] as const),
        kernel: pair([1, 2, 3, 4]),
        stride: pair([1, 2, 3]),
        dilation: pair([1, 1, 2]),
        padding: rng.pick([
          'valid',
          'same',
          'same-lower',
          [rng.int(0, 2), rng.int(0, 2), rng.int(0, 2), rng.int(0, 2)],
        ] as const),
        ceilMode: rng.int(0, 1) === 1,
      };
      const image: Pair = [rng.int(1, 10), rng.int(1, 10)];
      if (!axes(image, params)) continue;
      const dtype = DTYPES[i++ % DTYPES.length] as DType;
      const x = host(
        dtype,
        imageShape(params.layout, rng.pick([0, 1, 2]), rng.int(1, 9), image),
        rng,
      );
      if (dtype.includes('float'))
        for (const special of [Number.NaN, Infinity, -Infinity, -0, 0])
          if (x.values.length > 0 && rng.int(0, 2) === 0)
            x.values[rng.int(0, x.values.length - 1)] = special;
      yield { inputs: [x], params };
    }
  },
  refuses: [
    {
      label: 'a window larger than the padded image',
      code: 'ERR_SHAPE',
      message: "maxPool2d: the kernel's extent (kernel - 1) * dilation + 1 must not exceed",
      run: (device) =>
        maxPool2d(toDevice(host('float32', [1, 1, 2, 2], new Rng()), device), { kernel: 3 }),
    },
    {
      label: 'int32',
      code: 'ERR_DTYPE',
      message: 'maxPool2d: x must be float32, float16, bfloat16, int8 or uint8, got int32',
      run: (device) =>
        maxPool2d(toDevice(host('int32', [1, 1, 2, 2], new Rng()), device), { kernel: 1 }),
    },
  ],
});
