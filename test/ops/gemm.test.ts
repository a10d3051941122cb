import type { DType, GemmExParams, GemmInt8Params, HgemmParams } from '../../binding';
import { dot4, explain, gemmEx, gemmInt8, hgemm, type Tensor, tensor } from '../../lib';
import { difference } from '../support/compare';
import {
  describeOp,
  expectRefusal,
  type HostTensor,
  host,
  type OpCase,
  read,
  toDevice,
} from '../support/op-info';
import { broadcastTo, product } from '../support/product';
import { Rng, roundTo, SEED } from '../support/rng';
import { type Accumulation, roundingBound, sumBound, sumsOn } from '../support/tolerance';

const size = (rng: Rng) => rng.pick([0, 1, 2, 4, 7, 12, 13, 16, 33]);
const depth = (rng: Rng) => rng.pick([0, 1, 3, 4, 5, 16, 31, 130]);

/** a, b and sometimes c for a strided batch. */
function operands(
  rng: Rng,
  a: DType,
  b: DType,
  c: DType | undefined,
  { transA, transB }: { transA?: boolean; transB?: boolean },
): (HostTensor | undefined)[] {
  const [m, k, n] = [size(rng), depth(rng), size(rng)];
  const [aLead, bLead] = rng.pick([
    [[], []],
    [[3], [3]],
    [[2, 2], []],
    [[], [2]],
  ]) as [number[], number[]];
  const lead = aLead.length ? aLead : bLead;
  const shape = rng.pick([[...lead, m, n], [m, n], [n], [m, 1], []]);
  return [
    host(a, [...aLead, ...(transA ? [k, m] : [m, k])], rng),
    host(b, [...bLead, ...(transB ? [n, k] : [k, n])], rng),
    c && rng.int(0, 2) > 0 ? host(c, shape, rng) : undefined,
  ];
}

const transposes = (rng: Rng) => ({ transA: rng.int(0, 1) === 1, transB: rng.int(0, 1) === 1 });
const plain = (p: HgemmParams) => ({ transA: p.transA ?? false, transB: p.transB ?? false });

/** alpha * sums + beta * c in float64, with the bounds of the steps that round. */
function scaled(
  [a, b, c]: readonly (HostTensor | undefined)[],
  params: HgemmParams,
  dtype: DType,
  sum: Accumulation,
) {
  const { shape, sums, magnitudes, k } = product(a as HostTensor, b as HostTensor, plain(params));
  const step = sum === 'float16' ? 'float16' : 'float32';
  const [alpha, beta] = [params.alpha ?? 1, params.beta ?? 1].map((x) => roundTo(x, step)) as [
    number,
    number,
  ];
  const addend = c && beta !== 0 ? broadcastTo(c, shape) : undefined;
  const values = sums.map((y, i) => alpha * y + beta * (addend?.[i] ?? 0));
  const bounds = values.map((y, i) => {
    const scale = Math.abs(alpha);
    const inner = sumBound(
      alpha * (sums[i] as number),
      scale * (magnitudes[i] as number),
      k,
      step,
      sum,
    );
    return (
      inner +
      roundingBound(alpha * (sums[i] as number), step) +
      roundingBound(y, step) +
      roundingBound(y, dtype)
    );
  });
  return { shape, dtype, values, bounds };
}

describeOp<HgemmParams>({
  name: 'hgemm',
  run: ([a, b, c], params) => hgemm(a as Tensor, b as Tensor, { ...params, c }),
  reference: (inputs, params) => scaled(inputs, params, 'float16', 'float16'),
  *cases(rng): Iterable<OpCase<HgemmParams>> {
    for (let i = 0; i < 80; i++) {
      const factors = { ...transposes(rng), alpha: rng.pick([1, 0.5, -1.25]) };
      const inputs = operands(rng, 'float16', 'float16', 'float16', factors);
      yield { inputs, params: { ...factors, ...(inputs[2] && { beta: rng.pick([1, 0, 0.3]) }) } };
    }
  },
  refuses: [
    {
      label: 'other dtypes',
      code: 'ERR_DTYPE',
      message: 'hgemm: a must be float16, got float32; gemmEx takes other dtypes',
      run: (device) => {
        const x = toDevice(host('float32', [1, 1], [1]), device);
        return hgemm(x, x);
      },
    },
    {
      label: 'batches that differ',
      code: 'ERR_SHAPE',
      message: 'hgemm: a and b must have the same leading axes, or one of them none',
      run: (device) =>
        hgemm(
          toDevice(host('float16', [2, 1, 1], [1, 1]), device),
          toDevice(host('float16', [3, 1, 1], [1, 1, 1]), device),
        ),
    },
    {
      label: 'a c that does not fit',
      code: 'ERR_SHAPE',
      message: "hgemm: c must broadcast to the result's shape [1, 1], got c [2]",
      run: (device) => {
        const x = toDevice(host('float16', [1, 1], [1]), device);
        return hgemm(x, x, { c: toDevice(host('float16', [2], [1, 1]), device) });
      },
    },
  ],
});

