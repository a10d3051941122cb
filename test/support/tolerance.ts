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

/** How sums may be accumulated. `tf32-cut`: as tf32, but the operands are cut to 10 fraction bits instead of rounded. */
export type Accumulation = 'float16' | 'float32' | 'float64' | 'tf32' | 'tf32-cut';

/** What `compute` stands for on a device: wgmma cuts operands of tf32 (PTX ISA), and libraries need not round them first. */
export const sumsOn = <C extends string>(device: string, compute: C): C | 'tf32-cut' =>
  compute === 'tf32' && device !== 'cpu' ? 'tf32-cut' : compute;

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
  accumulate: Accumulation = 'float32',
): number {
  const output = roundingBound(y, dtype);
  const root = Math.sqrt(Math.max(terms, 1));
  switch (accumulate) {
    case 'float16':
      return output + Math.min(terms, 8 * root) * 2 ** -11 * magnitude + floor('float16');
    case 'tf32': // both operands are rounded to 10 fraction bits first
      return output + (2 * 2 ** -11 * 1.001 + 4 * root * 2 ** -24) * magnitude;
    case 'tf32-cut':
      return output + (2 * 2 ** -10 * 1.001 + 4 * root * 2 ** -24) * magnitude;
    case 'float32':
      return output + 4 * root * 2 ** -24 * magnitude;
    case 'float64':
      return output + 4 * root * 2 ** -53 * magnitude;
  }
}

/** The bound of ONNX's own conformance suite (rtol 1e-3, atol 1e-7), for its cases. */
export function onnxCaseBound(y: number): number {
  return 1e-7 + 1e-3 * Math.abs(y);
}

/**
 * Of each number of a spectrum that a float32 FFT has computed, by the norm of its whole spectrum (of both sides).
 *
 * An FFT of n points is log2(n) stages, each a matrix of norm sqrt(2) with one product by a root of unity and one addition of
 * complex numbers in each number, so that the norm of the error is at most log2(n) eta / (1 - log2(n) eta) of that of the
 * result, with eta = mu + gamma_4 (sqrt(2) + mu), gamma_4 = 4u / (1 - 4u), and mu <= u the error of the roots (Higham, Accuracy
 * and Stability of Numerical Algorithms, 2nd ed., theorem 24.2). No number's error is larger than the norm of all. Other radices
 * have fewer stages.
 */
export function fftBound(n: number, norm: number): number {
  const u = unitRoundoff('float32');
  const eta = u + ((4 * u) / (1 - 4 * u)) * (Math.SQRT2 + u);
  const stages = Math.log2(Math.max(n, 2)) * eta;
  return (stages / (1 - stages)) * norm;
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
