import fc from 'fast-check';
import type { Compute, DType, MatmulParams } from '../../binding';
import { explain, matmul, type Tensor, tensor } from '../../lib';
import {
  DEVICES,
  describeOp,
  expectRefusal,
  type HostTensor,
  host,
  type OpCase,
  read,
  toDevice,
} from '../support/op-info';
import { difference } from '../support/compare';
import { product } from '../support/product';
import { Rng, SEED } from '../support/rng';
import { sumBound, sumsOn } from '../support/tolerance';

type Kind = readonly [a: DType, b: DType, compute?: Compute, outputDType?: DType];

const KINDS: readonly Kind[] = [
  ['float32', 'float32'],
  ['float32', 'float32', 'tf32'],
  ['float16', 'float16', 'float32'],
  ['float16', 'float16', 'float32', 'float32'],
  ['float16', 'float16', 'float16'],
  ['bfloat16', 'bfloat16'],
  ['bfloat16', 'bfloat16', 'float32', 'float32'],
  ['float64', 'float64'],
  ['int8', 'int8'],
  ['uint8', 'uint8', 'int32', 'int32'],
  ['uint8', 'int8'],
  ['int8', 'uint8'],
];

const pick = (rng: Rng, kind: Kind): MatmulParams => ({
  transA: rng.int(0, 1) === 1,
  transB: rng.int(0, 1) === 1,
  ...(kind[2] && { compute: kind[2] }),
  ...(kind[3] && { outputDType: kind[3] }),
});

/** Sizes around the tiles of the CPU kernels, small ones more often. */
const size = (rng: Rng) => rng.pick([0, 1, 2, 3, 5, 8, 11, 12, 13, 16, 17, 33]);

function matrices(rng: Rng, [a, b]: Kind, { transA, transB }: MatmulParams) {
  const [m, k, n] = [size(rng), rng.pick([0, 1, 3, 4, 7, 16, 31, 64, 257]), size(rng)];
  const lead = rng.pick([
    [[], []],
    [[2], [2]],
    [[3], []],
    [[], [2]],
    [
      [2, 1],
      [1, 3],
    ],
    [[1], [4]],
  ]) as [number[], number[]];
  return [
    host(a, [...lead[0], ...(transA ? [k, m] : [m, k])], rng),
    host(b, [...lead[1], ...(transB ? [n, k] : [k, n])], rng),
  ];
}

describeOp<MatmulParams>({
  name: 'matmul',
  run: ([a, b], params) => matmul(a as Tensor, b as Tensor, params),
  reference: ([a, b], params, device) => {
    const integers = (a as HostTensor).dtype.endsWith('int8');
    const dtype = params.outputDType ?? (integers ? 'int32' : (a as HostTensor).dtype);
    const { shape, sums, magnitudes, k } = product(a as HostTensor, b as HostTensor, {
      transA: params.transA ?? false,
      transB: params.transB ?? false,
    });
    if (integers) return { shape, dtype, values: sums };
    const sum = dtype === 'float64' ? 'float64' : (params.compute ?? 'float32');
    const accumulate = sumsOn(device, sum as 'float32');
    const bounds = sums.map((y, i) => sumBound(y, magnitudes[i] as number, k, dtype, accumulate));
    return { shape, dtype, values: sums, bounds };
  },
  *cases(rng): Iterable<OpCase<MatmulParams>> {
    for (let i = 0; i < 360; i++) {
      const kind = KINDS[i % KINDS.length] as Kind;
      const params = pick(rng, kind);
      yield { inputs: matrices(rng, kind, params), params };
    }
    for (const [a, b] of [
      [[5], [5]],
      [[5], [5, 3]],
      [[5], [2, 5, 3]],
      [[4, 5], [5]],
      [[2, 4, 5], [5]],
      [[0], [0]],
      [[0], [0, 3]],
    ] as const) {
      for (const dtype of ['float32', 'float16', 'uint8'] as const) {
        yield { inputs: [host(dtype, a, rng), host(dtype, b, rng)], params: {} };
      }
    }
  },
  refuses: [
    {
      label: 'sizes that do not fit',
      code: 'ERR_SHAPE',
      message: 'matmul: a.shape[1] must equal b.shape[0], got a [4, 8] and b [16, 4]',
      run: (device) =>
        matmul(
          toDevice(host('float32', [4, 8], new Rng()), device),
          toDevice(host('float32', [16, 4], new Rng()), device),
        ),
    },
    {
      label: 'two dtypes',
      code: 'ERR_DTYPE',
      message: 'matmul: b must have the dtype of a, got a float32 and b float16',
      run: (device) =>
        matmul(
          toDevice(host('float32', [1, 1], [1]), device),
          toDevice(host('float16', [1, 1], [1]), device),
        ),
    },
    {
      label: 'float16 sums of float32',
      code: 'ERR_UNSUPPORTED',
      message: /compute 'float16' is not offered for float32: 'float32' and 'tf32' are/,
      run: (device) => {
        const x = toDevice(host('float32', [1, 1], [1]), device);
        return matmul(x, x, { compute: 'float16' });
      },
    },
  ],
});

