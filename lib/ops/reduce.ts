/**
 * Reductions over axes. The result has the element type of x.
 *
 * float16, bfloat16 and float32 are accumulated in float32 and rounded once, float64 in float64, integers in int64; an
 * integer result that does not fit wraps. The order of a sum is fixed, whatever the shape, the number of threads and the
 * instruction set: native/ops/reduce/reduce.h says which. With `accumulate: 'float16'` (float16 tensors) terms are added one
 * after the other, each sum rounded to float16: what a half-precision accumulator does, stagnation and overflow included.
 */

import type { ArgMaxParams, ReduceMaxParams, ReduceSumParams } from '../../binding';
import type { DType } from '../dtype';
import { runOp } from '../run';
import type { Tensor } from '../tensor';

/** Options of {@link reduceSum}, {@link reduceMean}, {@link reduceSumSquare} and {@link reduceProd}. */
export type ReduceOptions = ReduceSumParams;

/** Options of {@link reduceMax} and {@link reduceMin}. */
export type ExtremumOptions = ReduceMaxParams;

/** Options of {@link argMax} and {@link argMin}. */
export type ArgReduceOptions = ArgMaxParams;

/**
 * Sum over axes; 0 over nothing. ONNX ReduceSum-13.
 *
 * @param x any shape, float or integer
 * @throws DtypeError for bool; ParamError for an axis that is out of range or given twice; UnsupportedError for an
 *   accumulator that the element type does not have
 * @example
 * const x = full([4096], 1, { dtype: 'float16' });
 * await reduceSum(x).data(); // Float32Array [4096]
 * await reduceSum(x, { accumulate: 'float16' }).data(); // Float32Array [2048]
 */
export function reduceSum<D extends DType>(x: Tensor<D>, options: ReduceOptions = {}): Tensor<D> {
  return runOp<D, 'reduceSum'>('reduceSum', [x], options);
}

/**
 * Mean over axes: the sum, divided by the number of terms. The mean of integers is truncated; over nothing it is NaN. ONNX
 * ReduceMean-18.
 *
 * @param x any shape, float or integer
 * @throws DtypeError for bool; ParamError for an axis that is out of range or given twice; UnsupportedError for an
 *   accumulator that the element type does not have; ShapeError for integers when there is nothing to reduce
 * @example
 * await reduceMean(tensor([[1, 2], [3, 6]]), { axes: [0] }).data(); // Float32Array [2, 4]
 */
export function reduceMean<D extends DType>(x: Tensor<D>, options: ReduceOptions = {}): Tensor<D> {
  return runOp<D, 'reduceMean'>('reduceMean', [x], options);
}

/**
 * Sum of squares over axes; 0 over nothing. ONNX ReduceSumSquare-18.
 *
 * @param x any shape, float or integer
 * @throws DtypeError for bool; ParamError for an axis that is out of range or given twice; UnsupportedError for an
 *   accumulator that the element type does not have
 * @example
 * await reduceSumSquare(tensor([3, 4])).data(); // Float32Array [25]
 */
export function reduceSumSquare<D extends DType>(
  x: Tensor<D>,
  options: ReduceOptions = {},
): Tensor<D> {
  return runOp<D, 'reduceSumSquare'>('reduceSumSquare', [x], options);
}

/**
 * Product over axes; 1 over nothing. ONNX ReduceProd-18.
 *
 * @param x any shape, float or integer
 * @throws DtypeError for bool; ParamError for an axis that is out of range or given twice; UnsupportedError for an
 *   accumulator that the element type does not have
 * @example
 * await reduceProd(tensor([2, 3, 4])).data(); // Float32Array [24]
 */
export function reduceProd<D extends DType>(x: Tensor<D>, options: ReduceOptions = {}): Tensor<D> {
  return runOp<D, 'reduceProd'>('reduceProd', [x], options);
}

/**
 * Greatest element over axes. NaN if there is a NaN; 0 is greater than -0. Over nothing: -Infinity, or the smallest integer.
 * ONNX ReduceMax-20.
 *
 * @param x any shape, float or integer
 * @throws DtypeError for bool; ParamError for an axis that is out of range or given twice
 * @example
 * await reduceMax(tensor([[1, 5], [7, 2]]), { axes: [1], keepDims: true }).toArray(); // [[5], [7]]
 */
export function reduceMax<D extends DType>(x: Tensor<D>, options: ExtremumOptions = {}): Tensor<D> {
  return runOp<D, 'reduceMax'>('reduceMax', [x], options);
}

/**
 * Smallest element over axes. NaN if there is a NaN; -0 is less than 0. Over nothing: Infinity, or the largest integer. ONNX
 * ReduceMin-20.
 *
 * @param x any shape, float or integer
 * @throws DtypeError for bool; ParamError for an axis that is out of range or given twice
 * @example
 * await reduceMin(tensor([[1, 5], [7, 2]]), { axes: [1] }).data(); // Float32Array [1, 2]
 */
export function reduceMin<D extends DType>(x: Tensor<D>, options: ExtremumOptions = {}): Tensor<D> {
  return runOp<D, 'reduceMin'>('reduceMin', [x], options);
}

/**
 * Index of the first greatest element along one axis (default: the last). A NaN counts as the greatest; both zeros are equal.
 * ONNX ArgMax-13.
 *
 * @param x rank 1 or more, float or integer
 * @returns int64, the shape of x without that axis
 * @throws DtypeError for bool; ShapeError for scalars and where there is no element; ParamError for an axis out of range
 * @example
 * await argMax(tensor([[1, 5], [7, 2]])).data(); // BigInt64Array [1n, 0n]
 */
export function argMax(x: Tensor, options: ArgReduceOptions = {}): Tensor<'int64'> {
  return runOp<'int64', 'argMax'>('argMax', [x], options);
}

/**
 * Index of the first smallest element along one axis (default: the last). A NaN counts as the smallest; both zeros are equal.
 * ONNX ArgMin-13.
 *
 * @param x rank 1 or more, float or integer
 * @returns int64, the shape of x without that axis
 * @throws DtypeError for bool; ShapeError for scalars and where there is no element; ParamError for an axis out of range
 * @example
 * await argMin(tensor([3, 1, 1])).data(); // BigInt64Array [1n]
 */
export function argMin(x: Tensor, options: ArgReduceOptions = {}): Tensor<'int64'> {
  return runOp<'int64', 'argMin'>('argMin', [x], options);
}
