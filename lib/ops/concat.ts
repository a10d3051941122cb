/** Tensors put together. */

import type { ConcatParams } from '../../binding';
import type { DType } from '../dtype';
import { runOp } from '../run';
import type { Tensor } from '../tensor';

/** Options of {@link concat}. */
export type ConcatOptions = ConcatParams;

/**
 * The tensors one after the other along one axis (default: the first). Bits are copied as they are. ONNX Concat-13.
 *
 * @param xs one or more, of one element type, with equal sizes but along the axis
 * @throws ShapeError when other sizes differ, and for scalars; DtypeError when the types differ; ParamError for an axis
 *   out of range
 * @example
 * await concat([tensor([1, 2]), tensor([3])]).data(); // Float32Array [1, 2, 3]
 * await concat([tensor([[1], [2]]), tensor([[3], [4]])], { axis: 1 }).toArray(); // [[1, 3], [2, 4]]
 */
export function concat<D extends DType>(
  xs: readonly Tensor<D>[],
  options: ConcatOptions = {},
): Tensor<D> {
  return runOp<D, 'concat'>('concat', xs, options);
}
