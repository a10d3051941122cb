import {
  add,
  bitcast,
  cast,
  concat,
  dequantize,
  explain,
  quantize,
  slice,
  tensor,
  transpose,
  where,
} from '../../lib';
import {
  DTYPE_NAMES,
  type DType,
  isFloatDType,
  isStoredDType,
  type StoredDType,
} from '../../lib/dtype';
import { nearestStored, storedRange, storedValue } from '../../lib/stored';
import { formatTensor } from '../../lib/format';
import { COMPUTED_DTYPES, DEVICES, expectRefusal } from '../support/op-info';

const STORED = DTYPE_NAMES.filter(isStoredDType);
const NARROW_FLOATS = STORED.filter((dtype) => dtype.startsWith('float'));
const NARROW_INTEGERS = STORED.filter((dtype) => !dtype.startsWith('float'));

/** What a code stands for, by the fields of the specifications: sign, exponent, fraction. */
const FIELDS: Readonly<
  Record<string, readonly [exponent: number, fraction: number, bias: number]>
> = {
  float8e4m3fn: [4, 3, 7],
  float8e4m3fnuz: [4, 3, 8],
  float8e5m2: [5, 2, 15],
  float8e5m2fnuz: [5, 2, 16],
  float4e2m1: [2, 1, 1],
};

function meaning(code: number, dtype: StoredDType): number {
  if (dtype === 'float8e8m0') return code === 255 ? Number.NaN : 2 ** (code - 127);
  const [exponentBits, fractionBits, bias] = FIELDS[dtype] as readonly [number, number, number];
  const bits = code.toString(2).padStart(1 + exponentBits + fractionBits, '0');
  const sign = bits[0] === '1' ? -1 : 1;
  const exponent = Number.parseInt(bits.slice(1, 1 + exponentBits), 2);
  const fraction = Number.parseInt(bits.slice(1 + exponentBits), 2) / 2 ** fractionBits;
  const rest = bits.slice(1);
  if (dtype.endsWith('fnuz') && bits === '10000000') return Number.NaN;
  if (dtype === 'float8e4m3fn' && rest === '1111111') return Number.NaN;
  if (dtype === 'float8e5m2' && rest === '1111100') return sign * Infinity;
  if (dtype === 'float8e5m2' && rest.startsWith('11111')) return Number.NaN;
  return (
    sign * (exponent === 0 ? fraction * 2 ** (1 - bias) : (1 + fraction) * 2 ** (exponent - bias))
  );
}

const codesOf = (dtype: StoredDType) => {
  const { min, max } = storedRange(dtype);
  return Array.from({ length: max - min + 1 }, (_, i) => min + i);
};

describe.each(NARROW_FLOATS)('the codes of %s', (dtype) => {
  const codes = Uint8Array.from(codesOf(dtype));
  const values = Float32Array.from(codes, (code) => meaning(code, dtype));

  test('stand for what their fields say, in JavaScript and in native code', async () => {
    expect(Float32Array.from(codes, (code) => storedValue(code, dtype))).toEqual(values);
    const x = tensor(codes, { dtype });
    expect(x.dtype).toBe(dtype);
    expect(await x.data()).toEqual(values);
    expect(x.dataSync()).toEqual(values);
  });

  test('are their numbers own codes', async () => {
    const back = await bitcast(tensor(Array.from(values), { dtype }), dtype).data();
    expect(back).toEqual(values);
    const bits = dtype === 'float4e2m1' ? 'uint4' : 'uint8';
    const again = await bitcast(tensor(Array.from(values), { dtype }), bits).data();
    const same = Array.from(codes).filter((_, i) => !Number.isNaN(values[i]));
    expect(Array.from(again).filter((_, i) => !Number.isNaN(values[i]))).toEqual(same);
  });

  test('are printed with as few digits as tell them apart', () => {
    for (const value of values) {
      if (!Number.isFinite(value)) continue;
      expect(nearestStored(value, dtype)).toBe(value === 0 ? nearestStored(0, dtype) : value);
    }
    const shown = formatTensor([values[2] as number], [1], dtype);
    expect(nearestStored(Number.parseFloat(shown.slice(1)), dtype)).toBe(values[2]);
  });
});

