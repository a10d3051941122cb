import * as halftone from '../../lib';
import {
  add,
  equal,
  explain,
  less,
  logicalAnd,
  mul,
  type Operand,
  promoteTypes,
  sub,
  type Tensor,
  tensor,
} from '../../lib';
import { DTYPES, type DType, isFloatDType, isIntDType } from '../../lib/dtype';
import { tensorsLeftBy } from '../support/gc';
import {
  COMPUTED_DTYPES,
  describeOp,
  expectRefusal,
  type HostTensor,
  host,
  type OpCase,
} from '../support/op-info';
import { type Rng, roundTo } from '../support/rng';
import { functionBound } from '../support/tolerance';

/** Where each element of `out` reads in a tensor of `shape`. */
function sources(shape: readonly number[], out: readonly number[]): number[] {
  const n = out.reduce((product, d) => product * d, 1);
  return Array.from({ length: n }, (_, i) => {
    let [rest, at, step] = [i, 0, 1];
    for (let k = out.length - 1; k >= 0; k--) {
      const size = out[k] as number;
      const own = shape[k - (out.length - shape.length)] ?? 1;
      if (own !== 1) at += (rest % size) * step;
      step *= own;
      rest = Math.floor(rest / size);
    }
    return at;
  });
}

const SHAPES: readonly (readonly [number[], number[], number[]])[] = [
  [[], [], []],
  [[0], [1], [0]],
  [[5], [], [5]],
  [
    [2, 3],
    [2, 3],
    [2, 3],
  ],
  [[4, 3], [3], [4, 3]],
  [
    [2, 1, 3],
    [4, 1],
    [2, 4, 3],
  ],
  [
    [1, 3, 1, 1],
    [2, 3, 4, 5],
    [2, 3, 4, 5],
  ],
];

function convert(x: number, dtype: DType): number {
  return isFloatDType(dtype) ? roundTo(x, dtype) : x;
}

function wrap(x: bigint, dtype: DType): number {
  const { size, kind } = DTYPES[dtype];
  return Number(kind === 'unsigned' ? BigInt.asUintN(size * 8, x) : BigInt.asIntN(size * 8, x));
}

interface Arithmetic {
  readonly float: (a: number, b: number) => number;
  readonly integer: (a: bigint, b: bigint) => bigint;
  readonly ulps?: (device: string) => number;
}

function integerPower(a: bigint, b: bigint): bigint {
  if (b >= 0n) return a ** (b % 64n); // the cases have small exponents
  return a === 1n ? 1n : a === -1n ? (b % 2n === 0n ? 1n : -1n) : 0n;
}

const ARITHMETIC: Readonly<Record<string, Arithmetic>> = {
  add: { float: (a, b) => a + b, integer: (a, b) => a + b },
  sub: { float: (a, b) => a - b, integer: (a, b) => a - b },
  mul: { float: (a, b) => a * b, integer: (a, b) => a * b },
  div: { float: (a, b) => a / b, integer: (a, b) => (b === 0n ? 0n : a / b) },
  fmod: { float: (a, b) => a % b, integer: (a, b) => (b === 0n ? a : a % b) },
  // BigInts are no matter of Math.min.
  min: { float: Math.min, integer: (a, b) => [a, b][Number(b < a)] as bigint },
  max: { float: Math.max, integer: (a, b) => [a, b][Number(b > a)] as bigint },
  pow: {
    // JavaScript alone has 1 ** NaN = NaN and 1 ** Infinity = NaN.
    float: (a, b) => (a === 1 || (a === -1 && Math.abs(b) === Infinity) ? 1 : a ** b),
    integer: integerPower,
    ulps: (device) => (device === 'cpu' ? 2 : 4), // the C library's pow, and CUDA's powf
  },
};

const COMPARISONS: Readonly<Record<string, (a: number, b: number) => boolean>> = {
  equal: (a, b) => a === b,
  notEqual: (a, b) => a !== b,
  less: (a, b) => a < b,
  lessEqual: (a, b) => a <= b,
  greater: (a, b) => a > b,
  greaterEqual: (a, b) => a >= b,
};

const functions = halftone as unknown as Record<string, (a: Operand, b: Operand) => Tensor>;
const SPECIAL = [0, -0, 1, -1, 2, NaN, Infinity, -Infinity, 65504, 2 ** -24];

