/**
 * The element types of at most eight bits that are held and cast only: what their codes stand for, and how files pack
 * them. Native code converts tensors (native/core/narrow_float.h); this is for printing, small constants and files.
 */

import {
  ARRAY_TYPES,
  type DType,
  isStoredDType,
  type StoredDType,
  type TypedArrayOf,
} from './dtype';

/** How files hold an element of a stored type. */
export interface StoredInfo {
  /** Bits in a file. In memory each element takes a byte. */
  readonly bits: 8 | 4 | 2;
  /** Whole numbers; else floats. */
  readonly integer: boolean;
  /** Whether there are numbers below zero. */
  readonly signed: boolean;
}

const float8: StoredInfo = { bits: 8, integer: false, signed: true };

const STORED: Readonly<Record<StoredDType, StoredInfo>> = Object.freeze({
  float8e4m3fn: float8,
  float8e4m3fnuz: float8,
  float8e5m2: float8,
  float8e5m2fnuz: float8,
  float8e8m0: { bits: 8, integer: false, signed: false },
  float4e2m1: { bits: 4, integer: false, signed: true },
  int4: { bits: 4, integer: true, signed: true },
  uint4: { bits: 4, integer: true, signed: false },
  int2: { bits: 2, integer: true, signed: true },
  uint2: { bits: 2, integer: true, signed: false },
});

/** How files hold an element of a stored type; undefined for all other types. */
export const storedInfo = (dtype: DType): StoredInfo | undefined =>
  isStoredDType(dtype) ? STORED[dtype] : undefined;

/** Whether the codes of `dtype` stand for real numbers: float8 and float4. */
export const isNarrowFloat = (dtype: DType): boolean => storedInfo(dtype)?.integer === false;

interface FloatFormat {
  readonly fraction: number;
  readonly bias: number;
  /** Codes of magnitudes above this are infinity (the first) and NaN. */
  readonly largest: number;
  readonly infinity: boolean;
  /** 0x80 is NaN, where others have -0. */
  readonly fnuz: boolean;
}

const plain = { infinity: false, fnuz: false };

/** float8e8m0, a power of two, is none of these. */
const FLOATS: Readonly<Partial<Record<StoredDType, FloatFormat>>> = Object.freeze({
  float8e4m3fn: { ...plain, fraction: 3, bias: 7, largest: 0x7e },
  float8e4m3fnuz: { ...plain, fraction: 3, bias: 8, largest: 0x7f, fnuz: true },
  float8e5m2: { ...plain, fraction: 2, bias: 15, largest: 0x7b, infinity: true },
  float8e5m2fnuz: { ...plain, fraction: 2, bias: 16, largest: 0x7f, fnuz: true },
  float4e2m1: { ...plain, fraction: 1, bias: 1, largest: 0x7 },
});

/** The number that a code of a stored type stands for, as {@link ARRAY_TYPES} holds it. Exact. */
export function storedValue(code: number, dtype: StoredDType): number {
  if (STORED[dtype].integer) return code;
  const format = FLOATS[dtype];
  if (!format) return code === 0xff ? Number.NaN : 2 ** (code - 127);
  const { fraction, bias, largest, infinity, fnuz } = format;
  const signBit = 2 ** (STORED[dtype].bits - 1);
  const sign = code & signBit ? -1 : 1;
  const magnitude = code & (signBit - 1);
  if (fnuz && code === signBit) return Number.NaN;
  if (magnitude > largest) return infinity && magnitude === largest + 1 ? sign * Infinity : NaN;
  const exponent = magnitude >> fraction;
  const digits = (magnitude & (2 ** fraction - 1)) + (exponent > 0 ? 2 ** fraction : 0);
  return sign * digits * 2 ** (Math.max(exponent, 1) - bias - fraction);
}

/** The number of a float8 or float4 that is nearest to `x`, which it holds or is written almost like one that it does. */
export function nearestStored(x: number, dtype: StoredDType): number {
  const { bits } = STORED[dtype];
  const values = Array.from({ length: 2 ** bits }, (_, code) => storedValue(code, dtype));
  const distance = (v: number) => (Number.isFinite(v) ? Math.abs(v - x) : Infinity);
  return values.reduce((best, v) => (distance(v) < distance(best) ? v : best));
}

/** Bits of an element in a file; in memory it takes whole bytes. */
export const fileBits = (dtype: DType): number =>
  storedInfo(dtype)?.bits ?? ARRAY_TYPES[dtype].BYTES_PER_ELEMENT * 8;

/** Bytes of `elements` elements in a file: several of a byte or less share one, and the last byte may have room left. */
export const fileBytes = (dtype: DType, elements: number): number =>
  Math.ceil((elements * fileBits(dtype)) / 8);

/** `elements` elements of `bits` bits out of bytes that hold several, the first in the lowest bits. */
export function unpack(bytes: Uint8Array, dtype: StoredDType, elements: number): TypedArrayOf {
  const { bits, integer, signed } = STORED[dtype];
  const perByte = 8 / bits;
  const mask = 2 ** bits - 1;
  const sign = integer && signed ? 2 ** (bits - 1) : 0;
  const data = new ARRAY_TYPES[dtype](elements);
  for (let i = 0; i < elements; i++) {
    const byte = bytes[Math.floor(i / perByte)] as number;
    const code = (byte >> ((i % perByte) * bits)) & mask;
    data[i] = (code ^ sign) - sign;
  }
  return data;
}

/** The reverse of {@link unpack}; bits that are left over are 0. */
export function pack(data: TypedArrayOf<StoredDType>, dtype: StoredDType): Uint8Array {
  const { bits } = STORED[dtype];
  const perByte = 8 / bits;
  const mask = 2 ** bits - 1;
  const bytes = new Uint8Array(fileBytes(dtype, data.length));
  for (let i = 0; i < data.length; i++) {
    const at = Math.floor(i / perByte);
    bytes[at] = (bytes[at] as number) | (((data[i] as number) & mask) << ((i % perByte) * bits));
  }
  return bytes;
}

/** The least and the greatest code of a stored type. */
export function storedRange(dtype: StoredDType): { readonly min: number; readonly max: number } {
  const { bits, integer, signed } = STORED[dtype];
  const min = integer && signed ? -(2 ** (bits - 1)) : 0;
  return { min, max: min + 2 ** bits - 1 };
}

/** The first element that `dtype` does not have: a code of more bits than it has. -1: there is none. */
export function findForeign(data: TypedArrayOf<StoredDType>, dtype: StoredDType): number {
  const { min, max } = storedRange(dtype);
  return data.findIndex((code) => code < min || code > max);
}
