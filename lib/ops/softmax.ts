/** Exponentials that sum to one. */

import type { SoftmaxParams } from '../../binding';
import type { DType } from '../dtype';
import { runOp } from '../run';
import type { Tensor } from '../tensor';

/** Options of {@link softmax}. */
export type SoftmaxOptions = SoftmaxParams;

/**
 * exp(x - m) / sum(exp(x - m)) along one axis (default: the last), where m is the greatest x there, so that nothing
 * overflows. In float32 (float64 for float64), rounded once. NaN or Infinity among the elements, or nothing but -Infinity,
 * makes all of them NaN. ONNX Softmax-13.
 *
 * @param x rank 1 or more, float
 * @throws DtypeError for other element types; ShapeError for scalars; ParamError for an axis out of range
 * @example
 * await softmax(tensor([[0, 0], [1000, 0]])).toArray(); // [[0.5, 0.5], [1, 0]]
 */
export function softmax<D extends DType>(x: Tensor<D>, options: SoftmaxOptions = {}): Tensor<D> {
  return runOp<D, 'softmax'>('softmax', [x], options);
}
