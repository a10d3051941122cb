/**
 * Element types: their names, sizes, limits and how two of them combine.
 *
 * The order is that of `enum DType` in native/core/dtype.h: `index` crosses the binding.
 */

import { DtypeError } from './errors';

/** What an element type is: how its bits are read. Those that are `stored` are held, moved and cast, but not computed in. */
export type DTypeKind = 'float' | 'signed' | 'unsigned' | 'bool' | 'stored';

interface DTypeEntry {
  /** Bytes per element. */
  readonly size: number;
  /** The name inside kernel names: `f16`. */
  readonly shortName: string;
  readonly kind: DTypeKind;
  /** The number of the type in native code. */
  readonly index: number;
}

const TABLE = {
  float32: { size: 4, shortName: 'f32', kind: 'float', index: 0 },
  float16: { size: 2, shortName: 'f16', kind: 'float', index: 1 },
  bfloat16: { size: 2, shortName: 'bf16', kind: 'float', index: 2 },
  int8: { size: 1, shortName: 's8', kind: 'signed', index: 3 },
  uint8: { size: 1, shortName: 'u8', kind: 'unsigned', index: 4 },
  int16: { size: 2, shortName: 's16', kind: 'signed', index: 5 },
  uint16: { size: 2, shortName: 'u16', kind: 'unsigned', index: 6 },
  int32: { size: 4, shortName: 's32', kind: 'signed', index: 7 },
  int64: { size: 8, shortName: 's64', kind: 'signed', index: 8 },
  bool: { size: 1, shortName: 'b8', kind: 'bool', index: 9 },
  float64: { size: 8, shortName: 'f64', kind: 'float', index: 10 },
  uint32: { size: 4, shortName: 'u32', kind: 'unsigned', index: 11 },
  uint64: { size: 8, shortName: 'u64', kind: 'unsigned', index: 12 },
  // One byte per element, also where files hold several in a byte.
  float8e4m3fn: { size: 1, shortName: 'f8e4m3fn', kind: 'stored', index: 13 },
  float8e4m3fnuz: { size: 1, shortName: 'f8e4m3fnuz', kind: 'stored', index: 14 },
  float8e5m2: { size: 1, shortName: 'f8e5m2', kind: 'stored', index: 15 },
  float8e5m2fnuz: { size: 1, shortName: 'f8e5m2fnuz', kind: 'stored', index: 16 },
  float8e8m0: { size: 1, shortName: 'f8e8m0', kind: 'stored', index: 17 },
  float4e2m1: { size: 1, shortName: 'f4e2m1', kind: 'stored', index: 18 },
  int4: { size: 1, shortName: 's4', kind: 'stored', index: 19 },
  uint4: { size: 1, shortName: 'u4', kind: 'stored', index: 20 },
  int2: { size: 1, shortName: 's2', kind: 'stored', index: 21 },
  uint2: { size: 1, shortName: 'u2', kind: 'stored', index: 22 },
} as const satisfies Record<string, DTypeEntry>;

/** The element type of a tensor. */
export type DType = keyof typeof TABLE;

/** Size, kind and names of one element type. */
export type DTypeInfo = DTypeEntry;

/** All element types, by name. */
export const DTYPES: Readonly<Record<DType, DTypeInfo>> = Object.freeze(TABLE);

/** The names of all element types; the position is `DTYPES[name].index`. */
export const DTYPE_NAMES: readonly DType[] = Object.freeze(Object.keys(TABLE) as DType[]);

/** Element types that hold real numbers. */
export type FloatDType = 'float32' | 'float16' | 'bfloat16' | 'float64';

/** Element types that hold whole numbers. */
export type IntDType =
  | 'int8'
  | 'uint8'
  | 'int16'
  | 'uint16'
  | 'int32'
  | 'int64'
  | 'uint32'
  | 'uint64';

/** Element types that are held, moved and cast, but not computed in. */
export type StoredDType =
  | 'float8e4m3fn'
  | 'float8e4m3fnuz'
  | 'float8e5m2'
  | 'float8e5m2fnuz'
  | 'float8e8m0'
  | 'float4e2m1'
  | 'int4'
  | 'uint4'
  | 'int2'
  | 'uint2';

