import * as halftone from '../../lib';
import { clip, gelu, neg, relu, tensor } from '../../lib';
import type { ClipOptions, GeluOptions, Tensor } from '../../lib';
import type { DType } from '../../lib/dtype';
import { erf, erfc } from '../support/erf';
import { describeOp, type HostTensor, host, type OpCase, type OpInfo } from '../support/op-info';
import { type Rng, roundTo } from '../support/rng';
import { functionBound } from '../support/tolerance';

const FLOATS: readonly DType[] = ['float32', 'float16', 'bfloat16', 'float64'];
const SIGNED: readonly DType[] = ['int8', 'int16', 'int32', 'int64'];
const NUMBERS: readonly DType[] = [...SIGNED, 'uint8', 'uint16'];

const SPECIAL = [
  ...[0, -0, 1, -1, 0.5, -0.5, 1.5, 2.5, -2.5, 0.25, 7, -7, 20, -20, 1e-3],
  ...[65504, -65504, 2 ** -14, 2 ** -24, -(2 ** -24), 2 ** -133, 2 ** 23, 8388609, 3e38],
  ...[NaN, Infinity, -Infinity],
];

function input(dtype: DType, rng: Rng): HostTensor {
  if (NUMBERS.includes(dtype)) return host(dtype, [3, 33], rng);
  const values = [...SPECIAL.map((x) => roundTo(x, dtype)), ...rng.values(dtype, 200, 4)];
  return host(dtype, [values.length], values);
}

function* cases<P>(dtypes: readonly DType[], params: P, rng: Rng): Iterable<OpCase<P>> {
  for (const dtype of dtypes) {
    yield { inputs: [input(dtype, rng)], params };
    for (const shape of [[], [0, 3], [1, 1, 1]]) {
      yield { inputs: [host(dtype, shape, rng)], params };
    }
  }
}

/** `exact`: the float64 function; `ulps` of the compute type that the result may be off, 0: correctly rounded. */
function elementwise<P>(
  dtypes: readonly DType[],
  exact: (x: number, params: P, dtype: DType) => number,
  ulps: (x: number) => number = () => 0,
): Pick<OpInfo<P>, 'reference'> {
  return {
    reference([x], params) {
      const { dtype, shape, values } = x as HostTensor;
      const isFloat = !NUMBERS.includes(dtype) && dtypes.includes(dtype);
      const y = values.map((v) => exact(v, params, dtype));
      const rounded = isFloat ? y.map((v) => roundTo(v, dtype)) : y;
      const bounds = y.map((v, i) => {
        const allowed = ulps(values[i] as number);
        if (allowed === 0) return 0;
        // A factor x enlarges what underflow costs before it.
        return (
          functionBound(v, dtype, allowed) +
          Math.abs(values[i] as number) * functionBound(0, 'float32')
        );
      });
      const expected = y.map((v, i) =>
        bounds[i] === 0 || !Number.isFinite(rounded[i]) ? (rounded[i] as number) : v,
      );
      return { dtype, shape, values: expected, bounds, signedZeros: isFloat };
    },
  };
}

const wrap = (x: number, dtype: DType) =>
  SIGNED.includes(dtype) ? Number(BigInt.asIntN(Number(dtype.slice(3)), BigInt(x))) : x;

function roundEven(x: number): number {
  const nearest = Math.round(x);
  const even = Math.abs(x % 1) === 0.5 && nearest % 2 !== 0 ? nearest - 1 : nearest;
  return even === 0 ? Math.sign(x) * 0 : even;
}

interface Row {
  readonly name: string;
  readonly dtypes: readonly DType[];
  readonly exact: (x: number, params: object, dtype: DType) => number;
  readonly ulps?: number;
}

