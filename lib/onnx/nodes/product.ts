import { type DType, isIntDType } from '../../dtype';
import type { NodeCall, Params, Value } from '../../graph/op-set';
import { computeOption } from './common';
import { algebra, cast, scalar } from './scalar';

/** Bits of the parts into which wide integers are split. */
const LIMB = 16;

/** Products of two parts are below 2^32; so many of them stay below 2^53, where float64 holds every whole number. */
const MAX_TERMS = 2 ** (53 - 2 * LIMB);

/** Integers as float64 numbers of 16 bits, the lowest first; those of 16 bits and less with their sign, as they are. */
function limbs(call: NodeCall, x: Value, words: DType, count: number): Value[] {
  if (count === 1) return [cast(call, x, 'float64')];
  const bits = cast(call, x, words);
  return Array.from({ length: count }, (_, i) => {
    const low = call.emit('shiftRight', [bits, scalar(call, LIMB * i, words)]);
    const limb = call.emit('bitwiseAnd', [low, scalar(call, 2 ** LIMB - 1, words)]);
    return cast(call, limb, 'float64');
  });
}

/** matmul of integers, exact modulo 2^bits, by float64 products of their parts: those that lie beyond the result are left out. */
function integerProduct(call: NodeCall, a: Value, b: Value, params: Params): Value {
  const { dtype, shape } = a.desc;
  const terms = shape.at(params['transA'] === true ? -2 : -1) ?? 1;
  if (terms > MAX_TERMS)
    throw call.error(`sums of at most ${MAX_TERMS} integers are supported, got ${terms}`);
  const bits = Number(dtype.replace(/\D+/, ''));
  const words = bits === 64 ? 'uint64' : 'uint32';
  const count = Math.max(1, bits / LIMB);
  const [left, right] = [limbs(call, a, words, count), limbs(call, b, words, count)];
  const parts = left.flatMap((x, i) =>
    right.slice(0, count - i).map((y, j) => {
      const sum = cast(call, call.emit('matmul', [x, y], params), 'int64');
      const amount = scalar(call, LIMB * (i + j), words);
      return call.emit('shiftLeft', [cast(call, sum, words), amount]);
    }),
  );
  const { add } = algebra(call, words);
  return cast(
    call,
    parts.reduce((x, y) => add(x, y)),
    dtype,
  );
}

/** matmul with a result of the operands' type, integers among them. */
export function product(call: NodeCall, a: Value, b: Value, params: Params = {}): Value {
  const { dtype } = a.desc;
  if (isIntDType(dtype) && dtype === b.desc.dtype) return integerProduct(call, a, b, params);
  return call.emit('matmul', [a, b], { ...params, ...computeOption(call) });
}
