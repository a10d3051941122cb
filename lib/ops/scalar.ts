/** Numbers among the operands of elementwise functions. */

import { type DType, iinfo, isIntDType } from '../dtype';
import { ParamError } from '../errors';
import { Tensor } from '../tensor';
import { full } from './create';

/** An operand: a tensor, or a number (a boolean for bool tensors) that takes the element type of the other operand. */
export type Operand<D extends DType = DType> = Tensor<D> | number | boolean;

/**
 * Calls `run` with both operands, which messages name a and b, as tensors. A number becomes a scalar of the other's element type
 * on its device, disposed after `run`.
 *
 * @internal
 */
export function withScalars<R>(
  op: string,
  a: Operand,
  b: Operand,
  run: (a: Tensor, b: Tensor) => R,
): R {
  if (a instanceof Tensor && b instanceof Tensor) return run(a, b);
  const [name, scalar, tensor] = a instanceof Tensor ? ['b', b, a] : ['a', a, b];
  if (!(tensor instanceof Tensor) || (typeof scalar !== 'number' && typeof scalar !== 'boolean')) {
    throw new ParamError(
      `${op}: a and b must be tensors, or one of them a number, got ${kind(a)} and ${kind(b)}`,
    );
  }
  tensor.handle(op); // before the number: a disposed tensor is the caller's first concern
  const value = Number(scalar);
  checkExists(op, name, value, tensor.dtype);
  const filled = full([], value, { dtype: tensor.dtype, device: tensor.device });
  try {
    return tensor === a ? run(tensor, filled) : run(filled, tensor);
  } finally {
    filled.dispose();
  }
}

/** Every number has its nearest float; the other types must have exactly that one. */
function checkExists(op: string, name: string, value: number, dtype: DType): void {
  if (dtype === 'bool' ? value === 0 || value === 1 : !isIntDType(dtype)) return;
  const { min, max } = dtype === 'bool' ? { min: 0, max: 1 } : iinfo(dtype as 'int64');
  if (Number.isInteger(value) && BigInt(value) >= min && BigInt(value) <= max) return;
  throw new ParamError(
    `${op}: ${name} must be a whole number in [${min}, ${max}] beside a tensor of ${dtype}, got ${value}; cast the tensor first`,
  );
}

function kind(x: unknown): string {
  return x instanceof Tensor ? `a tensor of ${x.dtype}` : `${x === null ? 'null' : typeof x}`;
}