/** What cast gives, out of the values of all codes: the nearest one, and of two the one with the even code. */
function castTo(x: number, dtype: StoredDType, saturate: boolean): number {
  const table = codesOf(dtype).map((code) => [code, meaning(code, dtype)] as const);
  const finite = table.filter(([, v]) => Number.isFinite(v) && (Object.is(v, 0) || v > 0));
  const largest = Math.max(...finite.map(([, v]) => v));
  const step = largest - Math.max(...finite.map(([, v]) => v).filter((v) => v < largest));
  const beyond = [
    (finite.find(([, v]) => v === largest) as readonly [number, number])[0] + 1,
    largest + step,
  ] as const;
  if (Number.isNaN(x)) return dtype === 'float4e2m1' ? -0 : x;
  const magnitude = Math.min(Math.abs(x), 2 * largest);
  const [, best] = [...finite, beyond].reduce((a, b) => {
    const [da, db] = [Math.abs(a[1] - magnitude), Math.abs(b[1] - magnitude)];
    return db < da || (db === da && b[0] % 2 === 0) ? b : a;
  });
  const sign = x < 0 || Object.is(x, -0) ? -1 : 1;
  if (best > largest) {
    if (saturate || dtype === 'float4e2m1') return sign * largest;
    return dtype === 'float8e5m2' ? sign * Infinity : Number.NaN;
  }
  return best === 0 && dtype.endsWith('fnuz') ? 0 : sign * best;
}

const PROBES = [
  ...[0, -0, 1, -1.0625, 1.125, 0.3, -6.5, 5, 7, 15, 100, 240, 247, 248, 249, 448, 463, 464, 465],
  ...[-57344, 61439, 61440, 61441, 1e6, -1e30, 2 ** -7, 2 ** -10, 3 * 2 ** -11, 2 ** -18, 1e-30],
  ...[Number.NaN, Infinity, -Infinity],
];

describe.each(DEVICES)('casts of stored types on %s', (device) => {
  test('to a float: nearest even, from every type that has the number', async () => {
    for (const to of NARROW_FLOATS.filter((dtype) => dtype !== 'float8e8m0')) {
      for (const from of ['float32', 'float64', 'float16', 'bfloat16'] as const) {
        const x = tensor(PROBES, { dtype: from, device });
        const given = Array.from(await x.data());
        for (const saturate of [false, true]) {
          const y = cast(x, to, { saturate });
          expect(Array.from(await y.data())).toEqual(given.map((v) => castTo(v, to, saturate)));
        }
      }
      for (const from of ['int8', 'uint8', 'int32', 'uint32', 'int64', 'uint64', 'bool'] as const) {
        const numbers = from === 'bool' ? [0, 1] : [0, 1, 3, 5, 27, 99, 127];
        const y = cast(cast(tensor(numbers, { device }), from), to);
        expect(Array.from(await y.data())).toEqual(numbers.map((v) => castTo(v, to, false)));
      }
    }
  });

  test('from float64 and int64 are one rounding', async () => {
    // A bit above a tie that float32 does not have: 17 lies between 16 and 18 of float8e4m3fn.
    const x = tensor([17 + 2 ** -40, 17, 17 - 2 ** -40], { dtype: 'float64', device });
    expect(Array.from(await cast(x, 'float8e4m3fn').data())).toEqual([18, 16, 16]);
    const big = 2n ** 14n + 2n ** 11n; // between 2^14 and 1.25 * 2^14 of float8e5m2
    const whole = tensor(new BigInt64Array([big, big + 1n]), { device });
    expect(Array.from(await cast(whole, 'float8e5m2').data())).toEqual([2 ** 14, 1.25 * 2 ** 14]);
  });

  test('to float8e8m0: a power of two, as asked', async () => {
    const x = tensor([1, 1.25, 1.5, 3, 0, 2 ** -140, Infinity, -1], { device });
    const powers = (powerRounding: 'up' | 'down' | 'nearest', saturate: boolean) =>
      cast(x, 'float8e8m0', { powerRounding, saturate }).data();
    const [least, most] = [2 ** -127, 2 ** 127];
    expect(Array.from(await powers('up', true))).toEqual([1, 2, 2, 4, least, least, most, NaN]);
    expect(Array.from(await powers('up', false))).toEqual([1, 2, 2, 4, NaN, least, NaN, NaN]);
    expect(Array.from(await powers('down', true))).toEqual([1, 1, 1, 2, least, least, most, NaN]);
    expect(Array.from(await powers('nearest', false))).toEqual([1, 1, 2, 4, NaN, NaN, NaN, NaN]);
  });

  test('to narrow integers: modulo 2^bits, or clamped', async () => {
    const numbers = [-300, -9, -8.9, -3, -1.5, 0, 1.9, 2, 7, 8, 15, 16.5, 200, Number.NaN];
    for (const to of NARROW_INTEGERS) {
      const { min, max } = storedRange(to);
      const wrapped = (v: number) => {
        const n = Number.isNaN(v) ? 0 : Math.trunc(v);
        return ((((n - min) % (max - min + 1)) + (max - min + 1)) % (max - min + 1)) + min;
      };
      const clamped = (v: number) =>
        Number.isNaN(v) ? 0 : Math.min(Math.max(Math.trunc(v), min), max);
      for (const from of ['float32', 'float16', 'float64'] as const) {
        const x = tensor(numbers, { dtype: from, device });
        const given = Array.from(await x.data());
        expect(Array.from(await cast(x, to).data())).toEqual(given.map((v) => wrapped(v) + 0));
        expect(Array.from(await cast(x, to, { saturate: true }).data())).toEqual(
          given.map((v) => clamped(v) + 0),
        );
      }
      const whole = numbers.filter(Number.isInteger);
      const x = cast(tensor(whole, { device }), 'int32');
      expect(Array.from(await cast(x, to).data())).toEqual(whole.map((v) => wrapped(v) + 0));
    }
  });

  test('between any two types go through the number', async () => {
    for (const from of STORED) {
      const codes = codesOf(from);
      const x = tensor(Buffer.from(codes), { dtype: from, device });
      const values = Array.from(await x.data());
      for (const to of COMPUTED_DTYPES) {
        const expected = await cast(tensor(values, { dtype: 'float64', device }), to).data();
        expect(await cast(x, to).data()).toEqual(expected);
      }
      for (const to of STORED) {
        const expected = await cast(tensor(values, { dtype: 'float64', device }), to).data();
        if (to !== from) expect(await cast(x, to).data()).toEqual(expected);
        else expect(Array.from(await cast(x, to).data())).toEqual(values);
      }
      expect(cast(tensor([], { dtype: from, shape: [0, 3], device }), 'float32').shape).toEqual([
        0, 3,
      ]);
    }
  });

  test('say what ran', () => {
    const y = cast(tensor([1], { device }), 'float8e8m0', { saturate: true });
    expect(explain(y)).toMatchObject({ kernel: 'cast_f32_f8e8m0_up_saturate', storage: 'float32' });
  });
});

