/** Matrix products as cuBLAS has them: one dtype for everything, separate dtypes, and 8-bit integers. */

import type { GemmExParams, GemmInt8Params, HgemmParams } from '../../binding';
import { checkOptions } from '../options';
import { runOp } from '../run';
import type { Tensor } from '../tensor';
import { matmulCompute } from './matmul';

/** Options of {@link hgemm}. */
export interface HgemmOptions extends HgemmParams {
  /** Added, times beta; float16, broadcasts to the result. */
  readonly c?: Tensor | null | undefined;
}
/** Options of {@link gemmEx}. */
export interface GemmExOptions extends GemmExParams {
  /** Added, times beta; the result's dtype, broadcasts to the result. */
  readonly c?: Tensor | null | undefined;
}
/** Options of {@link gemmInt8}. */
export type GemmInt8Options = GemmInt8Params;

/**
 * `alpha * op(a) * op(b) + beta * c`, everything in float16. cublasHgemm, cublasHgemmStridedBatched.
 *
 * Sums are `acc = fma(a, b, acc)` in float16 with k ascending, from 0; then `t = alpha * acc` and `fma(beta, c, t)`, each
 * rounded once. alpha and beta (both 1 when left out) are rounded to float16 first; c is not read when beta is 0. Such
 * sums stagnate at 2048 times a term and overflow at 65520: {@link gemmEx} sums in float32.
 *
 * @param a `[..., m, k]`, or `[..., k, m]` with `transA`; float16
 * @param b `[..., k, n]`, or `[..., n, k]` with `transB`; float16. Leading axes as those of a, or none on one side
 * @returns `[..., m, n]` float16
 * @throws ShapeError, DtypeError, ParamError when the arguments do not fit
 * @example
 * const a = tensor([1, 2, 3, 4], { shape: [2, 2], dtype: 'float16' });
 * const c = tensor([0.5, 0.25], { dtype: 'float16' });
 * await hgemm(a, a, { transB: true, alpha: 2, c }).data(); // Float32Array [10.5, 22.25, 22.5, 50.25]
 */
export function hgemm(a: Tensor, b: Tensor, options: HgemmOptions = {}): Tensor<'float16'> {
  checkOptions('hgemm', options);
  const { c, ...params } = options;
  return runOp<'float16', 'hgemm'>('hgemm', [a, b, c], params);
}

/**
 * `alpha * op(a) * op(b) + beta * c` with separate types of inputs, sums and result. cublasGemmEx,
 * cublasGemmStridedBatchedEx, cublasSgemmEx.
 *
 * | a, b | `compute` | result (`outputDType`) | alpha, beta, c |
 * |---|---|---|---|
 * | float16 | `'float32'` (default) | float16 (default), float32 | applied in float32, one rounding at the end |
 * | float16 | `'float16'` | float16 | as {@link hgemm} |
 * | bfloat16 | `'float32'` | bfloat16 (default), float32 | applied in float32, one rounding at the end |
 * | float32 | `'float32'` (default), `'tf32'` | float32 | applied in float32 |
 * | int8 | `'int32'` | int32 (default) | whole numbers, modulo 2^32 |
 * | int8 | `'int32'` | float32 | the sum becomes a float32, then applied in float32 |
 *
 * In float32: `t = alpha * sum`, then `fma(beta, c, t)`. alpha and beta are 1 when left out; c is not read when beta is 0.
 * Without `compute` the environment decides as for {@link matmul}.
 *
 * @param a `[..., m, k]`, or `[..., k, m]` with `transA`
 * @param b `[..., k, n]`, or `[..., n, k]` with `transB`; the dtype of a. Leading axes as those of a, or none on one side
 * @returns `[..., m, n]`
 * @throws ShapeError, DtypeError, ParamError when the arguments do not fit; UnsupportedError for types that are not in the
 * table, naming those that are
 * @example
 * const a = tensor([100, 100, -100, 100], { shape: [2, 2], dtype: 'int8' });
 * await gemmEx(a, a).data(); // Int32Array [0, 20000, -20000, 0]
 * await gemmEx(a, a, { outputDType: 'float32', alpha: 0.5 }).data(); // Float32Array [0, 10000, -10000, 0]
 */
export function gemmEx(a: Tensor, b: Tensor, options: GemmExOptions = {}): Tensor {
  checkOptions('gemmEx', options);
  const { c, ...params } = options;
  const compute = matmulCompute(a, params.compute, params.outputDType);
  return runOp('gemmEx', [a, b, c], { ...params, compute });
}

/**
 * `(op(a) - aZeroPoint) * (op(b) - bZeroPoint)` of 8-bit integers: exact, in int32, modulo 2^32. ONNX MatMulInteger-10 with
 * scalar zero points.
 *
 * `kernel` chooses what multiplies, with the same result: `'dp4a'` groups of four products, `'imma'` the integer tensor
 * cores of a GPU, `'auto'` the fastest that fits.
 *
 * @param a `[..., m, k]`, or `[..., k, m]` with `transA`; int8 or uint8
 * @param b `[..., k, n]`, or `[..., n, k]` with `transB`; int8 or uint8. Leading axes as those of a, or none on one side
 * @returns `[..., m, n]` int32
 * @throws ShapeError, DtypeError, ParamError when the arguments do not fit; UnsupportedError when `'imma'` is asked of a
 * device without tensor cores
 * @example
 * const a = tensor([255, 0], { shape: [1, 2], dtype: 'uint8' });
 * const b = tensor([-128, 127], { shape: [1, 2], dtype: 'int8' });
 * await gemmInt8(a, b, { transB: true }).data(); // Int32Array [-32640]
 * await gemmInt8(a, b, { transB: true, aZeroPoint: 255 }).data(); // Int32Array [-32385]
 */
export function gemmInt8(a: Tensor, b: Tensor, options: GemmInt8Options = {}): Tensor<'int32'> {
  return runOp<'int32', 'gemmInt8'>('gemmInt8', [a, b], options);
}

/**
 * `c` plus the sum of four products, modulo 2^32: CUDA's `__dp4a`, for all four pairings of signed and unsigned bytes.
 *
 * @param a `[..., 4]`; int8 or uint8
 * @param b `[..., 4]`; int8 or uint8; the leading axes of a and b broadcast
 * @param c int32; broadcasts to the result; 0 when left out
 * @returns `[...]` int32
 * @throws ShapeError, DtypeError when the arguments do not fit
 * @example
 * const a = tensor([1, -2, 3, -4], { dtype: 'int8' });
 * const b = tensor([255, 1, 1, 1], { dtype: 'uint8' });
 * await dot4(a, b, tensor(1000, { dtype: 'int32' })).data(); // Int32Array [1252]
 */
export function dot4(a: Tensor, b: Tensor, c?: Tensor | null): Tensor<'int32'> {
  return runOp<'int32', 'dot4'>('dot4', [a, b, c], {});
}