function values(
  op: string,
  dtype: DType,
  shape: readonly number[],
  rng: Rng,
  second: boolean,
): HostTensor {
  if (dtype === 'bool') return host(dtype, shape, rng);
  const n = shape.reduce((product, d) => product * d, 1);
  if (op === 'pow' && second && isIntDType(dtype)) {
    const low = DTYPES[dtype].kind === 'signed' ? -3 : 0;
    return host(
      dtype,
      shape,
      Array.from({ length: n }, () => rng.int(low, 8)),
    );
  }
  return host(dtype, shape, rng, 20);
}

/** Whether a type holds both: none holds uint64 and a signed integer. */
const meet = (a: DType, b: DType) =>
  ![a, b].includes('uint64') || ![a, b].some((t) => DTYPES[t].kind === 'signed');

function* cases(op: string, rng: Rng, bools: boolean): Iterable<OpCase<object>> {
  for (const a of COMPUTED_DTYPES) {
    for (const b of COMPUTED_DTYPES) {
      if (!meet(a, b)) continue;
      const promoted = promoteTypes(a, b);
      if (promoted === 'bool' && !bools) continue;
      // An integer rounded to a float first: that is cast's business, and pow would amplify it.
      if (op === 'pow' && isFloatDType(promoted) && a !== b) continue;
      const [shapeA, shapeB] = rng.pick(SHAPES);
      yield {
        inputs: [values(op, a, shapeA, rng, false), values(op, b, shapeB, rng, true)],
        params: {},
      };
    }
  }
  for (const [shapeA, shapeB] of SHAPES) {
    yield { inputs: [host('float16', shapeA, rng), host('float16', shapeB, rng)], params: {} };
    yield { inputs: [host('float32', shapeB, rng), host('float32', shapeA, rng)], params: {} };
  }
  for (const dtype of ['float32', 'float16', 'bfloat16', 'float64'] as const) {
    const special = SPECIAL.map((x) => roundTo(x, dtype));
    const n = special.length;
    yield { inputs: [host(dtype, [n, 1], special), host(dtype, [n], special)], params: {} };
  }
}

function broadcastPairs(a: HostTensor, b: HostTensor) {
  const rank = Math.max(a.shape.length, b.shape.length);
  const shape = Array.from({ length: rank }, (_, i) => {
    const [da, db] = [a, b].map((t) => t.shape[i - rank + t.shape.length] ?? 1) as [number, number];
    return da === 1 ? db : da;
  });
  const dtype = promoteTypes(a.dtype, b.dtype);
  const [ia, ib] = [sources(a.shape, shape), sources(b.shape, shape)];
  const pairs = ia.map((at, i) => [
    convert(a.values[at] as number, dtype),
    convert(b.values[ib[i] as number] as number, dtype),
  ]) as [number, number][];
  return { shape, dtype, pairs };
}

for (const [name, { float, integer, ulps }] of Object.entries(ARITHMETIC)) {
  const apply = functions[name] as (a: Operand, b: Operand) => Tensor;
  describeOp<object>({
    name,
    run: ([a, b]) => apply(a as Tensor, b as Tensor),
    cases: (rng) => cases(name, rng, false),
    reference([a, b], _params, device) {
      const { shape, dtype, pairs } = broadcastPairs(a as HostTensor, b as HostTensor);
      if (!isFloatDType(dtype)) {
        const y = pairs.map(([u, v]) => wrap(integer(BigInt(u), BigInt(v)), dtype));
        return { shape, dtype, values: y };
      }
      const exact = pairs.map(([u, v]) => float(u, v));
      const rounded = exact.map((y) => roundTo(y, dtype));
      if (!ulps) return { shape, dtype, values: rounded, signedZeros: true };
      return {
        shape,
        dtype,
        values: exact.map((y, i) => (Number.isFinite(rounded[i]) ? y : (rounded[i] as number))),
        bounds: exact.map((y) => functionBound(y, dtype, ulps(device))),
      };
    },
    refuses: [
      {
        label: 'two bools',
        code: 'ERR_DTYPE',
        message: `${name}: a or b must be a number (float or integer), got bool and bool`,
        run: (device) => apply(tensor([true], { device }), tensor([true], { device })),
      },
      {
        label: 'uint64 and a signed integer',
        code: 'ERR_DTYPE',
        message: `${name}: a and b must have a type that holds both, got uint64 and int8; cast one of them first`,
        run: (device) =>
          apply(tensor([1n], { dtype: 'uint64', device }), tensor([1], { dtype: 'int8', device })),
      },
      {
        label: 'a type that is stored only',
        code: 'ERR_DTYPE',
        message: `${name}: b must be a type that can be computed in, got int4, which is stored, moved and cast only`,
        run: (device) =>
          apply(tensor([1], { device }), tensor(Buffer.of(1), { dtype: 'int4', device })),
      },
      {
        label: 'shapes that do not broadcast',
        code: 'ERR_SHAPE',
        message: `${name}: a and b must have equal sizes or 1 on each axis from the last, got a [2] and b [3]`,
        run: (device) => apply(tensor([1, 2], { device }), tensor([1, 2, 3], { device })),
      },
      {
        label: 'two numbers',
        code: 'ERR_PARAM',
        message: `${name}: a and b must be tensors, or one of them a number, got number and number`,
        run: () => apply(1, 2),
      },
    ],
  });
}