describe.each(DEVICES)('bitcast on %s', (device) => {
  test('keeps the bits', async () => {
    const x = tensor(new Float32Array([1, -0]), { device });
    expect(await bitcast(x, 'uint32').data()).toEqual(new Uint32Array([0x3f800000, 0x80000000]));
    expect(await bitcast(bitcast(x, 'int32'), 'float32').data()).toEqual(new Float32Array([1, -0]));
    const four = tensor([-8, -1, 7], { dtype: 'int4', device });
    expect(await bitcast(four, 'uint4').data()).toEqual(new Uint8Array([8, 15, 7]));
    expect(await bitcast(bitcast(four, 'float4e2m1'), 'int4').data()).toEqual(
      Int8Array.of(-8, -1, 7),
    );
    expect(Array.from(await bitcast(four, 'float4e2m1').data())).toEqual([-0, -6, 6]);
    expect(bitcast(tensor([], { dtype: 'int4', device }), 'uint4').shape).toEqual([0]);
  });

  test('refuses other sizes, and bool', () => {
    const x = tensor([1], { device });
    expectRefusal(
      () => bitcast(x, 'int16'),
      'ERR_DTYPE',
      'bitcast: to must have as many bits as x, got int16 (16) and float32 (32)',
    );
    const code = tensor([1], { dtype: 'int4', device });
    expectRefusal(() => bitcast(code, 'int8'), 'ERR_DTYPE', 'got int8 (8) and int4 (4)');
    const byte = tensor([1], { dtype: 'uint8', device });
    expectRefusal(
      () => bitcast(byte, 'bool'),
      'ERR_DTYPE',
      'to must not be bool, whose bits are 0 or 1',
    );
    expectRefusal(() => bitcast(x, 'int5' as DType), 'ERR_PARAM', 'bitcast: to must be a dtype');
  });
});

