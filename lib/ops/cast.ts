/** The same numbers in another element type. */

import type { CastParams } from '../../binding';
import type { DType } from '../dtype';
import { checkOptions } from '../options';
import { runOp } from '../run';
import type { Tensor } from '../tensor';

/** Options of {@link cast}. */
export type CastOptions = Omit<CastParams, 'to'>;

/**
 * `x` as `dtype`, element by element; any shape, all pairs of element types. ONNX Cast-25, whose `saturate` is true by default.
 *
 * - To a float: one rounding to nearest, ties to even, also from float64 and int64 to 16 bits. Subnormals and signed zeros
 *   stay, too large numbers give infinity (65520 and more as float16), NaN stays NaN.
 * - Integer to integer: modulo 2^bits (200 as int8 is -56).
 * - Float to integer: toward zero. Where ONNX leaves the result open: the whole number, clamped to int64, modulo 2^bits;
 *   infinities count as the ends of int64, NaN as 0.
 * - To float8 or float4: one rounding to nearest even; too large numbers give infinity, or NaN where the type has none.
 *   float4e2m1 has neither: it gives its largest number, and -0 for NaN. float8e8m0, the powers of two, takes the next one
 *   away from zero, or as `powerRounding` says.
 * - To int4, uint4, int2, uint2: as to int8 or uint8, then modulo 2^bits.
 * - To bool: `x != 0`, so NaN is true. From bool: 0 or 1.
 *
 * With `saturate`, integer targets clamp to their range instead of wrapping, and float8 to its largest number; it does not
 * concern other targets.
 *
 * @param x any shape and element type
 * @throws ParamError when `dtype` is not an element type
 * @example
 * await cast(tensor([65519, 65520]), 'float16').data(); // Float32Array [65504, Infinity]
 * await cast(tensor([200, -1.5]), 'int8').data(); // Int8Array [-56, -1]
 * await cast(tensor([200, -1.5]), 'int8', { saturate: true }).data(); // Int8Array [127, -1]
 * await cast(tensor([0.3, 1e6]), 'float8e4m3fn').data(); // Float32Array [0.3125, NaN]
 * await cast(tensor([0.3, 1e6]), 'float8e4m3fn', { saturate: true }).data(); // Float32Array [0.3125, 448]
 */
export function cast<D extends DType>(x: Tensor, dtype: D, options: CastOptions = {}): Tensor<D> {
  checkOptions('cast', options);
  return runOp<D, 'cast'>('cast', [x], { ...options, to: dtype });
}

/**
 * The bits of `x` read as elements of `dtype`, which must have as many bits as those of `x`: int32 as float32, uint8 as
 * float8e4m3fn, int4 as uint4. ONNX BitCast-26.
 *
 * @param x any shape and element type
 * @throws DtypeError when the numbers of bits differ, and for bool, whose bits must be 0 or 1
 * @example
 * await bitcast(tensor([1, -2]), 'int32').data(); // Int32Array [1065353216, -1073741824]
 * await bitcast(tensor([448], { dtype: 'float8e4m3fn' }), 'uint8').data(); // Uint8Array [126]
 */
export function bitcast<D extends DType>(x: Tensor, dtype: D): Tensor<D> {
  return runOp<D, 'bitcast'>('bitcast', [x], { to: dtype });
}
