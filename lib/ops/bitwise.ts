/**
 * The bits of integers, with NumPy's broadcasting. Operands of different types meet in the one that `promoteTypes()` gives; a
 * number takes the type of the other operand.
 */

import type { DType } from '../dtype';
import { runOp } from '../run';
import type { Tensor } from '../tensor';
import { type Operand, withScalars } from './scalar';

type BitwiseName = 'bitwiseAnd' | 'bitwiseOr' | 'bitwiseXor' | 'shiftLeft' | 'shiftRight';

function bitwise<D extends DType>(op: BitwiseName, a: Operand, b: Operand): Tensor<D> {
  return withScalars(op, a, b, (x, y) => runOp<D, BitwiseName>(op, [x, y], {}));
}

/**
 * The bits that both integers have. ONNX BitwiseAnd-18.
 *
 * @param a any shape, integer
 * @param b any shape that broadcasts with that of a, integer
 * @throws ShapeError when the shapes do not broadcast; DtypeError unless both are integers; ParamError for two numbers
 * @example
 * await bitwiseAnd(tensor([12, -1], { dtype: 'int8' }), 10).data(); // Int8Array [8, 10]
 */
export function bitwiseAnd<D extends DType>(a: Tensor<D>, b: Operand<D>): Tensor<D>;
export function bitwiseAnd<D extends DType>(a: number, b: Tensor<D>): Tensor<D>;
export function bitwiseAnd(a: Operand, b: Operand): Tensor;
export function bitwiseAnd(a: Operand, b: Operand): Tensor {
  return bitwise('bitwiseAnd', a, b);
}

/**
 * The bits that either integer has. ONNX BitwiseOr-18.
 *
 * @param a any shape, integer
 * @param b any shape that broadcasts with that of a, integer
 * @throws ShapeError when the shapes do not broadcast; DtypeError unless both are integers; ParamError for two numbers
 * @example
 * await bitwiseOr(tensor([12, 1], { dtype: 'int8' }), 10).data(); // Int8Array [14, 11]
 */
export function bitwiseOr<D extends DType>(a: Tensor<D>, b: Operand<D>): Tensor<D>;
export function bitwiseOr<D extends DType>(a: number, b: Tensor<D>): Tensor<D>;
export function bitwiseOr(a: Operand, b: Operand): Tensor;
export function bitwiseOr(a: Operand, b: Operand): Tensor {
  return bitwise('bitwiseOr', a, b);
}

/**
 * The bits that one of the integers has and the other has not. ONNX BitwiseXor-18.
 *
 * @param a any shape, integer
 * @param b any shape that broadcasts with that of a, integer
 * @throws ShapeError when the shapes do not broadcast; DtypeError unless both are integers; ParamError for two numbers
 * @example
 * await bitwiseXor(tensor([12, -1], { dtype: 'int8' }), 10).data(); // Int8Array [6, -11]
 */
export function bitwiseXor<D extends DType>(a: Tensor<D>, b: Operand<D>): Tensor<D>;
export function bitwiseXor<D extends DType>(a: number, b: Tensor<D>): Tensor<D>;
export function bitwiseXor(a: Operand, b: Operand): Tensor;
export function bitwiseXor(a: Operand, b: Operand): Tensor {
  return bitwise('bitwiseXor', a, b);
}

/**
 * a with its bits moved up by b places and zeros behind them; 0 where b is not in [0, bits of the type). ONNX BitShift-11, LEFT.
 *
 * @param a any shape, integer
 * @param b any shape that broadcasts with that of a, integer
 * @throws ShapeError when the shapes do not broadcast; DtypeError unless both are integers; ParamError for two numbers
 * @example
 * await shiftLeft(tensor([1, 255], { dtype: 'uint8' }), 4).data(); // Uint8Array [16, 240]
 */
export function shiftLeft<D extends DType>(a: Tensor<D>, b: Operand<D>): Tensor<D>;
export function shiftLeft<D extends DType>(a: number, b: Tensor<D>): Tensor<D>;
export function shiftLeft(a: Operand, b: Operand): Tensor;
export function shiftLeft(a: Operand, b: Operand): Tensor {
  return bitwise('shiftLeft', a, b);
}

/**
 * a with its bits moved down by b places: floor(a / 2^b), signed numbers keeping their sign. Where b is not in [0, bits of the type)
 * all bits are those of the sign. ONNX BitShift-11, RIGHT.
 *
 * @param a any shape, integer
 * @param b any shape that broadcasts with that of a, integer
 * @throws ShapeError when the shapes do not broadcast; DtypeError unless both are integers; ParamError for two numbers
 * @example
 * await shiftRight(tensor([16, -16], { dtype: 'int8' }), 2).data(); // Int8Array [4, -4]
 */
export function shiftRight<D extends DType>(a: Tensor<D>, b: Operand<D>): Tensor<D>;
export function shiftRight<D extends DType>(a: number, b: Tensor<D>): Tensor<D>;
export function shiftRight(a: Operand, b: Operand): Tensor;
export function shiftRight(a: Operand, b: Operand): Tensor {
  return bitwise('shiftRight', a, b);
}

/**
 * Every bit of an integer flipped. ONNX BitwiseNot-18.
 *
 * @param x any shape, integer
 * @throws DtypeError for other element types
 * @example
 * await bitwiseNot(tensor([0, 5], { dtype: 'int8' })).data(); // Int8Array [-1, -6]
 */
export function bitwiseNot<D extends DType>(x: Tensor<D>): Tensor<D> {
  return runOp<D, 'bitwiseNot'>('bitwiseNot', [x], {});
}