describe.each(DEVICES)('elements of stored types on %s', (device) => {
  test.each(STORED)('%s are moved as they are', async (dtype) => {
    const codes = codesOf(dtype).slice(0, 4);
    const x = tensor(Buffer.from(codes), { dtype, shape: [2, 2], device });
    const [a, b, c, d] = Array.from(await x.data());
    const read = async (y: typeof x) => [y.dtype, Array.from(await y.data())];
    expect(await read(transpose(x))).toEqual([dtype, [a, c, b, d]]);
    expect(await read(slice(x, { starts: [1], ends: [2] }))).toEqual([dtype, [c, d]]);
    expect(await read(concat([x, x], { axis: 1 }))).toEqual([dtype, [a, b, a, b, c, d, c, d]]);
    expect(await read(x.reshape([4]))).toEqual([dtype, [a, b, c, d]]);
    const condition = tensor([true, false], { device });
    expect(await read(where(condition, x, x.reshape([2, 2])))).toEqual([dtype, [a, b, c, d]]);
  });

  test.each(STORED)('%s are not computed in', (dtype) => {
    const x = tensor(Buffer.from([1]), { dtype, device });
    expectRefusal(
      () => add(x, x),
      'ERR_DTYPE',
      `add: a must be a type that can be computed in, got ${dtype}, which is stored, moved and cast only`,
    );
  });
});

describe('tensor() of stored types', () => {
  test('takes numbers that the type has', async () => {
    expect(await tensor([-8, 7], { dtype: 'int4' }).data()).toEqual(Int8Array.of(-8, 7));
    expect(await tensor([[3, 0]], { dtype: 'uint2' }).data()).toEqual(Uint8Array.of(3, 0));
    expect(await tensor([0.3, 500], { dtype: 'float8e5m2' }).data()).toEqual(
      Float32Array.of(0.3125, 512),
    );
    expect(tensor([1, 2, 3], { dtype: 'int4' }).byteLength).toBe(3);
    expect(() => tensor([8], { dtype: 'int4' })).toThrow(
      'data[0] must be a whole number in [-8, 7] for int4, got 8',
    );
    expect(() => tensor([0.5], { dtype: 'uint2' })).toThrow(
      'data[0] must be a whole number in [0, 3] for uint2, got 0.5',
    );
  });

  test('takes codes that the type has', async () => {
    expect(await tensor(Uint8Array.of(0x7e), { dtype: 'float8e4m3fn' }).data()).toEqual(
      Float32Array.of(448),
    );
    expect(await tensor(Buffer.of(0xff, 7), { dtype: 'int4' }).data()).toEqual(Int8Array.of(-1, 7));
    expect(() => tensor(Buffer.of(0x0f), { dtype: 'int4' })).toThrow(
      'data[0] must be a code in [-8, 7] for int4, got 15',
    );
    expect(() => tensor(Uint8Array.of(16), { dtype: 'float4e2m1' })).toThrow(
      'data[0] must be a code in [0, 15] for float4e2m1, got 16',
    );
    expect(await tensor(Int8Array.of(9, -1), { dtype: 'int4' }).data()).toEqual(
      Int8Array.of(-7, -1),
    );
  });
});

