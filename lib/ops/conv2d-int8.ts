/** Quantized convolution with its sums narrowed in the same pass. */

import type { Conv2dInt8Params } from '../../binding';
import { checkOptions } from '../options';
import { runOp } from '../run';
import { scope } from '../scope';
import type { Tensor } from '../tensor';
import { channelTensor, type PerChannel, requireScale, requireTensor } from './per-channel';

/** Options of {@link conv2dInt8}. */
export interface Conv2dInt8Options extends Conv2dInt8Params {
  /** What a sum is multiplied by: `s_x * s_w / s_y` for codes, `s_x * s_w` for floats; one number, or one per output channel. */
  readonly scale: PerChannel;
  /** `[cout]`, int32, in units of the sums: `round(bias / (s_x * s_w))`. */
  readonly bias?: Tensor | null | undefined;
}

/**
 * 2-D convolution of int8 or uint8 with bias, activation and requantization in one step: on CUDA no int32 sum goes to
 * memory. ONNX QLinearConv-10 with `w_zero_point` 0.
 *
 * `acc = bias + sum of (x - xZeroPoint) * w`, exact modulo 2^32; padding stands for the real number 0, which is the code
 * `xZeroPoint`. Then
 * - `dtype: 'int8'` (default) or `'uint8'`: `clamp(round(acc * scale) + yZeroPoint)`, rounded as `requantize` does with
 *   `variant`; relu keeps codes from falling below `yZeroPoint`;
 * - `'float32'`, `'float16'`: `float32(acc) * scale`, relu, then one rounding to the dtype.
 *
 * The result is the same on every device, bit for bit.
 *
 * @param x `[n, c, h, w]`, or `[n, h, w, c]` with `layout: 'NHWC'`; int8 or uint8
 * @param w `[cout, cin / groups, kh, kw]`, or as `filterLayout` says; int8 or uint8, zero point 0
 * @param options `scale`, and those of `conv2d`. float64 scales (variants `tflite-double` and `tosa` take numbers as such)
 *   are for codes only.
 * @returns `[n, cout, oh, ow]` or `[n, oh, ow, cout]` of `dtype`
 * @throws ShapeError, DtypeError, ParamError when the arguments do not fit. A scale tensor outside a fixed-point variant's
 *   range rejects when the result is read.
 * @example
 * const x = tensor([130, 128, 126, 255], { shape: [1, 1, 2, 2], dtype: 'uint8' });
 * const w = tensor([3, -2], { shape: [2, 1, 1, 1], dtype: 'int8' });
 * const o = { xZeroPoint: 128, scale: [0.5, 0.25] };
 * await conv2dInt8(x, w, o).data(); // Int8Array [3, 0, -3, 127, -1, 0, 1, -64]
 * await conv2dInt8(x, w, { ...o, activation: 'relu' }).data(); // Int8Array [3, 0, 0, 127, 0, 0, 1, 0]
 */
export function conv2dInt8(x: Tensor, w: Tensor, options: Conv2dInt8Options): Tensor {
  requireTensor('conv2dInt8', 'x', x);
  checkOptions('conv2dInt8', options);
  const from = requireScale('conv2dInt8', options);
  const { scale: _, bias, ...params } = options;
  const fixed = params.variant === 'tflite-double' || params.variant === 'tosa';
  return scope(() => {
    const kind = fixed ? 'float64' : 'float32';
    const scale = channelTensor('conv2dInt8', 'scale', from, kind, x);
    return runOp('conv2dInt8', [x, w, scale, bias], params);
  });
}