for (const [name, compare] of Object.entries(COMPARISONS)) {
  const apply = functions[name] as (a: Operand, b: Operand) => Tensor;
  describeOp<object>({
    name,
    run: ([a, b]) => apply(a as Tensor, b as Tensor),
    cases: (rng) => cases(name, rng, /equal$/i.test(name) && !/less|greater/.test(name)),
    reference([a, b]) {
      const { shape, pairs } = broadcastPairs(a as HostTensor, b as HostTensor);
      return { shape, dtype: 'bool', values: pairs.map(([u, v]) => Number(compare(u, v))) };
    },
  });
}

const LOGICAL: Readonly<Record<string, (a: number, b: number) => number>> = {
  logicalAnd: (a, b) => a & b,
  logicalOr: (a, b) => a | b,
  logicalXor: (a, b) => a ^ b,
};

for (const [name, combine] of Object.entries(LOGICAL)) {
  const apply = functions[name] as (a: Operand, b: Operand) => Tensor;
  describeOp<object>({
    name,
    run: ([a, b]) => apply(a as Tensor, b as Tensor),
    *cases(rng) {
      for (const [a, b] of SHAPES)
        yield { inputs: [host('bool', a, rng), host('bool', b, rng)], params: {} };
    },
    reference([a, b]) {
      const { shape, pairs } = broadcastPairs(a as HostTensor, b as HostTensor);
      return { shape, dtype: 'bool', values: pairs.map(([u, v]) => combine(u, v)) };
    },
    refuses: [
      {
        label: 'numbers',
        code: 'ERR_DTYPE',
        message: `${name}: a and b must be bool, got float32 and bool`,
        run: (device) => apply(tensor([1], { device }), tensor([true], { device })),
      },
    ],
  });
}

describe('a number beside a tensor', () => {
  it('takes its element type, on either side', async () => {
    const half = tensor([1, 2], { dtype: 'float16' });
    const y: Tensor<'float16'> = add(half, 0.1);
    expect(y.dtype).toBe('float16');
    expect([...(await y.data())]).toEqual([
      roundTo(1 + roundTo(0.1, 'float16'), 'float16'),
      2.099609375,
    ]);
    expect([...(await sub(1, half).data())]).toEqual([0, -1]);
    const bytes = tensor([250, 5], { dtype: 'uint8' });
    expect([...(await add(bytes, 10).data())]).toEqual([4, 15]);
    expect([...(await equal(tensor([true, false]), true).data())]).toEqual([1, 0]);
    expect([...(await logicalAnd(tensor([true, false]), 1).data())]).toEqual([1, 0]);
  });

  it('leaves no tensor behind', async () => {
    const x = tensor([1, 2], { dtype: 'int8' });
    const left = tensorsLeftBy(() => {
      less(x, 1).dispose();
      expect(() => add(x, 0.5)).toThrow();
    });
    expect(await left).toBe(0);
  });

  it('must exist in an integer type', () => {
    const x = tensor([1], { dtype: 'int8' });
    for (const [value, text] of [
      [0.5, '0.5'],
      [128, '128'],
      [NaN, 'NaN'],
      [Infinity, 'Infinity'],
    ] as const) {
      expectRefusal(
        () => mul(x, value),
        'ERR_PARAM',
        `mul: b must be a whole number in [-128, 127] beside a tensor of int8, got ${text}; cast the tensor first`,
      );
    }
    expectRefusal(
      () => equal(2, tensor([true])),
      'ERR_PARAM',
      'equal: a must be a whole number in [0, 1]',
    );
  });

  it('is not a tensor of a disposed one', () => {
    const x = tensor([1]);
    x.dispose();
    expectRefusal(() => add(x, 1), 'ERR_DISPOSED', 'add: the tensor [1] of float32 was disposed');
  });
});

it('says in which type it computed', () => {
  const y = mul(tensor([1], { dtype: 'float16' }), tensor([1], { dtype: 'int8' }));
  expect(explain(y)).toMatchObject({ kernel: 'mul_f16', storage: 'float16', multiply: 'float32' });
});