/** Whether `value` is the name of an element type. */
export function isDType(value: unknown): value is DType {
  return typeof value === 'string' && Object.hasOwn(TABLE, value);
}

export function isFloatDType(dtype: DType): dtype is FloatDType {
  return TABLE[dtype].kind === 'float';
}

/** Whether `dtype` is held, moved and cast, but not computed in. */
export function isStoredDType(dtype: DType): dtype is StoredDType {
  return TABLE[dtype].kind === 'stored';
}

/** Whether `dtype` holds whole numbers and is computed in; `bool` does not count as one of them. */
export function isIntDType(dtype: DType): dtype is IntDType {
  return TABLE[dtype].kind === 'signed' || TABLE[dtype].kind === 'unsigned';
}

/** The typed array of each element type. */
export interface ArrayTypes {
  float32: Float32Array;
  float16: Uint16Array;
  bfloat16: Uint16Array;
  int8: Int8Array;
  uint8: Uint8Array;
  int16: Int16Array;
  uint16: Uint16Array;
  int32: Int32Array;
  int64: BigInt64Array;
  bool: Uint8Array;
  float64: Float64Array;
  uint32: Uint32Array;
  uint64: BigUint64Array;
  float8e4m3fn: Uint8Array;
  float8e4m3fnuz: Uint8Array;
  float8e5m2: Uint8Array;
  float8e5m2fnuz: Uint8Array;
  float8e8m0: Uint8Array;
  float4e2m1: Uint8Array;
  int4: Int8Array;
  uint4: Uint8Array;
  int2: Int8Array;
  uint2: Uint8Array;
}

/** The typed array that holds the bytes of a tensor: raw bits for floats of 16 bits and less, 0 or 1 for bool, one byte for each int4 and int2. */
export type TypedArrayOf<D extends DType = DType> = ArrayTypes[D];

/** A constructor of `TypedArrayOf<D>`. */
export interface TypedArrayConstructorOf<D extends DType = DType> {
  readonly BYTES_PER_ELEMENT: number;
  new (length: number): TypedArrayOf<D>;
  new (buffer: ArrayBufferLike, byteOffset?: number, length?: number): TypedArrayOf<D>;
}

/** The typed array class of each element type. */
export const ARRAY_TYPES: { readonly [D in DType]: TypedArrayConstructorOf<D> } = Object.freeze({
  float32: Float32Array,
  float16: Uint16Array,
  bfloat16: Uint16Array,
  int8: Int8Array,
  uint8: Uint8Array,
  int16: Int16Array,
  uint16: Uint16Array,
  int32: Int32Array,
  int64: BigInt64Array,
  bool: Uint8Array,
  float64: Float64Array,
  uint32: Uint32Array,
  uint64: BigUint64Array,
  float8e4m3fn: Uint8Array,
  float8e4m3fnuz: Uint8Array,
  float8e5m2: Uint8Array,
  float8e5m2fnuz: Uint8Array,
  float8e8m0: Uint8Array,
  float4e2m1: Uint8Array,
  int4: Int8Array,
  uint4: Uint8Array,
  int2: Int8Array,
  uint2: Uint8Array,
});

/**
 * The element type in which operands of types `a` and `b` meet: the smallest of the higher kind (bool, integer, float)
 * that holds both. Two integers or two floats are held exactly (float16 with bfloat16 gives float32); an integer with a
 * float gives that float. Nothing holds uint64 and a signed integer, and stored types (float8, int4, ...) meet none but
 * themselves.
 *
 * @throws DtypeError when no type holds both
 * @example
 * promoteTypes('int8', 'uint8'); // 'int16'
 * promoteTypes('float16', 'bfloat16'); // 'float32'
 * promoteTypes('int32', 'float16'); // 'float16'
 */
export function promoteTypes(a: DType, b: DType): DType {
  if (a === b) return a;
  if (isStoredDType(a) || isStoredDType(b)) throw noCommonType(a, b);
  if (a === 'bool') return b;
  if (b === 'bool') return a;
  const [x, y] = [TABLE[a], TABLE[b]];
  if (isFloatDType(a) !== isFloatDType(b)) return isFloatDType(a) ? a : b;
  if (isFloatDType(a)) return x.size === y.size ? 'float32' : x.size > y.size ? a : b;
  if (x.kind === y.kind) return x.size > y.size ? a : b;
  const [signed, unsigned] = x.kind === 'signed' ? [a, b] : [b, a];
  if (TABLE[signed].size > TABLE[unsigned].size) return signed;
  if (unsigned === 'uint64') throw noCommonType(a, b);
  return TABLE[unsigned].size === 1 ? 'int16' : TABLE[unsigned].size === 2 ? 'int32' : 'int64';
}

