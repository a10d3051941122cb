import {
  ARRAY_TYPES,
  bfloat16BitsToFloat,
  DTYPE_NAMES,
  DTYPES,
  type DType,
  finfo,
  floatToBfloat16Bits,
  floatToHalfBits,
  halfBitsToFloat,
  iinfo,
  isDType,
  isFloatDType,
  isIntDType,
  isStoredDType,
  promoteTypes,
} from '../../lib/dtype';

describe('DTYPES', () => {
  test('the order and the sizes are those of the native enum', () => {
    expect(
      DTYPE_NAMES.map((name) => `${name} ${DTYPES[name].shortName} ${DTYPES[name].size}`),
    ).toEqual([
      'float32 f32 4',
      'float16 f16 2',
      'bfloat16 bf16 2',
      'int8 s8 1',
      'uint8 u8 1',
      'int16 s16 2',
      'uint16 u16 2',
      'int32 s32 4',
      'int64 s64 8',
      'bool b8 1',
      'float64 f64 8',
      'uint32 u32 4',
      'uint64 u64 8',
      'float8e4m3fn f8e4m3fn 1',
      'float8e4m3fnuz f8e4m3fnuz 1',
      'float8e5m2 f8e5m2 1',
      'float8e5m2fnuz f8e5m2fnuz 1',
      'float8e8m0 f8e8m0 1',
      'float4e2m1 f4e2m1 1',
      'int4 s4 1',
      'uint4 u4 1',
      'int2 s2 1',
      'uint2 u2 1',
    ]);
    DTYPE_NAMES.forEach((name, i) => {
      expect(DTYPES[name].index).toBe(i);
      expect(ARRAY_TYPES[name].BYTES_PER_ELEMENT).toBe(DTYPES[name].size);
    });
  });

  test('isDType knows names only', () => {
    for (const name of DTYPE_NAMES) expect(isDType(name)).toBe(true);
    for (const other of ['f32', 'Float32', 'toString', '', 0, null, undefined]) {
      expect(isDType(other)).toBe(false);
    }
  });

  test('a dtype is a float, an integer, bool or stored', () => {
    expect(DTYPE_NAMES.filter(isFloatDType)).toEqual(['float32', 'float16', 'bfloat16', 'float64']);
    const others = DTYPE_NAMES.filter((name) => !isFloatDType(name) && !isIntDType(name));
    expect(others.filter((name) => !isStoredDType(name))).toEqual(['bool']);
    expect(others).toHaveLength(11);
  });
});

/** An independent statement of "holds": the numbers of `a` are numbers of `b`, for integers and floats apart. */
function holds(b: DType, a: DType): boolean {
  if (a === b || a === 'bool') return true;
  if (b === 'bool') return false;
  if (isFloatDType(a) && isFloatDType(b)) {
    return finfo(b).nmant >= finfo(a).nmant && finfo(b).maxexp >= finfo(a).maxexp;
  }
  if (isIntDType(a) && isIntDType(b)) {
    const [x, y]: [ReturnType<typeof iinfo>, ReturnType<typeof iinfo>] = [
      iinfo(a as 'int64'),
      iinfo(b as 'int64'),
    ];
    return y.min <= x.min && y.max >= x.max;
  }
  return isIntDType(a) && isFloatDType(b);
}

describe('promoteTypes', () => {
  test.each([
    ['int8', 'uint8', 'int16'],
    ['int8', 'uint16', 'int32'],
    ['int16', 'uint8', 'int16'],
    ['int16', 'uint16', 'int32'],
    ['uint8', 'uint16', 'uint16'],
    ['int64', 'uint16', 'int64'],
    ['int32', 'uint32', 'int64'],
    ['uint32', 'uint64', 'uint64'],
    ['uint64', 'float16', 'float16'],
    ['float16', 'bfloat16', 'float32'],
    ['float16', 'float64', 'float64'],
    ['int64', 'float16', 'float16'],
    ['bool', 'int8', 'int8'],
    ['bool', 'bool', 'bool'],
  ] as const)('%s with %s gives %s', (a, b, expected) => {
    expect(promoteTypes(a, b)).toBe(expected);
    expect(promoteTypes(b, a)).toBe(expected);
  });

  const computed = DTYPE_NAMES.filter((name) => !isStoredDType(name));
  const refused = (a: DType, b: DType) =>
    a !== b &&
    (isStoredDType(a) ||
      isStoredDType(b) ||
      ([a, b].includes('uint64') && [a, b].some((t) => DTYPES[t].kind === 'signed')));

  test('refuses pairs that nothing holds', () => {
    for (const a of DTYPE_NAMES) {
      for (const b of DTYPE_NAMES) {
        if (refused(a, b)) expect(() => promoteTypes(a, b)).toThrow(/holds both, got/);
      }
    }
    expect(promoteTypes('int4', 'int4')).toBe('int4');
  });

  test('gives the smallest type that holds both, for all other pairs', () => {
    for (const a of computed) {
      for (const b of computed) {
        if (refused(a, b)) continue;
        const result = promoteTypes(a, b);
        expect([a, b, holds(result, a) && holds(result, b)]).toEqual([a, b, true]);
        for (const other of computed) {
          if (!holds(other, a) || !holds(other, b)) continue;
          // No smaller one would do, unless it is a float where integers suffice.
          if (isFloatDType(other) && !isFloatDType(a) && !isFloatDType(b)) continue;
          expect([a, b, other, DTYPES[other].size >= DTYPES[result].size]).toEqual([
            a,
            b,
            other,
            true,
          ]);
        }
      }
    }
  });
});

