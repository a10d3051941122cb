/** From a range of real numbers to a scale and a zero point, by the formulas of ONNX Runtime's quantization tool. */

import { iinfo } from '../dtype';
import { ParamError } from '../errors';
import { minMax } from '../ops/min-max';
import { type CodeDType, quantize } from '../ops/quantize';
import { scope } from '../scope';
import { checkOptions, type OptionKinds } from '../options';
import type { Tensor } from '../tensor';

/** symmetric: 0 is the middle code and the range as wide on both sides; affine: the codes cover [min, max]. */
export type QuantScheme = 'symmetric' | 'affine';

/** Options of {@link chooseQParams}. */
export interface QParamsOptions {
  /** Type of the codes: int8 (default), uint8, int16 or uint16. */
  readonly dtype?: CodeDType | undefined;
  /** Default symmetric. */
  readonly scheme?: QuantScheme | undefined;
  /** Leave out the least code of a signed type: [-127, 127]. Default: only for symmetric int8 and int16. */
  readonly narrowRange?: boolean | undefined;
  /** One bit less, for CPUs whose int8 products saturate at 16 bits (x86 before VNNI). Default false. */
  readonly reduceRange?: boolean | undefined;
  /** A range is widened to at least this, at its upper end. Default 0. */
  readonly minRealRange?: number | undefined;
}

const QPARAMS_OPTIONS: OptionKinds<QParamsOptions> = {
  dtype: 'any',
  scheme: 'any',
  narrowRange: 'any',
  reduceRange: 'any',
  minRealRange: 'any',
};

/** How codes stand for real numbers: real = (q - zeroPoint) * scale. */
export interface QParams {
  readonly dtype: CodeDType;
  /** A positive float32. */
  readonly scale: number;
  readonly zeroPoint: number;
  /** The codes that the scheme uses. */
  readonly qmin: number;
  readonly qmax: number;
}

/** The codes that a scheme uses, as ONNX Runtime's quant_utils has them. */
export function codeRange(options: QParamsOptions = {}): { qmin: number; qmax: number } {
  const { dtype = 'int8', scheme = 'symmetric', narrowRange, reduceRange = false } = options;
  if (!['int8', 'uint8', 'int16', 'uint16'].includes(dtype)) {
    throw new ParamError(
      `chooseQParams: dtype must be int8, uint8, int16 or uint16, got ${String(dtype)}`,
    );
  }
  if (scheme !== 'symmetric' && scheme !== 'affine') {
    throw new ParamError(
      `chooseQParams: scheme must be symmetric or affine, got ${String(scheme)}`,
    );
  }
  const { bits, min, max } = iinfo(dtype);
  const signed = min < 0;
  if (reduceRange) {
    if (narrowRange) {
      throw new ParamError('chooseQParams: narrowRange must be false with reduceRange, got true');
    }
    const half = 2 ** (bits - 2);
    return signed ? { qmin: -half, qmax: half } : { qmin: 0, qmax: 2 * half - 1 };
  }
  const narrow = narrowRange ?? scheme === 'symmetric';
  return { qmin: signed && narrow ? min + 1 : min, qmax: max };
}

/** To the nearest whole number, ties to even: numpy.round. */
function roundHalfEven(x: number): number {
  const down = Math.floor(x);
  const rest = x - down;
  return rest < 0.5 || (rest === 0.5 && down % 2 === 0) ? down : down + 1;
}

/** The smallest normal float32. */
const TINY = 2 ** -126;

/**
 * Scale and zero point for real numbers in [min, max].
 *
 * The range is widened to contain 0, so that 0 has a code. scale = (max - min) / (qmax - qmin), the width in float32, the
 * quotient in float64, stored as float32. A width of 0 (and a scale below the least normal float32) gives scale 1 and zero
 * point 0. As `compute_scale_zp` of ONNX Runtime's quantization tool.
 *
 * @param min a float32 number, at most `max`; Infinity for "no elements"
 * @param max a float32 number; -Infinity for "no elements"
 * @throws ParamError when the range is not finite or reversed.
 * @example
 * chooseQParams(-1, 3, { dtype: 'uint8', scheme: 'affine' }); // { scale: 0.01569, zeroPoint: 64, ... }
 */
