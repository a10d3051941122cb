/**
 * A tensor with some elements or slices replaced by others, or combined with them. Several updates of one element are applied
 * in the order of the indices on every device, each result being rounded to the element type. Indices are those of `gather`:
 * one that is out of range makes the result fail on the CPU; on CUDA its update is left out, and the next read or sync of the
 * stream rejects with the same ParamError.
 */

import type { ScatterElementsParams, ScatterNdParams } from '../../binding';
import type { DType } from '../dtype';
import { runOp } from '../run';
import type { Tensor } from '../tensor';
import type { IndexTensor } from './gather';

/** Options of {@link scatterElements}. */
export type ScatterElementsOptions = ScatterElementsParams;

/** Options of {@link scatterNd}. */
export type ScatterNdOptions = ScatterNdParams;

/**
 * x with y[indices[i, j], j] = updates[i, j] for axis 0 of two; with a `reduction`, the sum, product, maximum or minimum of
 * the element and its update. float16 and bfloat16 are combined in float32; integers wrap. ONNX ScatterElements-18.
 *
 * @param x rank 1 or more, any element type; float or integer with a reduction
 * @param indices the rank of x, not longer than x along the other axes
 * @param updates the shape of indices and the element type of x
 * @throws DtypeError for other types; ShapeError when the shapes do not fit; ParamError for an axis that is out of range
 * @example
 * const x = tensor([1, 2, 3]);
 * const indices = tensor([2, 0, 2], { dtype: 'int32' });
 * await scatterElements(x, indices, tensor([10, 20, 30])).data(); // Float32Array [20, 2, 30]
 * await scatterElements(x, indices, tensor([10, 20, 30]), { reduction: 'add' }).data(); // Float32Array [21, 2, 43]
 */
export function scatterElements<D extends DType>(
  x: Tensor<D>,
  indices: IndexTensor,
  updates: Tensor<D>,
  options: ScatterElementsOptions = {},
): Tensor<D> {
  return runOp<D, 'scatterElements'>('scatterElements', [x, indices, updates], options);
}

/**
 * x with slices updated, each named by a tuple along the last axis of indices: indices [n.., q] and updates
 * [n.., x.shape[q..]]. Reductions are those of {@link scatterElements}. ONNX ScatterND-18.
 *
 * @param x rank 1 or more, any element type; float or integer with a reduction
 * @param indices rank 1 or more; its last axis is at most as long as x has axes
 * @param updates one slice for each tuple, of the element type of x
 * @throws DtypeError for other types; ShapeError when the shapes do not fit
 * @example
 * const x = tensor([[1, 2], [3, 4]]);
 * await scatterNd(x, tensor([[1]], { dtype: 'int32' }), tensor([[8, 9]])).toArray(); // [[1, 2], [8, 9]]
 */
export function scatterNd<D extends DType>(
  x: Tensor<D>,
  indices: IndexTensor,
  updates: Tensor<D>,
  options: ScatterNdOptions = {},
): Tensor<D> {
  return runOp<D, 'scatterNd'>('scatterNd', [x, indices, updates], options);
}
