/** 2-D convolution and its gradients. */

import type {
  Compute,
  Conv2dBackwardFilterParams,
  Conv2dBackwardInputParams,
  Conv2dParams,
} from '../../binding';
import { defaultConvCompute } from '../env';
import { checkOptions } from '../options';
import { runOp } from '../run';
import { Tensor } from '../tensor';

/** Options of {@link conv2d}. */
export interface Conv2dOptions extends Conv2dParams {
  /** `[cout]`; the output's dtype, or float32 when sums are float32. */
  readonly bias?: Tensor | null | undefined;
  /** Added after the bias, before the activation; the output's shape and dtype. */
  readonly residual?: Tensor | null | undefined;
}
/** Options of {@link conv2dBackwardInput}. */
export type Conv2dBackwardInputOptions = Conv2dBackwardInputParams;
/** Options of {@link conv2dBackwardFilter}. */
export type Conv2dBackwardFilterOptions = Conv2dBackwardFilterParams;

/** The option in code, else what the environment asks for, else the op's own default. */
function computeOf(x: Tensor, compute: Compute | null | undefined): Compute | null | undefined {
  return compute === undefined && x instanceof Tensor ? defaultConvCompute(x.dtype) : compute;
}

/**
 * 2-D convolution (cross-correlation: the filter is not flipped): `activation(conv(x, w) + bias + residual)`. ONNX Conv-11; TensorFlow Conv2D with `layout: 'NHWC', filterLayout: 'HWIO'`.
 *
 * `compute` decides the arithmetic:
 *
 * | dtype of x and w | `compute` | sums |
 * |---|---|---|
 * | float32 | `'float32'` (default) | float32 products and sums |
 * | float32 | `'tf32'` | x and w rounded to 10 fraction bits first |
 * | float16, bfloat16 | `'float32'` (default) | exact products, float32 sums, one rounding to the output |
 * | float16 | `'float16'` | one fused multiply-add per term over kernel row, kernel column, input channel; padding is skipped; bias and residual are added with one float16 addition each |
 * | int8, uint8 (mixed too) | `'int32'` (default) | exact, modulo 2^32; the output is int32 |
 *
 * Float32 sums get bias and residual in float32 and are rounded once: a convolution, then `add`, rounds twice.
 *
 * Without `compute`, `HALFTONE_FP16_CONV_USE_FP32_COMPUTE=0` makes it `'float16'` for float16, and
 * `HALFTONE_ALLOW_TF32=1` makes it `'tf32'` for float32.
 *
 * @param x `[n, c, h, w]`, or `[n, h, w, c]` with `layout: 'NHWC'`
 * @param w `[cout, cin / groups, kh, kw]`, or as `filterLayout` says: `OHWI`, `HWIO`
 * @returns `[n, cout, oh, ow]` or `[n, oh, ow, cout]`; the dtype of x, int32 for integers, or `outputDType`
 * @throws ShapeError, DtypeError, ParamError when the arguments do not fit; UnsupportedError when the dtype does not
 * offer that `compute`, naming one that it does
 * @example
 * const x = tensor([65519, 65519, 65519, 65519], { shape: [1, 1, 4, 1], dtype: 'float16' });
 * const w = tensor([65519, -65519], { shape: [1, 2, 1, 1], dtype: 'float16' });
 * const o = { layout: 'NHWC', filterLayout: 'HWIO' } as const;
 * await conv2d(x, w, { ...o, compute: 'float32' }).data(); // Float32Array [0, 0, 0]
 * await conv2d(x, w, { ...o, compute: 'float16' }).data(); // Float32Array [Infinity, Infinity, Infinity]
 */
export function conv2d(x: Tensor, w: Tensor, options: Conv2dOptions = {}): Tensor {
  checkOptions('conv2d', options);
  const { bias, residual, ...params } = options;
  const compute = computeOf(x, params.compute);
  return runOp('conv2d', [x, w, bias, residual], { ...params, compute });
}

/**
 * The gradient of `sum(conv2d(x, w) * dy)` with respect to x; also the transposed convolution of dy. TensorFlow
 * Conv2DBackpropInput, ONNX ConvTranspose-11 without bias.
 *
 * float32 sums by default. `compute: 'float16'`: one fused multiply-add per term over kernel row, kernel column, output
 * channel of the group.
 *
 * @param dy gradient of conv2d's output; float32, float16 or bfloat16
 * @param w conv2d's filter
 * @param options `inputSize` `[height, width]` of conv2d's x, and the options that conv2d had
 * @returns a tensor of the shape of x; the dtype of dy, or `outputDType`
 * @throws ShapeError when conv2d would not give an output of the shape of dy; DtypeError, ParamError, UnsupportedError
 * @example
 * const dy = tensor([1, 10], { shape: [1, 1, 1, 2] });
 * const w = tensor([1, 2], { shape: [1, 1, 1, 2] });
 * await conv2dBackwardInput(dy, w, { inputSize: [1, 3] }).data(); // Float32Array [1, 12, 20]
 */
export function conv2dBackwardInput(
  dy: Tensor,
  w: Tensor,
  options: Conv2dBackwardInputOptions,
): Tensor {
  return runOp('conv2dBackwardInput', [dy, w], {
    ...options,
    compute: computeOf(dy, options?.compute),
  });
}

/**
 * The gradient of `sum(conv2d(x, w) * dy)` with respect to w. TensorFlow Conv2DBackpropFilter.
 *
 * float32 sums by default. `compute: 'float16'`: one fused multiply-add per term over image, output row, output column;
 * such long sums stagnate in float16.
 *
 * @param x conv2d's input; float32, float16 or bfloat16
 * @param dy gradient of conv2d's output
 * @param options `filterSize` `[rows, columns]`, and the options that conv2d had
 * @returns a tensor of the shape of w; the dtype of x, or `outputDType`
 * @throws ShapeError when conv2d would not give an output of the shape of dy; DtypeError, ParamError, UnsupportedError
 * @example
 * const x = tensor([1, 2, 3], { shape: [1, 1, 1, 3] });
 * const dy = tensor([1, 10], { shape: [1, 1, 1, 2] });
 * await conv2dBackwardFilter(x, dy, { filterSize: [1, 2] }).data(); // Float32Array [21, 32]
 */
export function conv2dBackwardFilter(
  x: Tensor,
  dy: Tensor,
  options: Conv2dBackwardFilterOptions,
): Tensor {
  return runOp('conv2dBackwardFilter', [x, dy], {
    ...options,
    compute: computeOf(x, options?.compute),
  });
}
