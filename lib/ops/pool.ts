/** Pooling over windows of images. */

import type { MaxPool2dParams } from '../../binding';
import { runOp } from '../run';
import type { Tensor } from '../tensor';

/** Options of {@link maxPool2d}. */
export type MaxPool2dOptions = MaxPool2dParams;

/**
 * The largest value of each window. ONNX MaxPool-12 without Indices.
 *
 * Padding counts as -Infinity (integers: as their smallest value). A NaN in a window makes its result NaN; +0 is larger
 * than -0. With `ceilMode` the number of windows is rounded up; a last window that would begin after the image and its
 * leading padding is left out.
 *
 * @param x `[n, c, h, w]`, or `[n, h, w, c]` with `layout: 'NHWC'`; float32, float16, bfloat16, int8 or uint8
 * @param options `kernel` `[rows, columns]`, stride (default 1), padding, dilation
 * @returns a tensor of the dtype of x
 * @throws ShapeError, DtypeError, ParamError when the arguments do not fit
 * @example
 * const x = tensor([1, 4, 3, 2], { shape: [1, 1, 2, 2] });
 * await maxPool2d(x, { kernel: [1, 2] }).data(); // Float32Array [4, 3]
 */
export function maxPool2d(x: Tensor, options: MaxPool2dOptions): Tensor {
  return runOp('maxPool2d', [x], { ...options });
}
