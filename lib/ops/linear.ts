/** The fully connected layer. */

import type { LinearParams } from '../../binding';
import { checkOptions } from '../options';
import { runOp } from '../run';
import type { Tensor } from '../tensor';
import { matmulCompute } from './matmul';

/** Options of {@link linear}. */
export interface LinearOptions extends LinearParams {
  /** Added to each row of the result; `[n]`, the result's dtype. */
  readonly bias?: Tensor | null | undefined;
}

/**
 * Fully connected layer: `activation(x * transpose(w) + bias)`. Caffe2's FC, ONNX Gemm-13 with transB, cublasLtMatmul with
 * its epilogue.
 *
 * | x, w | `compute` | result (`outputDType`) |
 * |---|---|---|
 * | float32 | `'float32'` (default), `'tf32'` | float32 |
 * | float16 | `'float32'` (default) | float16 (default), float32 |
 * | float16 | `'float16'` | float16 |
 * | bfloat16 | `'float32'` | bfloat16 (default), float32 |
 *
 * Sums as in {@link matmul}. With `'float32'` and `'tf32'` the bias is added and the activation applied in float32, then one
 * rounding to the result. With `'float16'` the sum plus the bias is rounded to float16, and so is the value of the activation.
 * `'gelu-tanh'` is the formula of `gelu(x, { approximate: 'tanh' })`: cuBLASLt has no other GELU. Without `compute` the
 * environment decides as for {@link matmul}.
 *
 * @param x `[..., k]`
 * @param w `[n, k]`, or `[k, n]` with `transW`; the dtype of x
 * @returns `[..., n]`
 * @throws ShapeError, DtypeError, ParamError when the arguments do not fit; UnsupportedError when the dtype does not
 * offer that `compute` or `outputDType`, naming one that it does
 * @example
 * const x = tensor([1, 2, 3, 4], { shape: [2, 2] });
 * const w = tensor([1, 0, 0, -1, 1, 1], { shape: [3, 2] });
 * await linear(x, w).data(); // Float32Array [1, -2, 3, 3, -4, 7]
 * const bias = tensor([0.5, 0, -4]);
 * await linear(x, w, { bias, activation: 'relu' }).data(); // Float32Array [1.5, 0, 0, 3.5, 0, 3]
 */
export function linear(x: Tensor, w: Tensor, options: LinearOptions = {}): Tensor {
  checkOptions('linear', options);
  const { bias, ...params } = options;
  const compute = matmulCompute(x, params.compute, params.outputDType);
  return runOp('linear', [x, w, bias], { ...params, compute });
}
