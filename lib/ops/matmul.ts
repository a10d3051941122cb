/** The matrix product of NumPy and ONNX. */

import type { Compute, DType, MatmulParams } from '../../binding';
import { defaultMatmulCompute } from '../env';
import { checkOptions } from '../options';
import { runOp } from '../run';
import { Tensor } from '../tensor';

/** Options of {@link matmul}. */
export type MatmulOptions = MatmulParams;

/**
 * The option in code, else what the environment asks for, else the op's own default. An `outputDType` other than that of
 * the inputs asks for wide sums, so the environment does not narrow them.
 */
export function matmulCompute(
  a: Tensor,
  compute: Compute | null | undefined,
  outputDType: DType | null | undefined,
): Compute | null | undefined {
  if (compute !== undefined || !(a instanceof Tensor)) return compute;
  return (outputDType ?? a.dtype) === a.dtype ? defaultMatmulCompute(a.dtype) : undefined;
}

/**
 * `op(a) * op(b)`. numpy.matmul, ONNX MatMul-13, and MatMulInteger-10 without zero points. Leading axes broadcast; a
 * tensor of one axis is a row as `a` and a column as `b`, and that axis is left out of the result. `transA` and `transB`
 * exchange the last two axes first.
 *
 * `compute` decides the arithmetic:
 *
 * | dtype of a and b | `compute` | sums | result |
 * |---|---|---|---|
 * | float32 | `'float32'` (default) | float32 | float32 |
 * | float32 | `'tf32'` | float32, after rounding a and b to 10 fraction bits (ties away from zero) | float32 |
 * | float16 | `'float32'` (default) | exact products, float32 sums, one rounding to the result | float16, or `outputDType: 'float32'` |
 * | float16 | `'float16'` | one fused multiply-add per term, k ascending, each rounded to float16 | float16 |
 * | bfloat16 | `'float32'` (default) | exact products, float32 sums, one rounding to the result | bfloat16, or `outputDType: 'float32'` |
 * | float64 | left out | float64 | float64 |
 * | int8, uint8 (mixed too) | `'int32'` (default) | exact, modulo 2^32 | int32 |
 *
 * On the CPU a float32 sum is made of partial sums of 256 terms, each a chain of fused multiply-adds with k ascending, added
 * in ascending order: the same bits for any number of threads. Without `compute`,
 * `HALFTONE_FP16_MATMUL_USE_FP32_COMPUTE=0` makes it `'float16'` for float16, and `HALFTONE_ALLOW_TF32=1` makes it `'tf32'`
 * for float32.
 *
 * @param a `[..., m, k]` or `[k]`
 * @param b `[..., k, n]` or `[k]`; the dtype of a
 * @returns `[..., m, n]`
 * @throws ShapeError, DtypeError, ParamError when the arguments do not fit; UnsupportedError when the dtype does not
 * offer that `compute` or `outputDType`, naming one that it does
 * @example
 * const a = tensor([1, 2, 3, 4], { shape: [2, 2] });
 * await matmul(a, tensor([10, 1])).data(); // Float32Array [12, 34]
 * const ones = tensor(new Array(4096).fill(1), { dtype: 'float16' });
 * await matmul(ones, ones).data(); // Float32Array [4096]
 * await matmul(ones, ones, { compute: 'float16' }).data(); // Float32Array [2048]
 */
export function matmul(a: Tensor, b: Tensor, options: MatmulOptions = {}): Tensor {
  checkOptions('matmul', options);
  const compute = matmulCompute(a, options.compute, options.outputDType);
  return runOp('matmul', [a, b], { ...options, compute });
}