describe('matmul on the cpu', () => {
  const first = async (t: Tensor) => (await t.data())[0];
  const float16 = (values: readonly number[]) => tensor(values, { dtype: 'float16' });

  it('sums float16 in the stated order, bit for bit', async () => {
    const rng = new Rng();
    for (let i = 0; i < 40; i++) {
      // Scale 300: overflow, infinity - infinity and subnormals all happen.
      const scale = rng.pick([1, 300, 2 ** -12]);
      const [m, k, n] = [rng.int(1, 14), rng.int(1, 300), rng.int(1, 40)];
      const a = host('float16', [m, k], rng, scale);
      const b = host('float16', [k, n], rng, scale);
      const y = matmul(toDevice(a, 'cpu'), toDevice(b, 'cpu'), { compute: 'float16' });
      const { shape, sums } = product(a, b, { chain: true });
      const expected = { shape, dtype: 'float16' as const, values: sums, signedZeros: true };
      const wrong = difference(await read(y), expected);
      if (wrong) throw new Error(`case ${i} (HALFTONE_TEST_SEED=${SEED}): ${wrong}`);
    }
  });

  it('stagnates and overflows in float16 sums only', async () => {
    const ones = float16(new Array(4096).fill(1));
    expect(await first(matmul(ones, ones))).toBe(4096);
    expect(await first(matmul(ones, ones, { compute: 'float16' }))).toBe(2048);
    const [big, pair] = [float16([65504, 65504]), float16([1, 1])];
    expect(await first(matmul(big, pair, { compute: 'float16' }))).toBe(Infinity);
    expect(await first(matmul(big, pair, { outputDType: 'float32' }))).toBe(131008);
  });

  it('says what ran', () => {
    const x = tensor([1, 2], { dtype: 'float16' });
    expect(explain(matmul(x, x, { compute: 'float16' }))).toMatchObject({
      kernel: expect.stringMatching(/^matmul_f16_/),
      storage: 'float16',
      multiply: 'float16',
      accumulate: 'float16',
      tensorCores: false,
    });
  });

  it('takes its default arithmetic from the environment, unless the call says more', async () => {
    const ones = float16(new Array(4096).fill(1));
    process.env['HALFTONE_FP16_MATMUL_USE_FP32_COMPUTE'] = '0';
    try {
      expect(await first(matmul(ones, ones))).toBe(2048);
      expect(await first(matmul(ones, ones, { compute: 'float32' }))).toBe(4096);
      expect(await first(matmul(ones, ones, { outputDType: 'float32' }))).toBe(4096);
    } finally {
      delete process.env['HALFTONE_FP16_MATMUL_USE_FP32_COMPUTE'];
    }
  });

  it('uses tf32 for float32 when the environment allows it', async () => {
    const tie = tensor([1 + 2 ** -11]); // half-way between two numbers of 10 fraction bits
    const one = tensor([1]);
    process.env['HALFTONE_ALLOW_TF32'] = '1';
    try {
      expect(await first(matmul(tie, one))).toBe(1 + 2 ** -10);
      expect(await first(matmul(tie, one, { compute: 'float32' }))).toBe(1 + 2 ** -11);
    } finally {
      delete process.env['HALFTONE_ALLOW_TF32'];
    }
    expect(await first(matmul(tie, one))).toBe(1 + 2 ** -11);
  });

  it('refuses an option it does not know', () => {
    const x = tensor([1, 2]);
    expectRefusal(() => matmul(x, x, { transa: true } as object), 'ERR_PARAM', 'transa');
  });
});

// Properties that hold whatever the sizes: whole numbers small enough that every sum is exact.
describe.each(DEVICES)('matmul properties on %s', (device) => {
  const sizes = fc.tuple(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 1, max: 40 }));
  const kinds = fc.constantFrom<DType>('float32', 'float16', 'int8');
  const matrix = (dtype: DType, rows: number, cols: number, rng: Rng) =>
    host(
      dtype,
      [rows, cols],
      Float64Array.from({ length: rows * cols }, () => rng.int(-3, 3)),
    );

  it('transposing both sides transposes the product', async () => {
    await fc.assert(
      fc.asyncProperty(kinds, sizes, sizes, fc.nat(), async (dtype, [m, k], [n], seed) => {
        const rng = new Rng(seed);
        const a = toDevice(matrix(dtype, m, k, rng), device);
        const b = toDevice(matrix(dtype, k, n, rng), device);
        const y = await matmul(a, b).data();
        const t = await matmul(b, a, { transA: true, transB: true }).data();
        for (let i = 0; i < m; i++)
          for (let j = 0; j < n; j++) expect(t[j * m + i]).toBe(y[i * n + j]);
      }),
      { numRuns: 40, seed: SEED },
    );
  });

  it('a batch is its matrices one by one', async () => {
    await fc.assert(
      fc.asyncProperty(kinds, sizes, sizes, fc.nat(), async (dtype, [m, k], [n], seed) => {
        const rng = new Rng(seed);
        const parts = [0, 1, 2].map(() => matrix(dtype, m, k, rng));
        const all = host(
          dtype,
          [3, m, k],
          parts.flatMap((part) => [...part.values]),
        );
        const b = toDevice(matrix(dtype, k, n, rng), device);
        const batch = Array.from(await matmul(toDevice(all, device), b).data(), Number);
        const single = [];
        for (const part of parts)
          single.push(...Array.from(await matmul(toDevice(part, device), b).data(), Number));
        expect(batch).toEqual(single);
      }),
      { numRuns: 30, seed: SEED },
    );
  });

  it('the identity changes nothing', async () => {
    await fc.assert(
      fc.asyncProperty(kinds, sizes, fc.nat(), async (dtype, [m, k], seed) => {
        const a = matrix(dtype, m, k, new Rng(seed));
        const one = host(
          dtype,
          [k, k],
          Float64Array.from({ length: k * k }, (_, i) => (i % (k + 1) === 0 ? 1 : 0)),
        );
        const y = await matmul(toDevice(a, device), toDevice(one, device)).data();
        expect(Array.from(y, (v) => Number(v) + 0)).toEqual(Array.from(a.values, (v) => v + 0));
      }),
      { numRuns: 30, seed: SEED },
    );
  });
});