describe.each(DEVICES)('quantize to stored types on %s', (device) => {
  test('narrow floats: the quotient is rounded as cast does', async () => {
    const values = PROBES.filter((v) => !Number.isNaN(v));
    const x = tensor(values, { device });
    for (const dtype of NARROW_FLOATS.filter((d) => d !== 'float8e8m0') as Exclude<
      StoredDType,
      'float8e8m0'
    >[]) {
      for (const saturate of [false, true]) {
        const q = quantize(x, { scale: 2, dtype, saturate });
        expect(q.dtype).toBe(dtype);
        const expected = values.map((v) =>
          castTo(Math.fround(Math.fround(v) / 2), dtype, saturate),
        );
        expect(Array.from(await q.data())).toEqual(expected);
        expect(Array.from(await dequantize(q).data())).toEqual(expected.map((v) => 2 * v));
      }
    }
  });

  test('narrow integers, with a zero point, per axis', async () => {
    const x = tensor(
      [
        [-5, 1.5, 0.5],
        [100, -100, 3],
      ],
      { device },
    );
    const q = quantize(x, { scale: [1, 10], zeroPoint: [2, -1], axis: 0, dtype: 'int4' });
    expect(Array.from(await q.data())).toEqual([-3, 4, 2, 7, -8, -1]);
    expect(Array.from(await dequantize(q).data())).toEqual([-5, 2, 0, 80, -70, 0]);
    const u = quantize(x, { scale: 1, zeroPoint: 1, dtype: 'uint2' });
    expect(Array.from(await u.data())).toEqual([0, 3, 1, 3, 0, 3]);
    const n = quantize(x, { scale: 1, dtype: 'int2', narrowRange: true });
    expect(Array.from(await n.data())).toEqual([-1, 1, 0, 1, -1, 1]);
  });

  test('in blocks along the last axis', async () => {
    const x = tensor(
      [
        [1, 2, 3, 4],
        [5, 6, 7, 8],
      ],
      { device },
    );
    const scale = tensor(
      [
        [1, 2],
        [5, 0.5],
      ],
      { device },
    );
    const q = quantize(x, { scale, axis: 1, blockSize: 2, dtype: 'int8' });
    expect(Array.from(await q.data())).toEqual([1, 2, 2, 2, 1, 1, 14, 16]);
    expect(Array.from(await dequantize(q).data())).toEqual([1, 2, 4, 4, 5, 5, 7, 8]);
    expect(explain(q).kernel).toMatch(/^quantize_f32_s8_blocked/);
    const halves = dequantize(q, { dtype: 'float16' });
    expect(Array.from(await halves.data())).toEqual([1, 2, 4, 4, 5, 5, 7, 8]);
  });

  test('refuses what has no meaning', () => {
    const x = tensor([[1, 2, 3, 4]], { device });
    const scale = tensor([1, 2], { device });
    expectRefusal(
      () => quantize(x, { scale, axis: 1, blockSize: 2 }),
      'ERR_SHAPE',
      'quantize: scale.shape must be [1, 2], one for each block of 2 along axis 1, got scale [2] and x [1, 4]',
    );
    expectRefusal(
      () => quantize(x, { scale, blockSize: 2 }),
      'ERR_PARAM',
      'quantize: axis must be given with blockSize 2, got null',
    );
    expectRefusal(
      () => quantize(x, { scale: 1, dtype: 'float8e8m0' as never }),
      'ERR_DTYPE',
      'float8 (not e8m0) or float4e2m1, got float8e8m0',
    );
    expectRefusal(
      () => quantize(x, { scale: 1, dtype: 'float8e5m2', rounding: 'half-away' }),
      'ERR_PARAM',
      "rounding must be 'half-even' and narrowRange false for float8e5m2, got half-away and false",
    );
    expectRefusal(
      () => quantize(x, { scale: 1, zeroPoint: 8, dtype: 'int4' }),
      'ERR_PARAM',
      'zeroPoint must be a whole number in [-8, 7] for int4, got 8',
    );
  });
});

test.each(DEVICES)(
  'blocks along other axes, and with a shorter last one, on %s',
  async (device) => {
    const x = tensor([1, 2, 3, 4, 5, 6], { shape: [3, 2], device });
    const scale = tensor([1, 2, 0.5, 0.25], { shape: [2, 2], device });
    const blocks = { scale, axis: 0, blockSize: 2 };
    const q = quantize(x, { ...blocks, dtype: 'int8' });
    expect(Array.from(await q.data())).toEqual([1, 1, 3, 2, 10, 24]);
    expect(Array.from(await dequantize(q).data())).toEqual([1, 2, 3, 4, 5, 6]);
    const float = quantize(x, { ...blocks, dtype: 'float8e4m3fn' });
    expect(Array.from(await float.data())).toEqual([1, 1, 3, 2, 10, 24]);
    const zeroPoint = tensor([1, 0, 0, -1], { shape: [2, 2], dtype: 'int4', device });
    const four = quantize(x, { ...blocks, dtype: 'int4', zeroPoint });
    expect(Array.from(await four.data())).toEqual([2, 1, 4, 2, 7, 7]);
    const odd = tensor([1, 2, 3, 4, 5, 6], { shape: [2, 3], device });
    const steps = tensor([1, 0.5, 2, 1], { shape: [2, 2], device });
    const last = quantize(odd, { scale: steps, axis: -1, blockSize: 2 });
    expect(Array.from(await last.data())).toEqual([1, 2, 6, 2, 2, 6]);
    expect(Array.from(await dequantize(last).data())).toEqual([1, 2, 3, 4, 4, 6]);
  },
);

test('isFloatDType and iinfo are of types that are computed in', () => {
  expect(NARROW_FLOATS.some((dtype) => isFloatDType(dtype))).toBe(false);
});
