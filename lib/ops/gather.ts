/**
 * Elements and slices that indices name at run time. Indices are int32 or int64, and negative ones count from the end of
 * their axis. On the CPU one that is out of range makes the result fail (`await y.data()` rejects with a ParamError). CUDA
 * does not wait to look at them: there nothing is read for such an index, its elements are 0, and the next read or sync of
 * the stream rejects with the same ParamError.
 */

import type {
  GatherElementsParams,
  GatherNdParams,
  GatherParams,
  OneHotParams,
} from '../../binding';
import type { DType } from '../dtype';
import { runOp } from '../run';
import type { Tensor } from '../tensor';

/** What names elements: whole numbers. */
export type IndexTensor = Tensor<'int32'> | Tensor<'int64'>;

/** Options of {@link gather}. */
export type GatherOptions = GatherParams;

/** Options of {@link gatherElements}. */
export type GatherElementsOptions = GatherElementsParams;

/** Options of {@link gatherNd}. */
export type GatherNdOptions = GatherNdParams;

/** Options of {@link oneHot}. */
export type OneHotOptions = OneHotParams;

/**
 * Slices of x along `axis`: that axis of the result is replaced by those of indices. Bits are copied as they are. ONNX
 * Gather-13.
 *
 * @param x rank 1 or more, any element type
 * @param indices any shape
 * @throws DtypeError for other indices; ShapeError for a scalar x or a result of more than 8 axes; ParamError for an axis that
 *   is out of range
 * @example
 * const table = tensor([[1, 2], [3, 4], [5, 6]]);
 * await gather(table, tensor([2, 0, -1], { dtype: 'int32' })).toArray(); // [[5, 6], [1, 2], [5, 6]]
 * await gather(table, tensor([1], { dtype: 'int32' }), { axis: 1 }).toArray(); // [[2], [4], [6]]
 */
export function gather<D extends DType>(
  x: Tensor<D>,
  indices: IndexTensor,
  options: GatherOptions = {},
): Tensor<D> {
  return runOp<D, 'gather'>('gather', [x, indices], options);
}

/**
 * Single elements of x, in the shape of indices: y[i, j] = x[indices[i, j], j] for axis 0 of two. Bits are copied as they are.
 * ONNX GatherElements-13.
 *
 * @param x rank 1 or more, any element type
 * @param indices the rank of x, not longer than x along the other axes
 * @throws DtypeError for other indices; ShapeError when the shapes do not fit; ParamError for an axis that is out of range
 * @example
 * const x = tensor([[1, 2], [3, 4]]);
 * await gatherElements(x, tensor([[1, 0]], { dtype: 'int32' })).toArray(); // [[3, 2]]
 */
export function gatherElements<D extends DType>(
  x: Tensor<D>,
  indices: IndexTensor,
  options: GatherElementsOptions = {},
): Tensor<D> {
  return runOp<D, 'gatherElements'>('gatherElements', [x, indices], options);
}

/**
 * Slices of x, each named by a tuple along the last axis of indices: [n.., q] gives [n.., x.shape[q..]]. The first `batchDims`
 * axes are shared: each of their entries has its own tuples. Bits are copied as they are. ONNX GatherND-13.
 *
 * @param x rank 1 or more, any element type
 * @param indices rank 1 or more; its last axis is at most as long as x has axes behind `batchDims`
 * @throws DtypeError for other indices; ShapeError when the shapes do not fit; ParamError when `batchDims` is too large
 * @example
 * const x = tensor([[1, 2], [3, 4]]);
 * await gatherNd(x, tensor([[1, 0], [0, 1]], { dtype: 'int32' })).data(); // Float32Array [3, 2]
 * await gatherNd(x, tensor([[1]], { dtype: 'int32' })).toArray(); // [[3, 4]]
 */
export function gatherNd<D extends DType>(
  x: Tensor<D>,
  indices: IndexTensor,
  options: GatherNdOptions = {},
): Tensor<D> {
  return runOp<D, 'gatherNd'>('gatherNd', [x, indices], options);
}

/**
 * A new axis of `depth` places, of which the one that an index names is `values[1]` and all others are `values[0]`. An index
 * out of range turns none on. ONNX OneHot-11.
 *
 * @param indices any shape of up to 7 axes
 * @param values [2]: off and on, any element type
 * @throws DtypeError for other indices; ShapeError when values are not two; ParamError for an axis that is out of range
 * @example
 * const classes = tensor([0, 2, -1], { dtype: 'int32' });
 * await oneHot(classes, tensor([0, 1]), { depth: 3 }).toArray(); // [[1, 0, 0], [0, 0, 1], [0, 0, 1]]
 */
export function oneHot<D extends DType>(
  indices: IndexTensor,
  values: Tensor<D>,
  options: OneHotOptions,
): Tensor<D> {
  return runOp<D, 'oneHot'>('oneHot', [indices, values], options);
}
