/** Values of images at places between their elements: grids, regions, deformable windows, and blocks put together. */

import type {
  Col2imParams,
  DeformPatchesParams,
  GridSampleParams,
  RoiAlignParams,
} from '../../binding';
import { runOp } from '../run';
import type { Tensor } from '../tensor';

/** Options of {@link gridSample}. */
export type GridSampleOptions = GridSampleParams;
/** Options of {@link roiAlign}. */
export type RoiAlignOptions = RoiAlignParams;
/** Options of {@link deformPatches}. */
export type DeformPatchesOptions = DeformPatchesParams;
/** Options of {@link col2im}. */
export type Col2imOptions = Col2imParams;

/**
 * `y[n, c, ...o]` = x[n, c] at the place `grid[n, ...o]`, whose coordinates (column, row, and for volumes slice) count from -1 to 1:
 * the centres of the outermost elements with `alignCorners`, else their outer edges. ONNX GridSample-20.
 *
 * Outside of x lie zeros (the default; they are left out of sums), its outermost elements ('border') or its mirror images
 * ('reflection'). 'cubic' is Keys' with a = -0.75; 'nearest' rounds ties to even. Places, weights and sums are float32 (float64 for
 * float64), the result is rounded once. A coordinate that is NaN gives NaN.
 *
 * @param x `[n, c, h, w]` or `[n, c, d, h, w]`; a float
 * @param grid `[n, h, w, 2]` or `[n, d, h, w, 3]`; float64 for float64, else float32
 * @throws ShapeError, DtypeError, ParamError when the arguments do not fit
 * @example
 * const x = tensor([1, 2, 3, 4], { shape: [1, 1, 2, 2] });
 * const middle = tensor([0, 0], { shape: [1, 1, 1, 2] });
 * await gridSample(x, middle).data(); // Float32Array [2.5]
 */
export function gridSample(x: Tensor, grid: Tensor, options: GridSampleOptions = {}): Tensor {
  return runOp('gridSample', [x, grid], options);
}

/**
 * Regions of images, each cut into `outputHeight` by `outputWidth` bins. A bin is the average of its samples, which are interpolated
 * linearly; with mode 'max' it is the largest weighted element of all its samples, as ONNX defines it. ONNX RoiAlign-22.
 *
 * Samples more than one position outside of the image are 0. Everything is float32 (float64 for float64), rounded once. A region
 * of an image that x does not have is NaN.
 *
 * @param x `[n, c, h, w]`; a float
 * @param rois `[regions, 4]`: x1, y1, x2, y2; float64 for float64, else float32
 * @param images `[regions]`, int64: the image of each region
 * @param options `samplingRatio`: samples of a bin along each axis (0: about one for each element); `spatialScale`: from the
 *   coordinates of the regions to those of x; `halfPixel`: shift coordinates by half an element (default)
 * @throws ShapeError, DtypeError, ParamError when the arguments do not fit
 * @example
 * const x = tensor([1, 2, 3, 4], { shape: [1, 1, 2, 2] });
 * const rois = tensor([0, 0, 2, 2], { shape: [1, 4] });
 * const images = tensor([0n], { dtype: 'int64' });
 * await roiAlign(x, rois, images).data(); // Float32Array [2.5]
 */
export function roiAlign(
  x: Tensor,
  rois: Tensor,
  images: Tensor<'int64'>,
  options: RoiAlignOptions = {},
): Tensor {
  return runOp('roiAlign', [x, rois, images], options);
}

/**
 * The patches that a deformable convolution multiplies its filter with: `y[n, c * taps + tap, window]` is x at the place of the tap,
 * moved by `offset`, interpolated linearly (what lies outside of x is left out), times `mask`. ONNX DeformConv-22.
 *
 * @param x `[n, c, h, w]`; float32 or float64
 * @param offset `[n, offsetGroups * taps * 2, rows, columns]`: how far each tap of each window is moved, down and to the right
 * @param mask `[n, offsetGroups * taps, rows, columns]`; absent: ones
 * @param options `kernel` `[rows, columns]`, `stride`, `dilation`; `padding` `[top, left, bottom, right]`; `offsetGroups`: groups of
 *   channels with offsets of their own
 * @throws ShapeError, DtypeError, ParamError when the arguments do not fit
 * @example
 * const x = tensor([1, 2, 3, 4], { shape: [1, 1, 2, 2] });
 * const halfDown = tensor([0.5, 0], { shape: [1, 2, 1, 1] });
 * await deformPatches(x, halfDown, undefined, { kernel: [1, 1], stride: [2, 2] }).data(); // Float32Array [2]
 */
export function deformPatches(
  x: Tensor,
  offset: Tensor,
  mask: Tensor | undefined,
  options: DeformPatchesOptions,
): Tensor {
  return runOp('deformPatches', [x, offset, mask], options);
}

/**
 * Blocks put where they lie in an image; where they overlap they are added. The inverse of cutting an image into the patches of
 * a convolution, but for the overlaps. ONNX Col2Im-18.
 *
 * Sums are float32 (float64 for float64), in the order of the positions of a block, rounded once.
 *
 * @param x `[n, c * positions of a block, blocks]`; a float
 * @param options `imageShape` and `blockShape`: sizes, of one to six axes; `stride` and `dilation` (default 1); `padding`: positions
 *   before each axis, then those after each
 * @returns `[n, c, ...imageShape]`
 * @throws ShapeError, DtypeError, ParamError when the arguments do not fit
 * @example
 * const x = tensor([1, 2, 3, 4], { shape: [1, 2, 2] });
 * await col2im(x, { imageShape: [3], blockShape: [2] }).data(); // Float32Array [1, 5, 4]
 */
export function col2im(x: Tensor, options: Col2imOptions): Tensor {
  return runOp('col2im', [x], options);
}
