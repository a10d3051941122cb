/** Averages, norms and positions of maxima over windows of rows, images and volumes. */

import type { AveragePoolParams, LpPoolParams, MaxPoolIndicesParams } from '../../binding';
import { runOp } from '../run';
import type { Tensor } from '../tensor';

/** Options of {@link averagePool}. */
export type AveragePoolOptions = AveragePoolParams;
/** Options of {@link lpPool}. */
export type LpPoolOptions = LpPoolParams;
/** Options of {@link maxPoolIndices}. */
export type MaxPoolIndicesOptions = MaxPoolIndicesParams;

/**
 * The average of each window: the sum of its elements divided by how many there are. ONNX AveragePool-22.
 *
 * Sums are float32 (float64 for float64) in the order depth, row, column; the quotient is rounded once. With
 * `countIncludePad` the padding counts as zeros, but not what lies behind it (a last window of `ceilMode`). A window without
 * any element is NaN.
 *
 * @param x `[n, c, w]`, `[n, c, h, w]` or `[n, c, d, h, w]`; a float
 * @param options `kernel`, and `stride` (default 1), `dilation` (default 1) of each axis behind the channels; `padding`: positions
 *   before each axis, then those after each
 * @throws ShapeError, DtypeError, ParamError when the arguments do not fit
 * @example
 * const x = tensor([1, 3, 5, 7], { shape: [1, 1, 4] });
 * await averagePool(x, { kernel: [2], stride: [2] }).data(); // Float32Array [2, 6]
 */
export function averagePool(x: Tensor, options: AveragePoolOptions): Tensor {
  return runOp('averagePool', [x], options);
}

/**
 * (sum of |x|^p)^(1/p) over each window; padding adds nothing. ONNX LpPool-22.
 *
 * Powers are products, sums and the root are float32 (float64 for float64), the result rounded once. A power beyond their range
 * is infinite.
 *
 * @param x `[n, c, w]`, `[n, c, h, w]` or `[n, c, d, h, w]`; a float
 * @param options as of {@link averagePool}; `p`: the exponent, a positive integer (default 2)
 * @throws ShapeError, DtypeError, ParamError when the arguments do not fit
 * @example
 * const x = tensor([3, -4, 0, 2], { shape: [1, 1, 4] });
 * await lpPool(x, { kernel: [2], stride: [2] }).data(); // Float32Array [5, 2]
 */
export function lpPool(x: Tensor, options: LpPoolOptions): Tensor {
  return runOp('lpPool', [x], options);
}

/**
 * Where {@link maxPool2d}, or its like for rows and volumes, finds the value of each window: the position in all of x, of the
 * first one when there are several. -1 for a window that lies wholly in the padding. ONNX MaxPool-22, second output.
 *
 * @param x `[n, c, w]`, `[n, c, h, w]` or `[n, c, d, h, w]`; float32, float16, bfloat16, int8 or uint8
 * @param options as of {@link averagePool}; `columnMajor`: positions of a plane are counted with its first axis fastest
 * @returns int64
 * @throws ShapeError, DtypeError, ParamError when the arguments do not fit
 * @example
 * const x = tensor([1, 9, 5, 7], { shape: [1, 1, 4] });
 * await maxPoolIndices(x, { kernel: [2], stride: [2] }).toArray(); // [[[1n, 3n]]]
 */
export function maxPoolIndices(x: Tensor, options: MaxPoolIndicesOptions): Tensor<'int64'> {
  return runOp<'int64', 'maxPoolIndices'>('maxPoolIndices', [x], options);
}