describe('hgemm on the cpu', () => {
  it('applies alpha and beta in float16, bit for bit', async () => {
    const rng = new Rng();
    for (let i = 0; i < 40; i++) {
      const factors = { ...transposes(rng), alpha: 0.3 * rng.normal() };
      const inputs = operands(rng, 'float16', 'float16', 'float16', factors);
      const params = { ...factors, ...(inputs[2] && { beta: rng.normal() }) };
      const [a, b, c] = inputs as [HostTensor, HostTensor, HostTensor | undefined];
      const { shape, sums } = product(a, b, { ...plain(params), chain: true });
      const [alpha, beta] = [params.alpha, params.beta ?? 1].map((x) => roundTo(x, 'float16')) as [
        number,
        number,
      ];
      const addend = c && broadcastTo(c, shape);
      const values = sums.map((sum, j) => {
        const t = roundTo(alpha * sum, 'float16');
        return addend ? roundTo(beta * (addend[j] as number) + t, 'float16') : t;
      });
      const y = hgemm(toDevice(a, 'cpu'), toDevice(b, 'cpu'), {
        ...params,
        c: c && toDevice(c, 'cpu'),
      });
      const expected = { shape, dtype: 'float16' as const, values, signedZeros: true };
      const wrong = difference(await read(y), expected);
      if (wrong) throw new Error(`case ${i} (HALFTONE_TEST_SEED=${SEED}): ${wrong}`);
    }
  });
});

/** The table of cublasGemmEx. */
const TYPES: readonly (readonly [DType, GemmExParams['compute'], DType])[] = [
  ['float16', 'float32', 'float16'],
  ['float16', 'float32', 'float32'],
  ['float16', 'float16', 'float16'],
  ['bfloat16', 'float32', 'bfloat16'],
  ['bfloat16', 'float32', 'float32'],
  ['float32', 'float32', 'float32'],
  ['float32', 'tf32', 'float32'],
  ['int8', 'int32', 'int32'],
  ['int8', 'int32', 'float32'],
];

describeOp<GemmExParams>({
  name: 'gemmEx',
  run: ([a, b, c], params) => gemmEx(a as Tensor, b as Tensor, { ...params, c }),
  reference: (inputs, params, device) => {
    const dtype = params.outputDType as DType;
    if (params.compute !== 'int32')
      return scaled(inputs, params, dtype, sumsOn(device, params.compute as 'float32'));
    if (dtype === 'float32') return scaled(inputs, params, dtype, 'float32');
    const [a, b, c] = inputs as [HostTensor, HostTensor, HostTensor | undefined];
    const { shape, sums } = product(a, b, plain(params));
    const addend = c && params.beta !== 0 ? broadcastTo(c, shape) : undefined;
    const values = sums.map((y, i) =>
      Number(
        BigInt.asIntN(
          32,
          BigInt(params.alpha ?? 1) * BigInt(y) +
            BigInt(params.beta ?? 1) * BigInt(addend?.[i] ?? 0),
        ),
      ),
    );
    return { shape, dtype, values };
  },
  *cases(rng): Iterable<OpCase<GemmExParams>> {
    for (let i = 0; i < 180; i++) {
      const [input, compute, outputDType] = TYPES[i % TYPES.length] as (typeof TYPES)[number];
      const whole = outputDType === 'int32';
      const alpha = rng.pick(whole ? [1, -3, 100_000] : [1, 0.5, -1.3]);
      const beta = rng.pick(whole ? [1, 0, -7] : [1, 0, 0.3]);
      const factors = { ...transposes(rng), alpha, compute, outputDType };
      const inputs = operands(rng, input, input, outputDType, factors);
      yield { inputs, params: { ...factors, ...(inputs[2] && { beta }) } };
    }
  },
  refuses: [
    {
      label: 'uint8, which cublasGemmEx does not have',
      code: 'ERR_UNSUPPORTED',
      message:
        "gemmEx: a and b of uint8 are not in cublasGemmEx's table: float32, float16, bfloat16 and int8 are; gemmInt8 takes uint8",
      run: (device) => {
        const x = toDevice(host('uint8', [1, 1], [1]), device);
        return gemmEx(x, x);
      },
    },
    {
      label: 'int8 to float16',
      code: 'ERR_UNSUPPORTED',
      message: /outputDType 'float16' is not offered for int8 .*'int32' and 'float32' are/,
      run: (device) => {
        const x = toDevice(host('int8', [1, 1], [1]), device);
        return gemmEx(x, x, { outputDType: 'float16' });
      },
    },
    {
      label: 'a fraction as alpha of an int32 result',
      code: 'ERR_PARAM',
      message: 'gemmEx: alpha and beta must be whole numbers within int32',
      run: (device) => {
        const x = toDevice(host('int8', [1, 1], [1]), device);
        return gemmEx(x, x, { alpha: 0.5 });
      },
    },
  ],
});

