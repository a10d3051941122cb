import fc from 'fast-check';
import type { Compute, DType } from '../../binding';
import {
  conv2d,
  conv2dBackwardFilter,
  conv2dBackwardInput,
  full,
  relu,
  explain,
  type Tensor,
  tensor,
} from '../../lib';
import {
  type ConvShape,
  convReference,
  randomConv,
  type Wanted,
  wShape,
  xShape,
  yShape,
} from '../support/conv';
import {
  describeOp,
  expectRefusal,
  type HostTensor,
  host,
  type OpCase,
  toDevice,
} from '../support/op-info';
import { Rng, SEED } from '../support/rng';

interface Case {
  readonly s: ConvShape;
  readonly compute?: Compute;
  readonly relu?: boolean;
}

const KINDS: readonly (readonly [x: DType, w: DType, compute: Compute | undefined])[] = [
  ['float32', 'float32', undefined],
  ['float32', 'float32', 'tf32'],
  ['float16', 'float16', 'float32'],
  ['float16', 'float16', 'float16'],
  ['bfloat16', 'bfloat16', undefined],
  ['int8', 'int8', undefined],
  ['uint8', 'int8', undefined],
  ['int8', 'uint8', 'int32'],
];

const options = ({ s, compute }: Case) => ({ ...s.params, compute });

describeOp<Case>({
  name: 'conv2d',
  run: ([x, w, bias, residual], one) =>
    conv2d(x as Tensor, w as Tensor, {
      ...options(one),
      bias,
      residual,
      activation: one.relu ? 'relu' : 'none',
    }),
  reference: ([x, w, bias, residual], { s, compute, relu = false }, device) =>
    convReference(s, 'y', x as HostTensor, w as HostTensor, {
      bias,
      residual,
      compute,
      relu,
      device,
    }),
  *cases(rng): Iterable<OpCase<Case>> {
    for (let i = 0; i < 480; i++) {
      const [x, w, compute] = KINDS[i % KINDS.length] as (typeof KINDS)[number];
      const s = randomConv(rng);
      const out = x === 'int8' || x === 'uint8' ? 'int32' : x;
      const bias = rng.int(0, 1) ? host(out, [s.k], rng.values('int8', s.k, 1)) : undefined;
      const residual = rng.int(0, 2) === 0 ? host(out, yShape(s), rng) : undefined;
      yield {
        inputs: [host(x, xShape(s), rng), host(w, wShape(s), rng), bias, residual],
        params: { s, relu: rng.int(0, 2) === 0, ...(compute && { compute }) },
      };
    }
  },
  refuses: [
    {
      label: 'channels that do not fit',
      code: 'ERR_SHAPE',
      message:
        'conv2d: x.shape[3] must equal groups * w.shape[2] with groups 1, got x [1, 8, 8, 3] and w [3, 3, 4, 16]',
      run: (device) =>
        conv2d(
          toDevice(host('float32', [1, 8, 8, 3], new Rng()), device),
          toDevice(host('float32', [3, 3, 4, 16], new Rng()), device),
          { layout: 'NHWC', filterLayout: 'HWIO' },
        ),
    },
    {
      label: 'an arithmetic that the dtype does not have',
      code: 'ERR_UNSUPPORTED',
      message: /^conv2d: compute 'float16' is not offered for bfloat16: 'float32' is/,
      run: (device) => {
        const x = toDevice(host('bfloat16', [1, 1, 2, 2], new Rng()), device);
        return conv2d(x, x, { compute: 'float16' });
      },
    },
    {
      label: 'a residual of another shape',
      code: 'ERR_SHAPE',
      message: "conv2d: residual must have the result's shape [1, 1, 2, 2], got [1, 1, 2, 1]",
      run: (device) => {
        const x = toDevice(host('float32', [1, 1, 2, 2], new Rng()), device);
        const w = toDevice(host('float32', [1, 1, 1, 1], new Rng()), device);
        const residual = toDevice(host('float32', [1, 1, 2, 1], new Rng()), device);
        return conv2d(x, w, { residual });
      },
    },
    {
      label: 'a residual of another dtype',
      code: 'ERR_DTYPE',
      message: "conv2d: residual must have the result's dtype float16, got float32",
      run: (device) => {
        const x = toDevice(host('float16', [1, 1, 1, 1], new Rng()), device);
        const residual = toDevice(host('float32', [1, 1, 1, 1], new Rng()), device);
        return conv2d(x, x, { residual });
      },
    },
    {
      label: 'an unknown option',
      code: 'ERR_PARAM',
      message: 'strides',
      run: (device) => {
        const x = toDevice(host('float32', [1, 1, 2, 2], new Rng()), device);
        return conv2d(x, x, { strides: [1, 1] } as object);
      },
    },
  ],
});

