/** The level-1 BLAS routine of halves. */

import { runOp } from '../run';
import type { Tensor } from '../tensor';

/**
 * alpha x + y in true float16 arithmetic: one fused multiply-add per element, rounded once to nearest, ties to even, with
 * subnormals. No float32 in between is visible: 65504 + 65504 is Infinity, 2048 + 1 is 2048. On CPUs without float16
 * instructions the same bits come from float32 with rounding to odd.
 *
 * @param alpha the factor, first rounded to float16
 * @param x float16, any shape
 * @param y float16, the shape of x
 * @returns a new float16 tensor; y is not changed
 * @throws DtypeError unless both are float16; ShapeError when the shapes differ
 * @example
 * const x = tensor([1, 60000], { dtype: 'float16' });
 * const y = tensor([2048, 10000], { dtype: 'float16' });
 * await haxpy(1, x, y).data(); // Float32Array [2048, Infinity]
 */
export function haxpy(
  alpha: number,
  x: Tensor<'float16'>,
  y: Tensor<'float16'>,
): Tensor<'float16'> {
  return runOp<'float16', 'haxpy'>('haxpy', [x, y], { alpha });
}
