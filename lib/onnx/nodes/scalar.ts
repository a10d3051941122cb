import {
  ARRAY_TYPES,
  bfloat16BitsToFloat,
  type DType,
  floatToBfloat16Bits,
  floatToHalfBits,
  halfBitsToFloat,
} from '../../dtype';
import type { NodeCall, Value } from '../../graph/op-set';

/** Numbers as a tensor: rounded once to a float type, cut to whole ones for an integer type. */
export function numbers(
  call: NodeCall,
  dtype: DType,
  shape: readonly number[],
  values: ArrayLike<number>,
): Value {
  const data = new ARRAY_TYPES[dtype](values.length);
  for (let i = 0; i < values.length; i++) {
    const value = values[i] as number;
    if (data instanceof BigInt64Array || data instanceof BigUint64Array)
      data[i] = BigInt(Math.trunc(value));
    else if (dtype === 'float16') data[i] = floatToHalfBits(value);
    else if (dtype === 'bfloat16') data[i] = floatToBfloat16Bits(value);
    else data[i] = value;
  }
  return call.constant({ dtype, shape, data });
}

/** One number as a tensor without axes. */
export const scalar = (call: NodeCall, value: number, dtype: DType): Value =>
  numbers(call, dtype, [], [value]);

/** The values of an input of floats that has to be known; undefined when it is left out. */
export function knownFloats(call: NodeCall, index: number): readonly number[] | undefined {
  if (!call.optional(index)) return undefined;
  const { dtype, data } = call.known(index);
  if (dtype === 'float16') return Array.from(data as Uint16Array, halfBitsToFloat);
  if (dtype === 'bfloat16') return Array.from(data as Uint16Array, bfloat16BitsToFloat);
  if (dtype !== 'float32' && dtype !== 'float64')
    throw call.error(`input ${index} must be a float, got ${dtype}`);
  return Array.from(data as Float32Array);
}

/** Calls of elementwise ops on values of one type; numbers become that type. */
export function algebra(call: NodeCall, dtype: DType) {
  const operand = (x: Value | number) => (typeof x === 'number' ? scalar(call, x, dtype) : x);
  const binary = (op: string) => (a: Value | number, b: Value | number) =>
    call.emit(op, [operand(a), operand(b)]);
  const unary = (op: string) => (x: Value) => call.emit(op, [x]);
  return {
    add: binary('add'),
    sub: binary('sub'),
    mul: binary('mul'),
    div: binary('div'),
    pow: binary('pow'),
    min: binary('min'),
    max: binary('max'),
    less: binary('less'),
    greater: binary('greater'),
    equal: binary('equal'),
    notEqual: binary('notEqual'),
    abs: unary('abs'),
    neg: unary('neg'),
    exp: unary('exp'),
    log: unary('log'),
    sqrt: unary('sqrt'),
    tanh: unary('tanh'),
    sigmoid: unary('sigmoid'),
    where: (condition: Value, a: Value | number, b: Value | number) =>
      call.emit('where', [condition, operand(a), operand(b)]),
    reduce: (op: string, x: Value, axes: readonly number[], keepDims = true) =>
      call.emit(op, [x], { axes, keepDims }),
  };
}

export type Algebra = ReturnType<typeof algebra>;

/** The same numbers in another type. */
export const cast = (call: NodeCall, x: Value, to: DType): Value =>
  x.desc.dtype === to ? x : call.emit('cast', [x], { to });

/** The type in which several steps on numbers of this type are computed: the results are rounded once. */
export const wideType = (dtype: DType): DType =>
  dtype === 'float16' || dtype === 'bfloat16' ? 'float32' : dtype;

/** An axis counted from the front. */
export function axisOf(call: NodeCall, axis: number, rank: number): number {
  const found = axis < 0 ? axis + rank : axis;
  if (found < 0 || found >= rank) {
    throw call.error(`axis must lie in [-${rank}, ${rank - 1}], got ${axis}`);
  }
  return found;
}