/** The gradients share their cases: (dy, w) -> dx and (x, dy) -> dw. */
function* gradientCases(rng: Rng, wanted: Wanted): Iterable<OpCase<Case>> {
  const kinds = KINDS.filter(([x]) => x !== 'int8' && x !== 'uint8');
  for (let i = 0; i < 150; i++) {
    const [dtype, , asked] = kinds[i % kinds.length] as (typeof KINDS)[number];
    // The order of float16 sums over x is not the reference's: native tests check them to the bit.
    const compute = asked === 'float16' ? 'float32' : asked;
    const s = randomConv(rng);
    const first = host(dtype, wanted === 'x' ? yShape(s) : xShape(s), rng);
    const second = host(dtype, wanted === 'x' ? wShape(s) : yShape(s), rng);
    yield { inputs: [first, second], params: { s, ...(compute && { compute }) } };
  }
}

describeOp<Case>({
  name: 'conv2dBackwardInput',
  run: ([dy, w], one) =>
    conv2dBackwardInput(dy as Tensor, w as Tensor, { ...options(one), inputSize: one.s.image }),
  reference: ([dy, w], { s, compute }, device) =>
    convReference(s, 'x', dy as HostTensor, w as HostTensor, { compute, device }),
  cases: (rng) => gradientCases(rng, 'x'),
  refuses: [
    {
      label: 'a dy that conv2d does not give',
      code: 'ERR_SHAPE',
      message:
        'conv2dBackwardInput: dy must have the shape [1, 1, 3, 3] that conv2d gives for an input [1, 1, 5, 5]',
      run: (device) =>
        conv2dBackwardInput(
          toDevice(host('float32', [1, 1, 2, 2], new Rng()), device),
          toDevice(host('float32', [1, 1, 3, 3], new Rng()), device),
          { inputSize: [5, 5] },
        ),
    },
  ],
});

describeOp<Case>({
  name: 'conv2dBackwardFilter',
  run: ([x, dy], one) =>
    conv2dBackwardFilter(x as Tensor, dy as Tensor, { ...options(one), filterSize: one.s.kernel }),
  reference: ([x, dy], { s, compute }, device) =>
    convReference(s, 'w', x as HostTensor, dy as HostTensor, { compute, device }),
  cases: (rng) => gradientCases(rng, 'w'),
  refuses: [
    {
      label: 'integers',
      code: 'ERR_DTYPE',
      message: 'conv2dBackwardFilter: x must be float32, float16 or bfloat16, got int8',
      run: (device) => {
        const x = toDevice(host('int8', [1, 1, 2, 2], new Rng()), device);
        return conv2dBackwardFilter(x, x, { filterSize: [1, 1] });
      },
    },
  ],
});

const dot = (a: ArrayLike<number>, b: ArrayLike<number>) =>
  Array.from(a).reduce((sum, v, i) => sum + v * (b[i] as number), 0);

/** Whole numbers so small that all float32 sums are exact. */
const small = (rng: Rng, shape: readonly number[]) =>
  tensor(
    Float32Array.from({ length: shape.reduce((p, d) => p * d, 1) }, () => rng.int(-4, 4)),
    { shape },
  );

const numbers = async (t: { data(): Promise<unknown> }) => (await t.data()) as Float32Array;

describe('conv2d and its gradients', () => {
  it('are adjoint, exactly', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(), async (seed) => {
        const rng = new Rng(seed);
        const s = randomConv(rng);
        const [x, w, dy] = [small(rng, xShape(s)), small(rng, wShape(s)), small(rng, yShape(s))];
        const y = conv2d(x, w, s.params);
        const dx = conv2dBackwardInput(dy, w, { ...s.params, inputSize: s.image });
        const dw = conv2dBackwardFilter(x, dy, { ...s.params, filterSize: s.kernel });
        const sum = dot(await numbers(y), await numbers(dy));
        expect(dot(await numbers(dx), await numbers(x))).toBe(sum);
        expect(dot(await numbers(dw), await numbers(w))).toBe(sum);
        for (const t of [x, w, dy, y, dx, dw]) t.dispose();
      }),
      { numRuns: 60, seed: SEED },
    );
  });

  it('is linear in x, exactly', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(), async (seed) => {
        const rng = new Rng(seed);
        const s = randomConv(rng);
        const [a, b, w] = [small(rng, xShape(s)), small(rng, xShape(s)), small(rng, wShape(s))];
        const [va, vb] = [await numbers(a), await numbers(b)];
        const sum = tensor(
          va.map((v, i) => v + (vb[i] as number)),
          { shape: xShape(s) },
        );
        const [ya, yb, y] = [a, b, sum].map((x) => conv2d(x, w, s.params)) as [
          typeof a,
          typeof a,
          typeof a,
        ];
        const [pa, pb] = [await numbers(ya), await numbers(yb)];
        expect(Array.from(await numbers(y))).toEqual(
          Array.from(pa, (v, i) => v + (pb[i] as number)),
        );
        for (const t of [a, b, w, sum, ya, yb, y]) t.dispose();
      }),
      { numRuns: 40, seed: SEED },
    );
  });
});

