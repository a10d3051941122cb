/**
 * Elementwise functions of two operands, with NumPy's broadcasting.
 *
 * Types: tensors of different element types meet in the one that `promoteTypes()` gives; the conversion is exact, unless an
 * integer meets a float that cannot hold it. float16 and bfloat16 are computed in float32 and rounded once, which for
 * + - * / is the correctly rounded result. A number stands for a scalar of the other operand's element type, so that
 * `add(x, 1)` keeps the type of x: rounded to it if that is a float, refused if it is an integer type without that number.
 */

import type { DType } from '../dtype';
import { type OpName, runOp } from '../run';
import type { Tensor } from '../tensor';
import { type Operand, withScalars } from './scalar';

export type { Operand } from './scalar';

function binary<D extends DType>(op: OpName & BinaryName, a: Operand, b: Operand): Tensor<D> {
  return withScalars(op, a, b, (x, y) => runOp<D, BinaryName>(op, [x, y], {}));
}

type BinaryName =
  | 'add'
  | 'sub'
  | 'mul'
  | 'div'
  | 'min'
  | 'max'
  | 'pow'
  | 'fmod'
  | 'equal'
  | 'notEqual'
  | 'less'
  | 'lessEqual'
  | 'greater'
  | 'greaterEqual'
  | 'logicalAnd'
  | 'logicalOr'
  | 'logicalXor';

/**
 * a + b. Integers wrap. ONNX Add-14.
 *
 * @param a any shape, float or integer
 * @param b any shape that broadcasts with that of a
 * @throws ShapeError when the shapes do not broadcast; DtypeError when both are bool; ParamError for two numbers
 * @example
 * await add(tensor([1, 2]), 10).data(); // Float32Array [11, 12]
 * await add(tensor([[1], [2]]), tensor([10, 20])).toArray(); // [[11, 21], [12, 22]]
 */
export function add<D extends DType>(a: Tensor<D>, b: Operand<D>): Tensor<D>;
export function add<D extends DType>(a: number, b: Tensor<D>): Tensor<D>;
export function add(a: Operand, b: Operand): Tensor;
export function add(a: Operand, b: Operand): Tensor {
  return binary('add', a, b);
}

/**
 * a - b. Integers wrap. ONNX Sub-14.
 *
 * @param a any shape, float or integer
 * @param b any shape that broadcasts with that of a
 * @throws ShapeError when the shapes do not broadcast; DtypeError when both are bool; ParamError for two numbers
 * @example
 * await sub(1, tensor([1, 2])).data(); // Float32Array [0, -1]
 */
export function sub<D extends DType>(a: Tensor<D>, b: Operand<D>): Tensor<D>;
export function sub<D extends DType>(a: number, b: Tensor<D>): Tensor<D>;
export function sub(a: Operand, b: Operand): Tensor;
export function sub(a: Operand, b: Operand): Tensor {
  return binary('sub', a, b);
}

/**
 * a * b. Integers wrap. ONNX Mul-14.
 *
 * @param a any shape, float or integer
 * @param b any shape that broadcasts with that of a
 * @throws ShapeError when the shapes do not broadcast; DtypeError when both are bool; ParamError for two numbers
 * @example
 * await mul(tensor([300, 2], { dtype: 'float16' }), 300).data(); // Float32Array [Infinity, 600]
 */
export function mul<D extends DType>(a: Tensor<D>, b: Operand<D>): Tensor<D>;
export function mul<D extends DType>(a: number, b: Tensor<D>): Tensor<D>;
export function mul(a: Operand, b: Operand): Tensor;
export function mul(a: Operand, b: Operand): Tensor {
  return binary('mul', a, b);
}

/**
 * a / b. Integers: truncated toward zero, and 0 where b is 0. ONNX Div-14.
 *
 * @param a any shape, float or integer
 * @param b any shape that broadcasts with that of a
 * @throws ShapeError when the shapes do not broadcast; DtypeError when both are bool; ParamError for two numbers
 * @example
 * await div(tensor([7, -7, 7], { dtype: 'int32' }), tensor([2, 2, 0], { dtype: 'int32' })).data(); // Int32Array [3, -3, 0]
 */
