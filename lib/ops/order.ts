/** What follows from the order of elements along an axis. */

import type { CumProdParams, CumSumParams, TopKParams } from '../../binding';
import type { DType } from '../dtype';
import { runOp, runOpAll } from '../run';
import type { Tensor } from '../tensor';

/** Options of {@link topK}. */
export type TopKOptions = TopKParams;

/** Options of {@link cumSum}. */
export type CumSumOptions = CumSumParams;

/** Options of {@link cumProd}. */
export type CumProdOptions = CumProdParams;

/**
 * The `k` greatest elements along `axis`, the greatest first, and where they are (int64); with `largest: false` the smallest,
 * the smallest first. Equal elements, the two zeros among them, keep their order. NaN counts as greater than all others. ONNX
 * TopK-11, sorted. On CUDA an axis has at most 65536 elements.
 *
 * @param x rank 1 or more, float or integer
 * @throws DtypeError for bool; ShapeError for a scalar; ParamError for a k above the size of the axis, or an axis that is out of
 *   range
 * @example
 * const { values, indices } = topK(tensor([3, 9, 1, 9]), { k: 3 });
 * await values.data(); // Float32Array [9, 9, 3]
 * await indices.data(); // BigInt64Array [1n, 3n, 0n]
 */
export function topK<D extends DType>(
  x: Tensor<D>,
  options: TopKOptions,
): { values: Tensor<D>; indices: Tensor<'int64'> } {
  const [values, indices] = runOpAll('topK', [x], options);
  return { values: values as Tensor<D>, indices: indices as Tensor<'int64'> };
}

/**
 * Running sums along `axis`: x[0], x[0] + x[1], ... `exclusive` leaves the own element out, so that the first sum is 0;
 * `reverse` begins at the end. float16 and bfloat16 are summed in float32 and every result is rounded once; integers wrap.
 * ONNX CumSum-14.
 *
 * @param x rank 1 or more, float or integer
 * @throws DtypeError for bool; ShapeError for a scalar; ParamError for an axis that is out of range
 * @example
 * const x = tensor([1, 2, 3]);
 * await cumSum(x).data(); // Float32Array [1, 3, 6]
 * await cumSum(x, { exclusive: true, reverse: true }).data(); // Float32Array [5, 3, 0]
 */
export function cumSum<D extends DType>(x: Tensor<D>, options: CumSumOptions = {}): Tensor<D> {
  return runOp<D, 'cumSum'>('cumSum', [x], options);
}

/**
 * Running products along `axis`: x[0], x[0] x[1], ... `exclusive` leaves the own element out, so that the first product is 1;
 * `reverse` begins at the end. float16 and bfloat16 are multiplied in float32 and every result is rounded once; integers wrap.
 * ONNX CumProd-26.
 *
 * @param x rank 1 or more, float or integer
 * @throws DtypeError for bool; ShapeError for a scalar; ParamError for an axis that is out of range
 * @example
 * await cumProd(tensor([1, 2, 3])).data(); // Float32Array [1, 2, 6]
 */
export function cumProd<D extends DType>(x: Tensor<D>, options: CumProdOptions = {}): Tensor<D> {
  return runOp<D, 'cumProd'>('cumProd', [x], options);
}