describe('the arithmetic of float16 convolutions', () => {
  const values = [65519, 65519, 65519, 65519];
  const forms = [
    {
      x: tensor(values, { shape: [1, 1, 4, 1], dtype: 'float16' }),
      w: tensor([65519, -65519], { shape: [1, 2, 1, 1], dtype: 'float16' }),
      o: { layout: 'NHWC', filterLayout: 'HWIO' } as const,
    },
    {
      x: tensor(values, { shape: [1, 1, 1, 4], dtype: 'float16' }),
      w: tensor([65519, -65519], { shape: [1, 1, 1, 2], dtype: 'float16' }),
      o: { layout: 'NCHW', filterLayout: 'OIHW' } as const,
    },
  ];
  afterEach(() => {
    delete process.env['HALFTONE_FP16_CONV_USE_FP32_COMPUTE'];
    delete process.env['HALFTONE_ALLOW_TF32'];
  });

  it.each(forms)('is a parameter: $o.layout', async ({ x, w, o }) => {
    const wide = conv2d(x, w, { ...o, compute: 'float32' });
    const half = conv2d(x, w, { ...o, compute: 'float16' });
    expect(Array.from((await wide.data()) as ArrayLike<number>)).toEqual([0, 0, 0]);
    expect(Array.from((await half.data()) as ArrayLike<number>)).toEqual([
      Infinity,
      Infinity,
      Infinity,
    ]);
    expect(explain(wide)).toMatchObject({ storage: 'float16', accumulate: 'float32' });
    expect(explain(half)).toMatchObject({ storage: 'float16', accumulate: 'float16' });
    expect(explain(half).kernel).toMatch(/^conv2d_/);
  });

  it.each([
    ['HALFTONE_FP16_CONV_USE_FP32_COMPUTE', undefined, 'float16', 'float32'],
    ['HALFTONE_FP16_CONV_USE_FP32_COMPUTE', '1', 'float16', 'float32'],
    ['HALFTONE_FP16_CONV_USE_FP32_COMPUTE', '0', 'float16', 'float16'],
    ['HALFTONE_ALLOW_TF32', '0', 'float32', 'float32'],
    ['HALFTONE_ALLOW_TF32', '1', 'float32', 'tf32'],
  ] as const)(
    '%s=%s makes %s conv2d multiply in %s by default',
    async (name, value, dtype, multiply) => {
      if (value !== undefined) process.env[name] = value;
      const x = tensor([1, 2], { shape: [1, 1, 1, 2], dtype });
      const made = async (t: ReturnType<typeof conv2d>) => {
        await t.data();
        return explain(t).multiply;
      };
      expect(await made(conv2d(x, x))).toBe(multiply);
      expect(await made(conv2dBackwardInput(x, x, { inputSize: [1, 3] }))).toBe(multiply);
      expect(await made(conv2dBackwardFilter(x, x, { filterSize: [1, 1] }))).toBe(multiply);
      // An option in code wins.
      expect(await made(conv2d(x, x, { compute: 'float32' }))).toBe('float32');
      expect(await made(conv2d(x, x, { compute: null }))).toBe('float32');
    },
  );

  it('a value that is neither is refused', () => {
    process.env['HALFTONE_FP16_CONV_USE_FP32_COMPUTE'] = 'maybe';
    const [{ x, w, o }] = forms as [(typeof forms)[0]];
    expectRefusal(() => conv2d(x, w, o), 'ERR_PARAM', 'HALFTONE_FP16_CONV_USE_FP32_COMPUTE');
  });
});

describe('the activation relu', () => {
  // The one product is too small for its type and rounds to -0.
  const tiny = { float32: 1e-30, float16: 1e-5, bfloat16: 1e-30 } as const;
  it.each([
    ['float32', 'float32', 'NCHW'],
    ['float32', 'float32', 'NHWC'],
    ['float16', 'float16', 'NCHW'],
    ['float16', 'float16', 'NHWC'],
    ['bfloat16', 'float32', 'NHWC'],
  ] as const)('of %s summed in %s, %s, has no -0, as relu()', async (dtype, compute, layout) => {
    for (const channels of [1, 40]) {
      const x = full([1, 1, 1, 1], tiny[dtype], { dtype });
      const w = full([channels, 1, 1, 1], -tiny[dtype], { dtype });
      const [plain, fused] = (['none', 'relu'] as const).map((activation) =>
        conv2d(x, w, { layout, compute, activation }),
      ) as [Tensor, Tensor];
      expect(Array.from(await plain.data())).toEqual(Array(channels).fill(-0));
      expect(Array.from(await fused.data())).toEqual(Array(channels).fill(0));
      expect(Array.from(await relu(plain).data())).toEqual(Array(channels).fill(0));
    }
  });
});