export function div<D extends DType>(a: Tensor<D>, b: Operand<D>): Tensor<D>;
export function div<D extends DType>(a: number, b: Tensor<D>): Tensor<D>;
export function div(a: Operand, b: Operand): Tensor;
export function div(a: Operand, b: Operand): Tensor {
  return binary('div', a, b);
}

/**
 * The smaller of a and b. NaN if either is NaN; -0 is less than 0 (IEEE 754-2019 minimum). ONNX Min-13 of two inputs.
 *
 * @param a any shape, float or integer
 * @param b any shape that broadcasts with that of a
 * @throws ShapeError when the shapes do not broadcast; DtypeError when both are bool; ParamError for two numbers
 * @example
 * await min(tensor([1, 5]), 3).data(); // Float32Array [1, 3]
 */
export function min<D extends DType>(a: Tensor<D>, b: Operand<D>): Tensor<D>;
export function min<D extends DType>(a: number, b: Tensor<D>): Tensor<D>;
export function min(a: Operand, b: Operand): Tensor;
export function min(a: Operand, b: Operand): Tensor {
  return binary('min', a, b);
}

/**
 * The greater of a and b. NaN if either is NaN; 0 is greater than -0 (IEEE 754-2019 maximum). ONNX Max-13 of two inputs.
 *
 * @param a any shape, float or integer
 * @param b any shape that broadcasts with that of a
 * @throws ShapeError when the shapes do not broadcast; DtypeError when both are bool; ParamError for two numbers
 * @example
 * await max(tensor([1, 5]), tensor([NaN, 3])).data(); // Float32Array [NaN, 5]
 */
export function max<D extends DType>(a: Tensor<D>, b: Operand<D>): Tensor<D>;
export function max<D extends DType>(a: number, b: Tensor<D>): Tensor<D>;
export function max(a: Operand, b: Operand): Tensor;
export function max(a: Operand, b: Operand): Tensor {
  return binary('max', a, b);
}

/**
 * a to the power b; 1 where b is 0, even if a is NaN. Integers wrap; negative exponents give 1 / a^|b|, truncated (0 where a is
 * 0). ONNX Pow-15, but for the element type of the result, which follows the rules above.
 *
 * @param a any shape, float or integer
 * @param b any shape that broadcasts with that of a
 * @throws ShapeError when the shapes do not broadcast; DtypeError when both are bool; ParamError for two numbers
 * @example
 * await pow(tensor([2, 3]), 2).data(); // Float32Array [4, 9]
 */
export function pow<D extends DType>(a: Tensor<D>, b: Operand<D>): Tensor<D>;
export function pow<D extends DType>(a: number, b: Tensor<D>): Tensor<D>;
export function pow(a: Operand, b: Operand): Tensor;
export function pow(a: Operand, b: Operand): Tensor {
  return binary('pow', a, b);
}

/**
 * What the division of a by b leaves, with the sign of a: a - trunc(a / b) b, which floats hold exactly. For floats NaN where a
 * is infinite or b is 0; for integers a where b is 0. ONNX Mod-13 with fmod 1.
 *
 * @param a any shape, float or integer
 * @param b any shape that broadcasts with that of a
 * @throws ShapeError when the shapes do not broadcast; DtypeError when both are bool; ParamError for two numbers
 * @example
 * await fmod(tensor([7.5, -7.5]), 2).data(); // Float32Array [1.5, -1.5]
 */
export function fmod<D extends DType>(a: Tensor<D>, b: Operand<D>): Tensor<D>;
export function fmod<D extends DType>(a: number, b: Tensor<D>): Tensor<D>;
export function fmod(a: Operand, b: Operand): Tensor;
export function fmod(a: Operand, b: Operand): Tensor {
  return binary('fmod', a, b);
}

/**
 * a == b as bool: false where either is NaN. 0 equals -0. ONNX Equal-19.
 *
 * @param a any shape, float, integer or bool
 * @param b any shape that broadcasts with that of a
 * @throws ShapeError when the shapes do not broadcast; ParamError for two numbers
 * @example
 * await equal(tensor([1, 2]), tensor([1, 3])).data(); // Uint8Array [1, 0]
 */
export function equal(a: Operand, b: Operand): Tensor<'bool'> {
  return binary('equal', a, b);
}

