/** Parts of tensors. */

import type { SliceParams } from '../../binding';
import type { DType } from '../dtype';
import { runOp } from '../run';
import type { Tensor } from '../tensor';

/** Options of {@link slice}. */
export type SliceOptions = SliceParams;

/**
 * The indices start, start + step, ... up to but without end along each of `axes` (default: the first ones). Negative starts
 * and ends count from the end of the axis, those beyond it are moved to it; negative steps go backwards. Bits are copied as
 * they are. ONNX Slice-13.
 *
 * @param x any shape and element type
 * @throws ParamError when the lists have different lengths, or for a step of 0 or an axis that is out of range or given twice
 * @example
 * const x = tensor([[1, 2, 3], [4, 5, 6]]);
 * await slice(x, { starts: [1], ends: [2] }).toArray(); // [[4, 5, 6]]
 * await slice(x, { starts: [-1], ends: [-4], axes: [1], steps: [-2] }).toArray(); // [[3, 1], [6, 4]]
 */
export function slice<D extends DType>(x: Tensor<D>, options: SliceOptions): Tensor<D> {
  return runOp<D, 'slice'>('slice', [x], options);
}
