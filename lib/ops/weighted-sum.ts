/** Sums of several tensors. */

import type { DType } from '../dtype';
import { runOp } from '../run';
import { Tensor } from '../tensor';
import { tensor } from '../create';

/**
 * weights[0] xs[0] + weights[1] xs[1] + ...: each product and each sum rounded to float32 (float64 for float64), in this
 * order; one rounding to the element type of xs at the end. Caffe2 WeightedSum.
 *
 * @param xs one or more tensors of one float type and one shape
 * @param weights a number for each of them: an array, rounded to float32, or a float32 tensor [xs.length]
 * @throws DtypeError when xs are not floats of one type; ShapeError when shapes or counts differ
 * @example
 * const a = tensor([60000, 1], { dtype: 'float16' });
 * const b = tensor([60000, 2], { dtype: 'float16' });
 * await weightedSum([a, b], [0.5, 0.5]).data(); // Float32Array [60000, 1.5]
 */
export function weightedSum<D extends DType>(
  xs: readonly Tensor<D>[],
  weights: readonly number[] | Tensor<'float32'>,
): Tensor<D> {
  if (weights instanceof Tensor)
    return runOp<D, 'weightedSum'>('weightedSum', [weights, ...xs], {});
  const device = xs[0]?.device;
  const made = tensor(weights, {
    dtype: 'float32',
    shape: [weights.length],
    ...(device !== undefined && { device }),
  });
  try {
    return runOp<D, 'weightedSum'>('weightedSum', [made, ...xs], {});
  } finally {
    made.dispose();
  }
}
