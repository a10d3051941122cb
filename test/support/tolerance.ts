/**
 * Error bounds of floating-point results, derived from the number of terms and the types: no test writes an epsilon.
 *
 * u = 2^-(fraction bits + 1) is the largest relative error of one rounding to nearest, `floor` half the smallest
 * subnormal: its largest absolute error near zero. `magnitude` is the sum of the absolute values of the terms,
 * in float64. test/native/tolerance.h is the same for native tests.
 */

import { type DType, finfo, type FloatDType, isFloatDType } from '../../lib/dtype';

/** Largest relative error of one rounding to `dtype`; 0 for integers. */
export function unitRoundoff(dtype: DType): number {
  return isFloatDType(dtype) ? finfo(dtype).eps / 2 : 0;
}

function floor(dtype: DType): number {
  return isFloatDType(dtype) ? finfo(dtype as FloatDType).smallestSubnormal / 2 : 0;
}

/** Of a result that is exact but for one rounding to `dtype`. */
export function roundingBound(y: number, dtype: DType): number {
  return unitRoundoff(dtype) * Math.abs(y) * 1.001 + floor(dtype);
}

/**
 * Of a function computed by a library in float32 (float64 for float64) with an error of at most `ulps`, then rounded to
 * `dtype`.
 */
export function functionBound(y: number, dtype: DType, ulps = 2): number {
  const inner: DType = dtype === 'float64' ? 'float64' : 'float32';
  return roundingBound(y, dtype) + ulps * 2 * unitRoundoff(inner) * Math.abs(y) + floor(inner);
}

/**
 * Of a sum of `terms` products accumulated in `accumulate` and rounded to `dtype`.
 *
 * The error of a sequential sum in float32 grows like the square root of its length for independent roundings; 4 standard
 * deviations hold. In float16 the partial sums stagnate, so that the worst case, one unit for each term, is reached by
 * short sums; long ones stay within 8 sqrt(terms).
 */
export function sumBound(
  y: number,
  magnitude: number,
  terms: number,
  dtype: DType,
  accumulate: 'float16' | 'float32' | 'float64' | 'tf32' = 'float32',
): number {
  const output = roundingBound(y, dtype);
  const root = Math.sqrt(Math.max(terms, 1));
  switch (accumulate) {
    case 'float16':
      return output + Math.min(terms, 8 * root) * 2 ** -11 * magnitude + floor('float16');
    case 'tf32': // both operands are rounded to 10 fraction bits first
      return output + (2 * 2 ** -11 * 1.001 + 4 * root * 2 ** -24) * magnitude;
    case 'float32':
      return output + 4 * root * 2 ** -24 * magnitude;
    case 'float64':
      return output + 4 * root * 2 ** -53 * magnitude;
  }
}

/**
 * The bound of ONNX's own conformance suite (rtol 1e-3, atol 1e-7), for its cases. `scale` is that of results which are not
 * known better than their greatest one: the expected spectra of DFT and STFT were computed by a float32 FFT, whose error is a
 * few u of the whole norm in every result, so that zeros of them hold noise above 1e-7.
 */
export function onnxCaseBound(y: number, scale = 0): number {
  return 1e-7 + 1e-3 * Math.abs(y) + 4 * unitRoundoff('float32') * scale;
}

/**
 * Of an output of a network computed by two programs that store as its file says and sum in float32: the norm of their
 * difference, relative to the norm of the output.
 *
 * Each node rounds its result (an error of u, evenly distributed: u^2 / 3 in the mean square) and each of its `terms` sums
 * in float32; in two programs these errors are independent, and layers with relu hand a relative error on about as large as
 * it comes. Four standard deviations hold.
 *
 * @param terms products that each node sums; 1 for a node that sums none
 * @param unit largest relative error of one rounding of what is stored: `unitRoundoff`, 2^-8 for 8-bit codes
 */
export function networkBound(terms: readonly number[], unit: number): number {
  const square = terms.reduce((sum, n) => sum + unit ** 2 / 3 + n * 2 ** -48, 0);
  return 4 * Math.sqrt(2 * square);
}