export function chooseQParams(min: number, max: number, options: QParamsOptions = {}): QParams {
  checkOptions('chooseQParams', options, QPARAMS_OPTIONS);
  const { dtype = 'int8', scheme = 'symmetric', minRealRange = 0 } = options;
  const { qmin, qmax } = codeRange(options);
  const empty = min === Infinity && max === -Infinity;
  if (!empty && !(Number.isFinite(min) && Number.isFinite(max) && min <= max)) {
    throw new ParamError(
      `chooseQParams: min and max must be finite and min not above max, got ${min} and ${max}`,
    );
  }
  let low = Math.fround(Math.min(min, 0));
  let high = Math.fround(Math.max(max, 0));
  if (minRealRange > 0) high = Math.max(high, Math.fround(low + Math.fround(minRealRange)));
  if (scheme === 'symmetric') {
    high = Math.max(-low, high);
    low = -high;
  }
  const width = Math.fround(high - low);
  if (!Number.isFinite(width)) {
    throw new ParamError(
      `chooseQParams: max - min must be a finite float32, got ${low} and ${high}`,
    );
  }
  const scale = width / (qmax - qmin);
  if (scale < TINY) return { dtype, scale: 1, zeroPoint: 0, qmin, qmax };
  const zeroPoint = roundHalfEven(scheme === 'symmetric' ? (qmin + qmax) / 2 : qmin - low / scale);
  return { dtype, scale: Math.fround(scale), zeroPoint, qmin, qmax };
}

/** {@link chooseQParams} for each channel. */
export function chooseQParamsPerAxis(
  mins: ArrayLike<number>,
  maxs: ArrayLike<number>,
  options: QParamsOptions = {},
): QParams[] {
  if (mins.length !== maxs.length) {
    throw new ParamError(
      `chooseQParams: mins and maxs must be equally long, got ${mins.length} and ${maxs.length}`,
    );
  }
  return Array.from(mins, (min, i) => chooseQParams(min, maxs[i] as number, options));
}

/** Options of {@link quantizeTensor}. */
export interface QuantizeTensorOptions<D extends CodeDType = CodeDType> extends QParamsOptions {
  readonly dtype?: D | undefined;
  /** One scale for each index of this axis; may be negative. Default null: one for all. */
  readonly axis?: number | null | undefined;
}

/**
 * Measures the range of `x`, chooses scales and zero points for it, and quantizes: for weights and other constants.
 * The result carries its `quantization`. Ties go to even; the codes are those of {@link codeRange}.
 *
 * @param x float32, float16 or bfloat16
 * @throws ParamError when x holds NaN or infinities.
 * @example
 * const q = await quantizeTensor(tensor([[1, -2], [0.1, 0.05]]), { axis: 0 });
 * await q.data(); // Int8Array [64, -127, 127, 64]
 */
export async function quantizeTensor<D extends CodeDType = 'int8'>(
  x: Tensor,
  options: QuantizeTensorOptions<D> = {},
): Promise<Tensor<D>> {
  checkOptions('quantizeTensor', options, { ...QPARAMS_OPTIONS, axis: 'any' });
  const { axis = null, ...range } = options;
  codeRange(range); // refuses wrong options before any work
  return scope(async () => {
    const measured = minMax(x, { axis });
    const [mins, maxs] = await Promise.all([measured.min.data(), measured.max.data()]);
    const channels = chooseQParamsPerAxis(mins, maxs, range);
    const scales = channels.map((c) => c.scale);
    const zeroPoints = channels.map((c) => c.zeroPoint);
    const dtype = (options.dtype ?? 'int8') as D;
    const { qmin } = codeRange(range);
    return quantize(x, {
      dtype,
      axis,
      scale: axis === null ? (scales[0] ?? 1) : scales,
      zeroPoint: axis === null ? (zeroPoints[0] ?? 0) : zeroPoints,
      narrowRange: qmin === iinfo(dtype as 'int8').min + 1,
    });
  });
}
