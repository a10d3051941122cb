/** Determinants. */

import type { DType } from '../dtype';
import { runOp } from '../run';
import type { Tensor } from '../tensor';

/**
 * Determinants of square matrices [.., n, n], in the shape of the leading axes: by elimination in float64, the greatest
 * element of each column being the pivot, rounded once. Of a matrix without rows it is 1. ONNX Det-22.
 *
 * @param x rank 2 or more, the last two axes of one size, float
 * @throws DtypeError for other element types; ShapeError unless the matrices are square
 * @example
 * await det(tensor([[1, 2], [3, 4]])).data(); // Float32Array [-2]
 */
export function det<D extends DType>(x: Tensor<D>): Tensor<D> {
  return runOp<D, 'det'>('det', [x], {});
}
