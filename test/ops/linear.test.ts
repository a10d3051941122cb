import type { DType, LinearActivation, LinearParams } from '../../binding';
import { linear, type Tensor } from '../../lib';
import {
  DEVICES,
  describeOp,
  expectRefusal,
  type HostTensor,
  host,
  type OpCase,
  toDevice,
} from '../support/op-info';
import { product } from '../support/product';
import type { Rng } from '../support/rng';
import { functionBound, roundingBound, sumBound, sumsOn } from '../support/tolerance';

/** Types of x and w, of the sums, and of y. */
const KINDS: readonly (readonly [DType, LinearParams['compute'], DType])[] = [
  ['float32', 'float32', 'float32'],
  ['float32', 'tf32', 'float32'],
  ['float16', 'float32', 'float16'],
  ['float16', 'float32', 'float32'],
  ['float16', 'float16', 'float16'],
  ['bfloat16', 'float32', 'bfloat16'],
  ['bfloat16', 'float32', 'float32'],
];
const ACTIVATIONS: readonly LinearActivation[] = ['none', 'relu', 'gelu-tanh'];

const geluTanh = (x: number) =>
  x / (1 + Math.exp(-2 * Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)));

/** How far f(x) moves when x moves by `by`, where f is an activation: no slope of them exceeds 1.13. */
const moved = (activation: LinearActivation, by: number) =>
  activation === 'gelu-tanh' ? 1.13 * by : by;

/** Far out on the negative side of GELU a relative error of x counts 2 x^2 times. */
const geluUlps = (x: number) => 8 + (x < 0 ? 2 * Math.min(x * x, 400) : 0);

