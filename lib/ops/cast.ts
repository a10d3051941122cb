/** The same numbers in another element type. */

import type { CastParams } from '../../binding';
import type { DType } from '../dtype';
import { checkOptions } from '../options';
import { runOp } from '../run';
import type { Tensor } from '../tensor';

/** Options of {@link cast}. */
export type CastOptions = Omit<CastParams, 'to'>;

/**
 * `x` as `dtype`, element by element; any shape, all pairs of element types. ONNX Cast-19.
 *
 * - To a float: one rounding to nearest, ties to even, also from float64 and int64 to 16 bits. Subnormals and signed zeros
 *   stay, too large numbers give infinity (65520 and more as float16), NaN stays NaN.
 * - Integer to integer: modulo 2^bits (200 as int8 is -56).
 * - Float to integer: toward zero. Where ONNX leaves the result open: the whole number, clamped to int64, modulo 2^bits;
 *   infinities count as the ends of int64, NaN as 0.
 * - To bool: `x != 0`, so NaN is true. From bool: 0 or 1.
 *
 * With `saturate`, integer targets clamp to their range instead of wrapping; it does not concern float and bool targets.
 *
 * @param x any shape and element type
 * @throws ParamError when `dtype` is not an element type
 * @example
 * await cast(tensor([65519, 65520]), 'float16').data(); // Float32Array [65504, Infinity]
 * await cast(tensor([200, -1.5]), 'int8').data(); // Int8Array [-56, -1]
 * await cast(tensor([200, -1.5]), 'int8', { saturate: true }).data(); // Int8Array [127, -1]
 */
export function cast<D extends DType>(x: Tensor, dtype: D, options: CastOptions = {}): Tensor<D> {
  checkOptions('cast', options);
  return runOp<D, 'cast'>('cast', [x], { ...options, to: dtype });
}
