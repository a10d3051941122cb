/** Margins around tensors. */

import type { PadParams } from '../../binding';
import type { DType } from '../dtype';
import { runOp } from '../run';
import type { Tensor } from '../tensor';

/** Options of {@link pad}. */
export type PadOptions = PadParams;

/**
 * x with `before[k]` elements before and `after[k]` after those of axis k: of `value` (mode 'constant'), of the nearest element
 * ('edge'), mirrored at the outermost elements, which are not repeated ('reflect'), or continued from the other end ('wrap').
 * ONNX Pad-19, with margins of 0 or more.
 *
 * @param x any shape and element type
 * @throws ParamError when a list has not one value per axis, or the element type does not have `value`; ShapeError when there
 *   is nothing to repeat, or less to mirror than a margin needs
 * @example
 * const x = tensor([1, 2, 3]);
 * await pad(x, { before: [1], after: [2] }).data(); // Float32Array [0, 1, 2, 3, 0, 0]
 * await pad(x, { before: [2], after: [0], mode: 'reflect' }).data(); // Float32Array [3, 2, 1, 2, 3]
 */
export function pad<D extends DType>(x: Tensor<D>, options: PadOptions): Tensor<D> {
  return runOp<D, 'pad'>('pad', [x], options);
}