describeOp<LinearParams>({
  name: 'linear',
  run: ([x, w, bias], params) => linear(x as Tensor, w as Tensor, { ...params, bias }),
  reference: ([x, w, bias], params, device) => {
    const dtype = params.outputDType as DType;
    const activation = params.activation as LinearActivation;
    const compute = params.compute as 'float32' | 'float16' | 'tf32';
    const step: DType = compute === 'float16' ? 'float16' : 'float32';
    const accumulate = sumsOn(device, compute);
    const [input, weights] = [x as HostTensor, w as HostTensor];
    // A single row is a row of a matrix.
    const rows = input.shape.length === 1 ? { ...input, shape: [1, ...input.shape] } : input;
    const { sums, magnitudes, k } = product(rows, weights, { transB: !params.transW });
    const n = weights.shape[params.transW ? 1 : 0] as number;
    const added = sums.map((y, i) => y + (bias ? (bias.values[i % n] as number) : 0));
    const values = added.map((y) =>
      activation === 'relu' ? Math.max(y, 0) : activation === 'gelu-tanh' ? geluTanh(y) : y,
    );
    const bounds = values.map((y, i) => {
      const before =
        sumBound(sums[i] as number, magnitudes[i] as number, k, step, accumulate) +
        roundingBound(added[i] as number, step);
      const apply =
        activation === 'gelu-tanh' ? functionBound(y, dtype, geluUlps(added[i] as number)) : 0;
      return moved(activation, before) + apply + roundingBound(y, dtype);
    });
    return { shape: [...input.shape.slice(0, -1), n], dtype, values, bounds };
  },
  *cases(rng): Iterable<OpCase<LinearParams>> {
    const size = (r: Rng) => r.pick([0, 1, 2, 5, 8, 13, 16, 17, 33]);
    for (let i = 0; i < 210; i++) {
      const [input, compute, outputDType] = KINDS[i % KINDS.length] as (typeof KINDS)[number];
      const [k, n] = [rng.pick([0, 1, 3, 8, 16, 31, 130]), size(rng)];
      const transW = rng.int(0, 1) === 1;
      const lead = rng.pick([[], [size(rng)], [2, 3], [2, 0, 3]]);
      yield {
        inputs: [
          host(input, [...lead, k], rng),
          host(input, transW ? [k, n] : [n, k], rng),
          rng.int(0, 2) > 0 ? host(outputDType, [n], rng) : undefined,
        ],
        params: { transW, activation: rng.pick(ACTIVATIONS), compute, outputDType },
      };
    }
  },
  refuses: [
    {
      label: 'sizes that do not fit',
      code: 'ERR_SHAPE',
      message: 'linear: x.shape[1] must equal w.shape[1], got x [2, 3] and w [3, 4]',
      run: (device) =>
        linear(
          toDevice(host('float32', [2, 3], new Array(6).fill(1)), device),
          toDevice(host('float32', [3, 4], new Array(12).fill(1)), device),
        ),
    },
    {
      label: 'weights that are no matrix',
      code: 'ERR_SHAPE',
      message: 'linear: w must have 2 axes, got w [1]',
      run: (device) => {
        const x = toDevice(host('float32', [1], [1]), device);
        return linear(x, x);
      },
    },
    {
      label: 'integers',
      code: 'ERR_DTYPE',
      message:
        'linear: x must be float32, float16 or bfloat16, got int8; matmul takes other dtypes',
      run: (device) => {
        const x = toDevice(host('int8', [1, 1], [1]), device);
        return linear(x, x);
      },
    },
    {
      label: 'weights of another dtype',
      code: 'ERR_DTYPE',
      message: 'linear: w must have the dtype of x, got x float32 and w float16',
      run: (device) =>
        linear(
          toDevice(host('float32', [1, 1], [1]), device),
          toDevice(host('float16', [1, 1], [1]), device),
        ),
    },
    {
      label: 'a bias of the wrong length',
      code: 'ERR_SHAPE',
      message: 'linear: bias must be [1], got [2]',
      run: (device) => {
        const x = toDevice(host('float32', [1, 1], [1]), device);
        return linear(x, x, { bias: toDevice(host('float32', [2], [1, 1]), device) });
      },
    },
    {
      label: 'a bias of the wrong dtype',
      code: 'ERR_DTYPE',
      message: "linear: bias must have the result's dtype float32, got float16",
      run: (device) => {
        const x = toDevice(host('float16', [1, 1], [1]), device);
        const bias = toDevice(host('float16', [1], [1]), device);
        return linear(x, x, { bias, outputDType: 'float32' });
      },
    },
    {
      label: 'a wide result of float16 sums',
      code: 'ERR_UNSUPPORTED',
      message:
        "outputDType 'float32' is not offered for float16 with compute 'float16': 'float16' is",
      run: (device) => {
        const x = toDevice(host('float16', [1, 1], [1]), device);
        return linear(x, x, { compute: 'float16', outputDType: 'float32' });
      },
    },
  ],
});

describe.each(DEVICES)('linear on %s', (device) => {
  // Of 16 x 16 elements, as a library's own activation takes them; of 1 x 1, as a kernel around it does.
  it.each([
    ['float32', 'float32', 16],
    ['float32', 'float32', 1],
    ['float16', 'float32', 16],
    ['float16', 'float16', 16],
  ] as const)('propagates NaN of %s with %s sums through relu', async (dtype, compute, n) => {
    const values = Array.from({ length: n * n }, (_, i) => (i < n ? Number.NaN : -1));
    const x = toDevice(host(dtype, [n, n], values), device);
    const w = toDevice(host(dtype, [n, n], new Array(n * n).fill(1)), device);
    for (const bias of [undefined, toDevice(host(dtype, [n], new Array(n).fill(0)), device)]) {
      const y = await linear(x, w, { activation: 'relu', compute, bias }).data();
      expect(Array.from(y as Float32Array)).toEqual(values.map((v) => (Number.isNaN(v) ? v : 0)));
    }
  });
});

describe('linear', () => {
  it('refuses an option it does not know', () => {
    const x = toDevice(host('float32', [1, 1], [1]), 'cpu');
    expectRefusal(() => linear(x, x, { gelu: true } as object), 'ERR_PARAM', 'gelu');
  });
});