const BYTES = ['int8', 'uint8'] as const;

describeOp<GemmInt8Params>({
  name: 'gemmInt8',
  run: ([a, b], params) => gemmInt8(a as Tensor, b as Tensor, params),
  reference: ([a, b], p) => {
    const { shape, sums } = product(a as HostTensor, b as HostTensor, {
      ...plain(p),
      aZeroPoint: Number(p.aZeroPoint ?? 0),
      bZeroPoint: Number(p.bZeroPoint ?? 0),
    });
    return { shape, dtype: 'int32', values: sums };
  },
  *cases(rng): Iterable<OpCase<GemmInt8Params>> {
    const zero = (dtype: DType) => (dtype === 'int8' ? rng.int(-128, 127) : rng.int(0, 255));
    for (let i = 0; i < 120; i++) {
      const [a, b] = [rng.pick(BYTES), rng.pick(BYTES)];
      const params = {
        ...transposes(rng),
        kernel: rng.pick(['auto', 'dp4a'] as const),
        ...(rng.int(0, 1) && { aZeroPoint: zero(a) }),
        ...(rng.int(0, 1) && { bZeroPoint: zero(b) }),
      };
      yield { inputs: operands(rng, a, b, undefined, params).slice(0, 2), params };
    }
  },
  refuses: [
    {
      label: 'floats',
      code: 'ERR_DTYPE',
      message: 'gemmInt8: a must be int8 or uint8, got float32',
      run: (device) => {
        const x = toDevice(host('float32', [1, 1], [1]), device);
        return gemmInt8(x, x);
      },
    },
    {
      label: 'a zero point outside the dtype',
      code: 'ERR_PARAM',
      message: 'gemmInt8: bZeroPoint must lie in [0, 255] for uint8, got -1',
      run: (device) => {
        const x = toDevice(host('uint8', [1, 1], [1]), device);
        return gemmInt8(x, x, { bZeroPoint: -1 });
      },
    },
  ],
});

describe('gemmInt8 on the cpu', () => {
  const x = tensor([1, 2], { shape: [1, 2], dtype: 'int8' });

  it('runs the kernel that was asked for', () => {
    expect(explain(gemmInt8(x, x, { transB: true, kernel: 'dp4a' })).kernel).toBe(
      'gemmInt8_dp4a_plain',
    );
    expect(explain(gemmInt8(x, x, { transB: true })).kernel).toMatch(/^gemmInt8_s8_/);
  });

  it('has no tensor cores and says so', () => {
    expectRefusal(
      () => gemmInt8(x, x, { transB: true, kernel: 'imma' }),
      'ERR_UNSUPPORTED',
      "gemmInt8: kernel 'imma' needs a GPU with integer tensor cores",
    );
  });
});

describeOp<object>({
  name: 'dot4',
  run: ([a, b, c]) => dot4(a as Tensor, b as Tensor, c),
  reference: (inputs) => {
    const [a, b, c] = inputs as [HostTensor, HostTensor, HostTensor | undefined];
    // Rows of four as stacks of [1, 4] and [4, 1] matrices.
    const stack = (t: HostTensor) => ({ ...t, shape: [...t.shape.slice(0, -1), 1, 4] });
    const { shape, sums } = product(stack(a), stack(b), { transB: true });
    const lead = shape.slice(0, -2);
    const addend = c && broadcastTo(c, lead);
    const values = sums.map((sum, i) =>
      Number(BigInt.asIntN(32, BigInt(sum) + BigInt(addend?.[i] ?? 0))),
    );
    return { shape: lead, dtype: 'int32', values };
  },
  *cases(rng): Iterable<OpCase<object>> {
    for (let i = 0; i < 60; i++) {
      const [aLead, bLead, cShape] = rng.pick([
        [[], [], []],
        [[7], [7], [7]],
        [[3, 1], [5], [5]],
        [
          [2, 3],
          [2, 3],
          [2, 1],
        ],
        [[0], [0], []],
      ]) as [number[], number[], number[]];
      yield {
        inputs: [
          host(rng.pick(BYTES), [...aLead, 4], rng),
          host(rng.pick(BYTES), [...bLead, 4], rng),
          rng.int(0, 1) ? host('int32', cShape, rng) : undefined,
        ],
        params: {},
      };
    }
  },
  refuses: [
    {
      label: 'rows of three',
      code: 'ERR_SHAPE',
      message: 'dot4: a must have 4 elements on its last axis, got [3]',
      run: (device) => {
        const x = toDevice(host('int8', [3], [1, 2, 3]), device);
        return dot4(x, x);
      },
    },
  ],
});
