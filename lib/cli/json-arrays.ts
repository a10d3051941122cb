/** Arrays as JSON: nested lists, or `{ dtype, shape, data }`. What JSON cannot say are strings: "NaN", "Infinity", "-Infinity". */

import { ARRAY_TYPES, DTYPES, type DType, isDType, isFloatDType } from '../dtype';
import { ParamError } from '../errors';
import type { HostArray } from '../io/array';

const SPECIAL: Readonly<Record<string, number>> = {
  NaN: Number.NaN,
  Infinity: Number.POSITIVE_INFINITY,
  '-Infinity': Number.NEGATIVE_INFINITY,
};

/** Axes that a tensor can have. */
const MAX_RANK = 8;

function numberOf(value: unknown, dtype: DType, where: string): number | bigint {
  if (typeof value === 'boolean') return Number(value);
  if (dtype === 'int64' && (typeof value === 'number' || typeof value === 'string')) {
    if (/^-?\d{1,19}$/.test(String(value))) return BigInt.asIntN(64, BigInt(value));
  } else if (typeof value === 'number') {
    return value;
  } else if (typeof value === 'string' && Object.hasOwn(SPECIAL, value)) {
    return SPECIAL[value] as number;
  }
  throw new ParamError(`${where}: ${JSON.stringify(value)} is no ${dtype}`);
}

/** Sizes of nested lists, by the first of each level. */
function nestedShape(data: unknown, where: string): number[] {
  const shape: number[] = [];
  for (let level = data; Array.isArray(level); level = level[0]) {
    shape.push(level.length);
    if (shape.length > MAX_RANK) throw new ParamError(`${where}: at most ${MAX_RANK} levels`);
  }
  return shape;
}

function flatten(data: unknown, shape: readonly number[], where: string, into: unknown[]): void {
  const [size, ...rest] = shape;
  if (size === undefined) {
    into.push(data);
    return;
  }
  if (!Array.isArray(data) || data.length !== size) {
    const got = Array.isArray(data) ? `a list of ${data.length}` : JSON.stringify(data);
    throw new ParamError(
      `${where}: lists of one level must be equally long, got ${got}, not ${size}`,
    );
  }
  for (const item of data) flatten(item, rest, where, into);
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/**
 * One array. `wanted`: the element type that it is for, unless it names its own; float32 in place of 16-bit floats.
 *
 * @throws ParamError naming `where` when lists are ragged, or a value does not fit the type.
 */
export function arrayOfJson(value: unknown, wanted: DType, where: string): HostArray {
  const given = isObject(value) ? value : { data: value };
  const named = given['dtype'] ?? wanted;
  if (!isDType(named)) throw new ParamError(`${where}: dtype ${JSON.stringify(named)} is unknown`);
  const dtype = isFloatDType(named) && DTYPES[named].size < 4 ? 'float32' : named;
  const nested = nestedShape(given['data'], where);
  const flat: unknown[] = [];
  flatten(given['data'], nested, where, flat);
  const shape = (given['shape'] as readonly number[] | undefined) ?? nested;
  const whole = Array.isArray(shape) && shape.every((d) => Number.isSafeInteger(d) && d >= 0);
  if (!whole || shape.reduce((n, d) => n * d, 1) !== flat.length) {
    throw new ParamError(
      `${where}: shape ${JSON.stringify(shape)} does not fit ${flat.length} values`,
    );
  }
  const data = new ARRAY_TYPES[dtype](flat.length);
  for (const [i, item] of flat.entries()) {
    const number = numberOf(item, dtype, where);
    data[i] = number as never;
    if (!isFloatDType(dtype) && (data[i] !== number || (dtype === 'bool' && number > 1))) {
      throw new ParamError(`${where}: ${JSON.stringify(item)} is no ${dtype}`);
    }
  }
  return { dtype, shape, data };
}

/** What `arrayOfJson` reads: shape, type and nested lists. */
export function jsonOfArray({ dtype, shape, data }: HostArray): object {
  const value = (i: number) => {
    const item = data[i] as number | bigint;
    if (typeof item === 'bigint') {
      return Number.isSafeInteger(Number(item)) ? Number(item) : String(item);
    }
    return Number.isFinite(item) ? item : String(item);
  };
  const nest = (axis: number, first: number, elements: number): unknown => {
    const size = shape[axis];
    if (size === undefined) return value(first);
    const each = size === 0 ? 0 : elements / size;
    return Array.from({ length: size }, (_, i) => nest(axis + 1, first + i * each, each));
  };
  return { dtype, shape, data: nest(0, 0, data.length) };
}
