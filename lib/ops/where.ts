/** A choice between two tensors, element by element. */

import type { DType } from '../dtype';
import { runOp } from '../run';
import type { Tensor } from '../tensor';
import { type Operand, withScalars } from './scalar';

/**
 * `condition ? a : b` for each element, with NumPy's broadcasting of all three. Bits are copied as they are. ONNX Where-16.
 *
 * @param condition bool, any shape that broadcasts with the others
 * @param a any element type and shape, or a number of the type of b
 * @param b the element type of a and a shape that broadcasts with it, or a number of the type of a
 * @throws DtypeError when condition is not bool or a and b differ; ShapeError when the shapes do not broadcast; ParamError
 *   for two numbers
 * @example
 * const x = tensor([-2, 3]);
 * await where(less(x, 0), mul(x, 0.5), x).data(); // Float32Array [-1, 3]
 * await where(tensor([true, false]), x, 0).data(); // Float32Array [-2, 0]
 */
export function where<D extends DType>(
  condition: Tensor<'bool'>,
  a: Tensor<D>,
  b: Operand<D>,
): Tensor<D>;
export function where<D extends DType>(
  condition: Tensor<'bool'>,
  a: number | boolean,
  b: Tensor<D>,
): Tensor<D>;
export function where(condition: Tensor<'bool'>, a: Operand, b: Operand): Tensor {
  return withScalars('where', a, b, (x, y) => runOp('where', [condition, x, y], {}));
}