/**
 * a != b as bool: true where either is NaN.
 *
 * @param a any shape, float, integer or bool
 * @param b any shape that broadcasts with that of a
 * @throws ShapeError when the shapes do not broadcast; ParamError for two numbers
 * @example
 * await notEqual(tensor([1, NaN]), 1).data(); // Uint8Array [0, 1]
 */
export function notEqual(a: Operand, b: Operand): Tensor<'bool'> {
  return binary('notEqual', a, b);
}

/**
 * a < b as bool: false where either is NaN. ONNX Less-13.
 *
 * @param a any shape, float or integer
 * @param b any shape that broadcasts with that of a
 * @throws ShapeError when the shapes do not broadcast; DtypeError when both are bool; ParamError for two numbers
 * @example
 * await less(tensor([1, 3]), 2).data(); // Uint8Array [1, 0]
 */
export function less(a: Operand, b: Operand): Tensor<'bool'> {
  return binary('less', a, b);
}

/**
 * a <= b as bool: false where either is NaN. ONNX LessOrEqual-16.
 *
 * @param a any shape, float or integer
 * @param b any shape that broadcasts with that of a
 * @throws ShapeError when the shapes do not broadcast; DtypeError when both are bool; ParamError for two numbers
 * @example
 * await lessEqual(tensor([1, 2, 3]), 2).data(); // Uint8Array [1, 1, 0]
 */
export function lessEqual(a: Operand, b: Operand): Tensor<'bool'> {
  return binary('lessEqual', a, b);
}

/**
 * a > b as bool: false where either is NaN. ONNX Greater-13.
 *
 * @param a any shape, float or integer
 * @param b any shape that broadcasts with that of a
 * @throws ShapeError when the shapes do not broadcast; DtypeError when both are bool; ParamError for two numbers
 * @example
 * await greater(tensor([1, 3]), 2).data(); // Uint8Array [0, 1]
 */
export function greater(a: Operand, b: Operand): Tensor<'bool'> {
  return binary('greater', a, b);
}

/**
 * a >= b as bool: false where either is NaN. ONNX GreaterOrEqual-16.
 *
 * @param a any shape, float or integer
 * @param b any shape that broadcasts with that of a
 * @throws ShapeError when the shapes do not broadcast; DtypeError when both are bool; ParamError for two numbers
 * @example
 * await greaterEqual(tensor([1, 2, 3]), 2).data(); // Uint8Array [0, 1, 1]
 */
export function greaterEqual(a: Operand, b: Operand): Tensor<'bool'> {
  return binary('greaterEqual', a, b);
}

/**
 * Both of a and b. ONNX And-7.
 *
 * @param a any shape, bool
 * @param b any shape that broadcasts with that of a, bool
 * @throws ShapeError when the shapes do not broadcast; DtypeError when either is not bool
 * @example
 * await logicalAnd(tensor([true, true]), tensor([true, false])).data(); // Uint8Array [1, 0]
 */
export function logicalAnd(a: Operand<'bool'>, b: Operand<'bool'>): Tensor<'bool'> {
  return binary('logicalAnd', a, b);
}

/**
 * At least one of a and b. ONNX Or-7.
 *
 * @param a any shape, bool
 * @param b any shape that broadcasts with that of a, bool
 * @throws ShapeError when the shapes do not broadcast; DtypeError when either is not bool
 * @example
 * await logicalOr(tensor([false, true]), tensor([false, false])).data(); // Uint8Array [0, 1]
 */
export function logicalOr(a: Operand<'bool'>, b: Operand<'bool'>): Tensor<'bool'> {
  return binary('logicalOr', a, b);
}

/**
 * Exactly one of a and b. ONNX Xor-7.
 *
 * @param a any shape, bool
 * @param b any shape that broadcasts with that of a, bool
 * @throws ShapeError when the shapes do not broadcast; DtypeError when either is not bool
 * @example
 * await logicalXor(tensor([false, true]), true).data(); // Uint8Array [1, 0]
 */
export function logicalXor(a: Operand<'bool'>, b: Operand<'bool'>): Tensor<'bool'> {
  return binary('logicalXor', a, b);
}