const noCommonType = (a: DType, b: DType) =>
  new DtypeError(
    `promoteTypes: a and b must have a type that holds both, got ${a} and ${b}; cast one of them first`,
  );

/** Limits of a floating-point type; the names are those of NumPy's `finfo`. */
export interface FloatInfo {
  readonly dtype: FloatDType;
  readonly bits: number;
  /** Difference between 1 and the next larger number: 2^machep. */
  readonly eps: number;
  /** Difference between 1 and the next smaller number: 2^negep. */
  readonly epsneg: number;
  /** Largest finite number. */
  readonly max: number;
  /** -max. */
  readonly min: number;
  /** The same as smallestNormal. */
  readonly tiny: number;
  /** Smallest positive number with a full fraction: 2^minexp. */
  readonly smallestNormal: number;
  readonly smallestSubnormal: number;
  /** Decimal digits that every number of the type can hold. */
  readonly precision: number;
  /** 10^-precision. */
  readonly resolution: number;
  readonly machep: number;
  readonly negep: number;
  readonly minexp: number;
  /** The smallest power of two that overflows. */
  readonly maxexp: number;
  /** Bits of the exponent. */
  readonly nexp: number;
  /** Bits of the fraction, without the leading one. */
  readonly nmant: number;
}

function floatInfo(dtype: FloatDType, nexp: number, nmant: number): FloatInfo {
  const maxexp = 2 ** (nexp - 1);
  const minexp = 2 - maxexp;
  const max = (2 - 2 ** -nmant) * 2 ** (maxexp - 1);
  const precision = Math.floor(nmant * Math.log10(2));
  return Object.freeze({
    dtype,
    bits: 1 + nexp + nmant,
    eps: 2 ** -nmant,
    epsneg: 2 ** -(nmant + 1),
    max,
    min: -max,
    tiny: 2 ** minexp,
    smallestNormal: 2 ** minexp,
    smallestSubnormal: 2 ** (minexp - nmant),
    precision,
    resolution: Number(`1e-${precision}`),
    machep: -nmant,
    negep: -(nmant + 1),
    minexp,
    maxexp,
    nexp,
    nmant,
  });
}

const FLOATS: Readonly<Record<FloatDType, FloatInfo>> = Object.freeze({
  float32: floatInfo('float32', 8, 23),
  float16: floatInfo('float16', 5, 10),
  bfloat16: floatInfo('bfloat16', 8, 7),
  float64: floatInfo('float64', 11, 52),
});

/**
 * Limits of a floating-point type.
 *
 * @throws DtypeError when `dtype` is not one.
 * @example
 * finfo('float16').max; // 65504
 * finfo('bfloat16').eps; // 0.0078125
 */
export function finfo(dtype: FloatDType): FloatInfo {
  const found = Object.hasOwn(FLOATS, dtype) ? FLOATS[dtype] : undefined;
  if (!found) {
    throw new DtypeError(
      `finfo: dtype must be one of ${Object.keys(FLOATS).join(', ')}, got ${String(dtype)}`,
    );
  }
  return found;
}

/** Limits of an integer type. `T` is bigint for int64 and uint64, and number for all others. */
export interface IntInfo<T extends number | bigint = number | bigint> {
  readonly dtype: IntDType;
  readonly bits: number;
  readonly min: T;
  readonly max: T;
}

/** Integers that numbers hold. */
type SmallIntDType = Exclude<IntDType, 'int64' | 'uint64'>;

function intInfo(dtype: SmallIntDType): IntInfo<number> {
  const bits = TABLE[dtype].size * 8;
  const signed = TABLE[dtype].kind === 'signed';
  const min = signed ? -(2 ** (bits - 1)) : 0;
  return Object.freeze({ dtype, bits, min, max: min + 2 ** bits - 1 });
}

