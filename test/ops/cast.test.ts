import { readFileSync } from 'node:fs';
import { cast, explain, tensor } from '../../lib';
import {
  DTYPES,
  type DType,
  floatToBfloat16Bits,
  floatToHalfBits,
  iinfo,
  isFloatDType,
  isIntDType,
} from '../../lib/dtype';
import { describeWithData } from '../support/data';
import { COMPUTED_DTYPES, DEVICES, describeOp, type HostTensor, host } from '../support/op-info';
import { type Rng, roundTo } from '../support/rng';

interface CastCase {
  readonly to: DType;
  readonly saturate?: boolean;
}

/** What cast gives for one number, stated with BigInt and Math.fround instead of the kernel's arithmetic. */
function castOne(x: number, { to, saturate }: CastCase): number {
  if (to === 'bool') return x !== 0 ? 1 : 0;
  if (isFloatDType(to)) return roundTo(x, to);
  if (Number.isNaN(x)) return 0;
  // uint64 is the one type with numbers beyond int64.
  const [least, most] = [-(2n ** 63n), to === 'uint64' ? 2n ** 64n - 1n : 2n ** 63n - 1n];
  const whole = x >= Number(most) ? most : x <= -(2 ** 63) ? least : BigInt(Math.trunc(x));
  const { bits, min, max } = iinfo(to as 'int64');
  if (saturate) return Number(whole < min ? min : whole > max ? max : whole);
  const asN = DTYPES[to].kind === 'unsigned' ? BigInt.asUintN : BigInt.asIntN;
  return Number(asN(bits, whole));
}

const FLOATS = [
  ...[
    0, -0, 1, -1, 0.5, 1.5, -1.75, 2.5, 127, 128, -129, 200, 255, 256, 300.5, 32768, 65504, 65519,
  ],
  ...[
    65520,
    70000,
    -70000,
    2 ** -14,
    2 ** -24,
    2 ** -25,
    3 * 2 ** -26,
    2 ** -126,
    2 ** -133,
    2 ** -149,
  ],
  ...[2 ** 31, -(2 ** 31) - 512, 3e9, 2 ** 53, 2 ** 63, -(2 ** 63), 1e30, 1e300, 3.4e38],
  ...[Number.NaN, Infinity, -Infinity, 1 + 2 ** -11, 1 + 3 * 2 ** -11, 1 + 2 ** -8 + 2 ** -40],
];

function inputs(dtype: DType, rng: Rng): HostTensor {
  const random = rng.values(dtype, 100, 300);
  if (isFloatDType(dtype)) {
    const values = [...FLOATS.map((x) => roundTo(x, dtype)), ...random];
    return host(dtype, [values.length], values);
  }
  const is64 = dtype === 'int64' || dtype === 'uint64';
  const ends = isIntDType(dtype) && !is64 ? iinfo(dtype) : { min: 0, max: 1 };
  const values = [Number(ends.min), Number(ends.max), 0, 1, ...random];
  return host(dtype, [2, values.length / 2], values);
}

describeOp<CastCase>({
  name: 'cast',
  run: ([x], { to, ...options }) => cast(x as NonNullable<typeof x>, to, options),
  reference: ([x], params) => ({
    shape: (x as HostTensor).shape,
    dtype: params.to,
    values: Array.from((x as HostTensor).values, (v) => castOne(v, params)),
    signedZeros: isFloatDType((x as HostTensor).dtype) && isFloatDType(params.to),
  }),
  *cases(rng) {
    for (const from of COMPUTED_DTYPES) {
      for (const to of COMPUTED_DTYPES) {
        const x = inputs(from, rng);
        yield { inputs: [x], params: { to } };
        yield { inputs: [x], params: { to, saturate: true } };
        yield { inputs: [host(from, [2, 0], [])], params: { to } };
        yield { inputs: [host(from, [], [1])], params: { to } };
      }
    }
  },
  refuses: [
    {
      label: 'an unknown dtype',
      code: 'ERR_PARAM',
      message: 'cast: to must be a dtype (float32 float16 bfloat16',
      run: (device) => cast(tensor([1], { device }), 'int5' as 'int8'),
    },
    {
      label: 'an unknown option',
      code: 'ERR_PARAM',
      message: 'cast: unknown option "saturated", did you mean "saturate"?',
      run: (device) => cast(tensor([1], { device }), 'int8', { saturated: true } as object),
    },
    {
      label: 'what is no tensor',
      code: 'ERR_PARAM',
      message: 'cast: x must be a Tensor, got [ 1 ]',
      run: () => cast([1] as never, 'int8'),
    },
  ],
});