const ROWS: readonly Row[] = [
  { name: 'neg', dtypes: [...FLOATS, ...SIGNED], exact: (x, _, t) => wrap(-x, t) },
  { name: 'abs', dtypes: [...FLOATS, ...NUMBERS], exact: (x, _, t) => wrap(Math.abs(x), t) },
  { name: 'sqrt', dtypes: FLOATS, exact: Math.sqrt },
  { name: 'exp', dtypes: FLOATS, exact: Math.exp, ulps: 2 },
  { name: 'log', dtypes: FLOATS, exact: Math.log, ulps: 2 },
  { name: 'tanh', dtypes: FLOATS, exact: Math.tanh, ulps: 3 },
  { name: 'sigmoid', dtypes: FLOATS, exact: (x) => 1 / (1 + Math.exp(-x)), ulps: 4 },
  { name: 'relu', dtypes: [...FLOATS, ...NUMBERS], exact: (x) => Math.max(x, 0) },
  { name: 'erf', dtypes: FLOATS, exact: erf, ulps: 64 },
  { name: 'floor', dtypes: FLOATS, exact: Math.floor },
  { name: 'ceil', dtypes: FLOATS, exact: Math.ceil },
  { name: 'round', dtypes: FLOATS, exact: roundEven },
  { name: 'reciprocal', dtypes: FLOATS, exact: (x) => 1 / x },
  // The documented bounds, and 1 for JavaScript's own functions, which float64 is compared with.
  { name: 'sin', dtypes: FLOATS, exact: Math.sin, ulps: 3 },
  { name: 'cos', dtypes: FLOATS, exact: Math.cos, ulps: 3 },
  { name: 'tan', dtypes: FLOATS, exact: Math.tan, ulps: 5 },
  { name: 'asin', dtypes: FLOATS, exact: Math.asin, ulps: 3 },
  { name: 'acos', dtypes: FLOATS, exact: Math.acos, ulps: 3 },
  { name: 'atan', dtypes: FLOATS, exact: Math.atan, ulps: 3 },
  { name: 'sinh', dtypes: FLOATS, exact: Math.sinh, ulps: 4 },
  { name: 'cosh', dtypes: FLOATS, exact: Math.cosh, ulps: 3 },
  { name: 'asinh', dtypes: FLOATS, exact: Math.asinh, ulps: 4 },
  { name: 'acosh', dtypes: FLOATS, exact: Math.acosh, ulps: 5 },
  { name: 'atanh', dtypes: FLOATS, exact: Math.atanh, ulps: 4 },
  {
    name: 'sign',
    dtypes: [...FLOATS, ...NUMBERS],
    exact: (x) => (Number.isNaN(x) ? x : x > 0 ? 1 : x < 0 ? -1 : 0),
  },
];

const functions = halftone as unknown as Record<string, (x: Tensor) => Tensor>;

for (const { name, dtypes, exact, ulps } of ROWS) {
  const apply = functions[name] as (x: Tensor) => Tensor;
  describeOp<object>({
    name,
    run: ([x]) => apply(x as Tensor),
    cases: (rng) => cases(dtypes, {}, rng),
    ...elementwise<object>(dtypes, exact, () => ulps ?? 0),
    refuses: [
      {
        label: 'bool',
        code: 'ERR_DTYPE',
        message: `${name}: x must be a float`,
        run: (device) => apply(tensor([true], { device })),
      },
    ],
  });
}

/** The argument of exp in the tail is about x^2 / 2 or x^3 / 14: its rounding counts that often. */
const geluUlps = (x: number) => 8 + (x < 0 ? 2 * Math.min(x * x, 400) : 0);

describeOp<GeluOptions>({
  name: 'gelu',
  run: ([x], params) => gelu(x as Tensor, params),
  *cases(rng) {
    yield* cases(['float32', 'float16', 'bfloat16'], {}, rng);
    yield* cases(['float32', 'float16', 'bfloat16'], { approximate: 'tanh' }, rng);
  },
  ...elementwise<GeluOptions>(
    FLOATS,
    (x, { approximate }) =>
      approximate === 'tanh'
        ? x / (1 + Math.exp(-Math.sqrt(8 / Math.PI) * (x + 0.044715 * x ** 3)))
        : 0.5 * x * erfc(-x * Math.SQRT1_2),
    geluUlps,
  ),
  refuses: [
    {
      label: 'another approximation',
      code: 'ERR_PARAM',
      message: /^gelu: approximate/,
      run: (device) => gelu(tensor([1], { device }), { approximate: 'sigmoid' as 'tanh' }),
    },
  ],
});

describeOp<ClipOptions>({
  name: 'clip',
  run: ([x], params) => clip(x as Tensor, params),
  *cases(rng) {
    for (const params of [{}, { min: 0 }, { min: -0.1, max: 6 }, { min: 5, max: -2 }]) {
      yield* cases(FLOATS, params, rng);
    }
    yield* cases(NUMBERS, { min: 2.5, max: 100.5 }, rng);
    yield* cases(NUMBERS, { max: 1e30 }, rng);
  },
  ...elementwise<ClipOptions>(FLOATS, (x, { min = -Infinity, max = Infinity }, dtype) => {
    const isFloat = FLOATS.includes(dtype);
    const low = isFloat ? roundTo(min, dtype) : Math.ceil(min);
    const high = isFloat ? roundTo(max, dtype) : Math.floor(max);
    const raised = Math.max(x, low);
    return Math.min(raised, high);
  }),
  refuses: [
    {
      label: 'NaN bounds',
      code: 'ERR_PARAM',
      message: 'clip: min',
      run: (device) => clip(tensor([1], { device }), { min: NaN }),
    },
  ],
});

it('refuses unsigned integers where a sign is needed', () => {
  expect(() => neg(tensor([1], { dtype: 'uint8' }))).toThrow(
    'neg: x must be a float or a signed integer, got uint8',
  );
});

it('keeps the element type in TypeScript', () => {
  const y: Tensor<'float16'> = relu(tensor([1], { dtype: 'float16' }));
  expect(y.dtype).toBe('float16');
});