describe('finfo', () => {
  // Values of numpy.finfo and, for bfloat16, of ml_dtypes.finfo.
  test('float16', () => {
    expect(finfo('float16')).toEqual({
      dtype: 'float16',
      bits: 16,
      eps: 0.0009765625,
      epsneg: 0.00048828125,
      max: 65504,
      min: -65504,
      tiny: 6.103515625e-5,
      smallestNormal: 6.103515625e-5,
      smallestSubnormal: 5.9604644775390625e-8,
      precision: 3,
      resolution: 0.001,
      machep: -10,
      negep: -11,
      minexp: -14,
      maxexp: 16,
      nexp: 5,
      nmant: 10,
    });
  });

  test('bfloat16', () => {
    expect(finfo('bfloat16')).toMatchObject({
      bits: 16,
      eps: 0.0078125,
      epsneg: 0.00390625,
      max: 3.3895313892515355e38,
      smallestNormal: 1.1754943508222875e-38,
      smallestSubnormal: 2 ** -133,
      precision: 2,
      resolution: 0.01,
    });
  });

  test('float32 and float64', () => {
    expect(finfo('float32')).toMatchObject({
      bits: 32,
      eps: 2 ** -23,
      max: 3.4028234663852886e38,
      smallestNormal: 1.1754943508222875e-38,
      smallestSubnormal: 1.401298464324817e-45,
      precision: 6,
      resolution: 1e-6,
    });
    expect(finfo('float64')).toMatchObject({
      bits: 64,
      eps: Number.EPSILON,
      max: Number.MAX_VALUE,
      smallestSubnormal: Number.MIN_VALUE,
      precision: 15,
      resolution: 1e-15,
    });
  });

  test('refuses a type that is no float, by name', () => {
    expect(() => finfo('int8' as 'float32')).toThrow(
      /^finfo: dtype must be one of float32, .*, got int8$/,
    );
  });
});

describe('iinfo', () => {
  test.each([
    ['int8', 8, -128, 127],
    ['uint8', 8, 0, 255],
    ['int16', 16, -32768, 32767],
    ['uint16', 16, 0, 65535],
    ['int32', 32, -2147483648, 2147483647],
  ] as const)('%s', (dtype, bits, min, max) => {
    expect(iinfo(dtype)).toEqual({ dtype, bits, min, max });
  });

  test('int64 has bigint limits', () => {
    expect(iinfo('int64')).toEqual({
      dtype: 'int64',
      bits: 64,
      min: -9223372036854775808n,
      max: 9223372036854775807n,
    });
  });

  test('refuses a type that is no integer, by name', () => {
    expect(() => iinfo('bool' as 'int8')).toThrow(
      /^iinfo: dtype must be one of int8, .*, got bool$/,
    );
  });
});

/** The float64 beside x, up (1) or down (-1), for x > 0. */
function beside(x: number, step: 1 | -1): number {
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, x);
  view.setBigInt64(0, view.getBigInt64(0) + BigInt(step));
  return view.getFloat64(0);
}

describe.each([
  ['float16', floatToHalfBits, halfBitsToFloat, 0x7c00, 65504],
  ['bfloat16', floatToBfloat16Bits, bfloat16BitsToFloat, 0x7f80, finfo('bfloat16').max],
] as const)('%s bits', (_name, toBits, fromBits, infinity, max) => {
  test('every pattern survives the way to a number and back', () => {
    for (let bits = 0; bits <= 0xffff; bits++) {
      const isNaNBits = (bits & 0x7fff) > infinity;
      const back = toBits(fromBits(bits));
      if (Number.isNaN(fromBits(bits)) !== isNaNBits) throw new Error(`0x${bits.toString(16)}`);
      if (isNaNBits ? (back & 0x7fff) <= infinity : back !== bits) {
        throw new Error(`0x${bits.toString(16)} became 0x${back.toString(16)}`);
      }
    }
    expect(fromBits(infinity)).toBe(Infinity);
    expect(fromBits(infinity - 1)).toBe(max);
    expect(fromBits(0x8000)).toBe(-0);
  });

  test('rounds at the middle of all neighbours to the even one, and beside it to the nearer', () => {
    for (let low = 0; low < infinity; low++) {
      const high = low + 1;
      // Above the largest number the next one would be the power of two that overflows.
      const above = high === infinity ? max + (max - fromBits(infinity - 2)) : fromBits(high);
      const tie = (fromBits(low) + above) / 2;
      const even = low % 2 === 0 ? low : high;
      const got = [toBits(beside(tie, -1)), toBits(tie), toBits(beside(tie, 1)), toBits(-tie)];
      const want = [low, even, high, even + 0x8000];
      if (got.some((bits, i) => bits !== want[i])) throw new Error(`${tie}: ${got} is not ${want}`);
    }
    expect(toBits(Number.MIN_VALUE)).toBe(0);
    expect(toBits(-Number.MIN_VALUE)).toBe(0x8000);
    expect(toBits(Number.MAX_VALUE)).toBe(infinity);
    expect(toBits(-Infinity)).toBe(infinity + 0x8000);
  });
});