describe.each(DEVICES)('cast on %s', (device) => {
  test('int64 to bfloat16 is one rounding where float64 cannot hold the number', async () => {
    const tie = 2n ** 62n + 2n ** 54n;
    const x = tensor(new BigInt64Array([tie - 1n, tie, tie + 1n]), { device });
    expect(Array.from(await cast(x, 'bfloat16').asUint16())).toEqual([0x5e80, 0x5e80, 0x5e81]);
  });

  test('int64 keeps all bits', async () => {
    const x = tensor(new BigInt64Array([2n ** 63n - 1n, -(2n ** 63n), 2n ** 32n + 5n]), { device });
    expect(await cast(x, 'int64').data()).toEqual(
      new BigInt64Array([2n ** 63n - 1n, -(2n ** 63n), 2n ** 32n + 5n]),
    );
    expect(await cast(x, 'int32').data()).toEqual(new Int32Array([-1, 0, 5]));
  });

  test('uint64 keeps all bits, and is rounded once', async () => {
    const values = new BigUint64Array([2n ** 64n - 1n, 2n ** 63n + 2n ** 39n, 2n ** 53n + 1n]);
    const x = tensor(values, { device });
    expect(await cast(x, 'uint64').data()).toEqual(values);
    expect(await cast(x, 'float64').data()).toEqual(Float64Array.from(values, Number));
    // 2^63 + 2^39 lies half-way between two float32; what is above a tie of bfloat16 by one is rounded up.
    expect(await cast(x, 'float32').data()).toEqual(Float32Array.of(2 ** 64, 2 ** 63, 2 ** 53));
    const tie = 2n ** 63n + 2n ** 55n;
    const ties = tensor(new BigUint64Array([tie - 1n, tie, tie + 1n]), { device });
    expect(Array.from(await cast(ties, 'bfloat16').asUint16())).toEqual([0x5f00, 0x5f00, 0x5f01]);
    expect(await cast(x, 'int64', { saturate: true }).data()).toEqual(
      new BigInt64Array([2n ** 63n - 1n, 2n ** 63n - 1n, 2n ** 53n + 1n]),
    );
    const reals = tensor([2 ** 63, 2 ** 64, -1, Number.NaN], { device });
    expect(await cast(reals, 'uint64').data()).toEqual(
      new BigUint64Array([2n ** 63n, 2n ** 64n - 1n, 2n ** 64n - 1n, 0n]),
    );
    expect(await cast(reals, 'uint64', { saturate: true }).data()).toEqual(
      new BigUint64Array([2n ** 63n, 2n ** 64n - 1n, 0n, 0n]),
    );
  });

  test('says what ran', () => {
    const x = tensor([1, 2], { device });
    expect(explain(cast(x, 'float16'))).toMatchObject({ storage: 'float32', multiply: 'none' });
  });
});

/** The cases of quantized-ops.json that concern cast. */
interface CastVectors {
  readonly cases: readonly {
    readonly op: string;
    readonly to: 'float16' | 'bfloat16';
    readonly input_bits: readonly number[];
    readonly output_bits: readonly number[];
  }[];
}

describeWithData('cast gives the bits that TensorFlow gives', 'tf/quantized-ops.json', (file) => {
  const { cases } = JSON.parse(readFileSync(file, 'utf8')) as CastVectors;
  const casts = cases.filter(({ op }) => op === 'Cast');

  test('there are cases of both types', () => {
    expect(casts.map(({ to }) => to).sort()).toEqual(['bfloat16', 'float16']);
  });

  test.each(casts)('float32 to $to', async ({ to, input_bits, output_bits }) => {
    const x = tensor(new Float32Array(new Uint32Array(input_bits).buffer));
    expect(Array.from(await cast(x, to).asUint16())).toEqual(output_bits);
    const values = new Float32Array(new Uint32Array(input_bits).buffer);
    const toBits = to === 'float16' ? floatToHalfBits : floatToBfloat16Bits;
    expect(Array.from(values, toBits)).toEqual(output_bits);
  });
});