const INTEGERS: Readonly<Record<IntDType, IntInfo>> = Object.freeze({
  int8: intInfo('int8'),
  uint8: intInfo('uint8'),
  int16: intInfo('int16'),
  uint16: intInfo('uint16'),
  int32: intInfo('int32'),
  int64: Object.freeze({ dtype: 'int64', bits: 64, min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  uint32: intInfo('uint32'),
  uint64: Object.freeze({ dtype: 'uint64', bits: 64, min: 0n, max: 2n ** 64n - 1n }),
});

/**
 * Limits of an integer type; bigints for int64 and uint64.
 *
 * @throws DtypeError when `dtype` is not one.
 * @example
 * iinfo('int8').min; // -128
 * iinfo('int64').max; // 9223372036854775807n
 */
export function iinfo(dtype: 'int64' | 'uint64'): IntInfo<bigint>;
export function iinfo(dtype: SmallIntDType): IntInfo<number>;
export function iinfo(dtype: IntDType): IntInfo;
export function iinfo(dtype: IntDType): IntInfo {
  const found = Object.hasOwn(INTEGERS, dtype) ? INTEGERS[dtype] : undefined;
  if (!found) {
    throw new DtypeError(
      `iinfo: dtype must be one of ${Object.keys(INTEGERS).join(', ')}, got ${String(dtype)}`,
    );
  }
  return found;
}

// ---- single 16-bit floats, for printing and for small constants; tensors are converted by native code ----

const EXPONENT_VIEW = new DataView(new ArrayBuffer(8));

/** floor(log2(x)) of a positive, normal float64. */
function exponentOf(x: number): number {
  EXPONENT_VIEW.setFloat64(0, x);
  return (EXPONENT_VIEW.getUint16(0) >> 4) - 1023;
}

/** Rounds 0 <= x < 2^51 to a whole number, ties to even: above 2^52 the unit of the last place is 1. */
function roundHalfEven(x: number): number {
  return x + 2 ** 52 - 2 ** 52;
}

/** One rounding, to nearest, ties to even; subnormals kept, too large numbers give infinity, NaN the quiet NaN. */
function narrow(x: number, { nmant, minexp, maxexp }: FloatInfo): number {
  const infinity = (maxexp - minexp + 1) * 2 ** nmant;
  if (Number.isNaN(x)) return infinity + 2 ** (nmant - 1);
  const sign = Object.is(x, -0) || x < 0 ? 0x8000 : 0;
  const magnitude = Math.abs(x);
  const exponent = Math.max(minexp, magnitude === 0 ? minexp : exponentOf(magnitude));
  if (exponent >= maxexp) return sign + infinity;
  // In units of the last place; scaling by a power of two is exact. A carry out of the fraction moves to the exponent
  // field by itself, and from the largest number to infinity.
  const units = roundHalfEven(magnitude * 2 ** (nmant - exponent));
  return sign + (exponent - minexp) * 2 ** nmant + units;
}

/** Exact. */
function widen(bits: number, { nmant, minexp, maxexp }: FloatInfo): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const fraction = bits & (2 ** nmant - 1);
  const exponent = (bits & 0x7fff) >> nmant;
  if (exponent === maxexp - minexp + 1) return fraction ? Number.NaN : sign * Infinity;
  if (exponent === 0) return sign * fraction * 2 ** (minexp - nmant);
  return sign * (2 ** nmant + fraction) * 2 ** (minexp - nmant + exponent - 1);
}

/** The bits of `x` rounded once to float16 (nearest, ties to even); 65520 and more give infinity, NaN gives 0x7e00. */
export function floatToHalfBits(x: number): number {
  return narrow(x, FLOATS.float16);
}

/** The number that the 16 bits of a float16 stand for. Exact. */
export function halfBitsToFloat(bits: number): number {
  return widen(bits, FLOATS.float16);
}

/** The bits of `x` rounded once to bfloat16 (nearest, ties to even); NaN gives 0x7fc0. */
export function floatToBfloat16Bits(x: number): number {
  return narrow(x, FLOATS.bfloat16);
}

/** The number that the 16 bits of a bfloat16 stand for. Exact. */
export function bfloat16BitsToFloat(bits: number): number {
  return widen(bits, FLOATS.bfloat16);
}
