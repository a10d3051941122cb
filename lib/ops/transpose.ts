/** Axes in another order. */

import type { TransposeParams } from '../../binding';
import type { DType } from '../dtype';
import { runOp } from '../run';
import type { Tensor } from '../tensor';

/** Options of {@link transpose}. */
export type TransposeOptions = TransposeParams;

/**
 * Axis k of the result is axis perm[k] of x; without `perm`, the axes are reversed. Bits are copied as they are.
 * ONNX Transpose-21.
 *
 * @param x any shape and element type
 * @throws ParamError when perm does not name each axis once
 * @example
 * await transpose(tensor([[1, 2, 3], [4, 5, 6]])).toArray(); // [[1, 4], [2, 5], [3, 6]]
 * const nchw = transpose(zeros([1, 224, 224, 3]), { perm: [0, 3, 1, 2] });
 * nchw.shape; // [1, 3, 224, 224]
 */
export function transpose<D extends DType>(
  x: Tensor<D>,
  options: TransposeOptions = {},
): Tensor<D> {
  return runOp<D, 'transpose'>('transpose', [x], options);
}
