/**
 * TensorFlow's quantized operators, which describe codes by the range [min, max] of real numbers they stand for. Results
 * are those of TensorFlow 2.21 on the CPU, bit for bit, but where its conversion of 2^31 to int32 overflows: there it gives
 * -2147483648 and Halftone 2147483647.
 */

import type { RangeMode, RangeRounding } from '../../binding';
import { tensor } from '../create';
import { ParamError } from '../errors';
import type { CodeDType } from '../ops/quantize';
import { checkOptions } from '../options';
import { runOp, runOpAll } from '../run';
import { scope } from '../scope';
import { Tensor } from '../tensor';

export type { RangeMode, RangeRounding };

/** One end of a range: a number, one for each index of an axis, or a float32 tensor of them. */
export type RangeEnd = number | readonly number[] | Tensor;

/** Codes with the range they stand for: [] or one for each index of the axis. */
export interface RangedCodes<D extends CodeDType = CodeDType> {
  readonly output: Tensor<D>;
  readonly outputMin: Tensor<'float32'>;
  readonly outputMax: Tensor<'float32'>;
}

/** Options of {@link quantizeV2}. */
export interface QuantizeV2Options<D extends CodeDType = CodeDType> {
  /** Type of the codes: TensorFlow's qint8 (default), quint8, qint16, quint16 or qint32. */
  readonly dtype?: D | undefined;
  /** Default MIN_COMBINED. SCALED is symmetric and exact at 0; MIN_FIRST has an exact 0 too. */
  readonly mode?: RangeMode | undefined;
  /** Default HALF_AWAY_FROM_ZERO; HALF_TO_EVEN is for SCALED. */
  readonly roundMode?: RangeRounding | undefined;
  /** SCALED: leave out the least code. Default false. */
  readonly narrowRange?: boolean | undefined;
  /** One range for each index of this axis; may be negative. Default null. */
  readonly axis?: number | null | undefined;
  /** Least width of the range, relative to its larger end and at least to 1. Default 0.01. */
  readonly ensureMinimumRange?: number | undefined;
  /**
   * Arithmetic of TensorFlow's x86 builds, where oneDNN takes over: SCALED with HALF_TO_EVEN for 8 bits (int8: 127.5 / max
   * codes per unit), and MIN_FIRST for uint8. Default false: TensorFlow's own kernel.
   */
  readonly onednn?: boolean | undefined;
}

/** Options of {@link dequantizeV2}. */
export interface DequantizeV2Options<D extends 'float32' | 'bfloat16' = 'float32'> {
  readonly mode?: RangeMode | undefined;
  readonly narrowRange?: boolean | undefined;
  readonly axis?: number | null | undefined;
  /** float32 (default), or bfloat16 with MIN_COMBINED. */
  readonly dtype?: D | undefined;
}

function rangeTensor(op: string, name: string, end: RangeEnd, like: Tensor): Tensor {
  if (end instanceof Tensor) return end;
  const values: readonly unknown[] = Array.isArray(end) ? end : [end];
  const wrong = values.find((v) => typeof v !== 'number' || !Number.isFinite(v));
  if (wrong !== undefined || values.includes(undefined)) {
    throw new ParamError(`${op}: ${name} must be finite numbers, got ${String(wrong)}`);
  }
  const shape = Array.isArray(end) ? [values.length] : [];
  return tensor(Float32Array.from(values as number[]), { shape, device: like.device });
}

function ranges(op: string, x: Tensor, min: RangeEnd, max: RangeEnd): [Tensor, Tensor] {
  if (!(x instanceof Tensor)) throw new ParamError(`${op}: x must be a Tensor, got ${String(x)}`);
  return [rangeTensor(op, 'minRange', min, x), rangeTensor(op, 'maxRange', max, x)];
}

function ranged<D extends CodeDType>(outputs: Tensor[]): RangedCodes<D> {
  const [output, outputMin, outputMax] = outputs;
  return {
    output: output as Tensor<D>,
    outputMin: outputMin as Tensor<'float32'>,
    outputMax: outputMax as Tensor<'float32'>,
  };
}

/**
 * TensorFlow's `QuantizeV2` (tf.quantization.quantize): codes of the numbers in [minRange, maxRange].
 *
 * The range is first widened to contain 0 and to `ensureMinimumRange`; `outputMin` and `outputMax` are what the codes cover
 * in the end, to be given to {@link dequantizeV2}. Numbers outside are clamped.
 *
 * @param x float32
 * @throws ParamError for options that exclude each other; ShapeError when there is not one range for each index of `axis`;
 *   UnsupportedError for `onednn` where oneDNN does not take over. A maxRange below minRange rejects when a result is read.
 * @example
 * const { output, outputMin } = quantizeV2(tensor([-1, 0.5, 1]), -1, 1, { mode: 'SCALED' });
 * await output.data(); // Int8Array [-127, 64, 127]
 * await outputMin.data(); // Float32Array [-1.0078740119934082]
 */
export function quantizeV2<D extends CodeDType = 'int8'>(
  x: Tensor,
  minRange: RangeEnd,
  maxRange: RangeEnd,
  options: QuantizeV2Options<D> = {},
): RangedCodes<D> {
  checkOptions('quantizeV2', options);
  return scope(() => {
    const ends = ranges('quantizeV2', x, minRange, maxRange);
    return ranged(runOpAll('quantizeV2', [x, ...ends], { ...options }));
  });
}

/**
 * TensorFlow's `Dequantize`: real numbers of codes that cover [minRange, maxRange].
 *
 * @param q int8, uint8, int16, uint16 or int32
 * @throws UnsupportedError for MIN_FIRST with an axis, and for bfloat16 in modes other than MIN_COMBINED, as TensorFlow.
 * @example
 * const q = tensor(new Int8Array([-127, 64, 127]));
 * await dequantizeV2(q, -1.0078740119934082, 1, { mode: 'SCALED' }).data(); // Float32Array [-1, 0.503937..., 1]
 */
export function dequantizeV2<D extends 'float32' | 'bfloat16' = 'float32'>(
  q: Tensor,
  minRange: RangeEnd,
  maxRange: RangeEnd,
  options: DequantizeV2Options<D> = {},
): Tensor<D> {
  checkOptions('dequantizeV2', options);
  return scope(() => {
    const ends = ranges('dequantizeV2', q, minRange, maxRange);
    return runOp<D>('dequantizeV2', [q, ...ends], { ...options });
  });
}

/** Options of {@link quantizedRelu}. */
export interface QuantizedReluOptions {
  /** Upper end: 6 for QuantizedRelu6. Default Infinity. */
  readonly maxValue?: number | undefined;
}

/**
 * TensorFlow's `QuantizedRelu`, `QuantizedRelu6` and `QuantizedReluX`: codes clamped to those of 0 and `maxValue`. The
 * range stays the same.
 *
 * @param x uint8 or int32
 * @example
 * const { output } = quantizedRelu(tensor(new Uint8Array([32, 184])), -1, 1);
 * await output.data(); // Uint8Array [128, 184]
 */
export function quantizedRelu<D extends 'uint8' | 'int32' = 'uint8'>(
  x: Tensor<D>,
  minRange: RangeEnd,
  maxRange: RangeEnd,
  options: QuantizedReluOptions = {},
): RangedCodes<D> {
  return scope(() => {
    const ends = ranges('quantizedRelu', x, minRange, maxRange);
    return ranged(runOpAll('quantizedRelu', [x, ...ends], { ...options }));
  });
}

/**
 * TensorFlow's `Requantize`: int32 codes of [minRange, maxRange] as uint8 codes of [requestedMin, requestedMax], in the
 * 16-bit fixed point of its CPU kernel. {@link requantize} is the same step with a scale, with ONNX's and TensorFlow Lite's
 * roundings.
 *
 * @param x int32
 * @example
 * const sums = tensor([-7818, 2144, 15782], { dtype: 'int32' });
 * const { output } = requantizeV2(sums, -99076.53125, 99076.53125, -1.307, 0.7281);
 * await output.data(); // Uint8Array [119, 176, 255]
 */
export function requantizeV2(
  x: Tensor,
  minRange: RangeEnd,
  maxRange: RangeEnd,
  requestedMin: RangeEnd,
  requestedMax: RangeEnd,
): RangedCodes<'uint8'> {
  return scope(() => {
    const from = ranges('requantizeV2', x, minRange, maxRange);
    const to = [
      rangeTensor('requantizeV2', 'requestedMin', requestedMin, x),
      rangeTensor('requantizeV2', 'requestedMax', requestedMax, x),
    ];
    return ranged(runOpAll('requantizeV2', [x, ...from, ...to], {}));
  });
}

/** Options of {@link quantizedMatMul}: the ranges of both factors, and whether to transpose them. */
export interface QuantizedMatMulOptions {
  readonly minA: number;
  readonly maxA: number;
  readonly minB: number;
  readonly maxB: number;
  readonly transposeA?: boolean | undefined;
  readonly transposeB?: boolean | undefined;
}

/** The uint8 code of 0 in [min, max], and the float32 step between codes. */
function zeroAndStep(min: number, max: number): { zero: number; step: number } {
  const [low, high] = [Math.fround(min), Math.fround(max)];
  const width = Math.fround(high - low);
  const scale = 256 / (width * (256 / 255));
  const scaled = low * scale;
  // std::round: ties away from zero.
  const zero = width === 0 ? 0 : -Math.sign(scaled) * Math.floor(Math.abs(scaled) + 0.5);
  return { zero: zero + 0, step: Math.fround(width / 255) };
}

/**
 * TensorFlow's `QuantizedMatMul`: the int32 product of uint8 matrices less the codes of 0, with the range that its codes
 * stand for.
 *
 * @param a uint8 [m, k], or [k, m] with `transposeA`
 * @param b uint8 [k, n], or [n, k] with `transposeB`
 * @throws ParamError for a range that does not contain 0; DtypeError and ShapeError as gemmInt8.
 * @example
 * const a = tensor(new Uint8Array([0, 255]), { shape: [1, 2] });
 * const b = tensor(new Uint8Array([255, 128]), { shape: [2, 1] });
 * const { output } = quantizedMatMul(a, b, { minA: 0, maxA: 1, minB: 0, maxB: 1 });
 * await output.data(); // Int32Array [32640]
 */
export function quantizedMatMul(
  a: Tensor<'uint8'>,
  b: Tensor<'uint8'>,
  options: QuantizedMatMulOptions,
): RangedCodes<'int32'> {
  const { minA, maxA, minB, maxB, transposeA, transposeB } = options;
  for (const [name, min, max] of [['A', minA, maxA] as const, ['B', minB, maxB] as const]) {
    if (!(min <= 0 && max >= 0 && max - min < Infinity)) {
      throw new ParamError(
        `quantizedMatMul: [min${name}, max${name}] must contain 0 and be finite, got [${min}, ${max}]`,
      );
    }
  }
  const [inA, inB] = [zeroAndStep(minA, maxA), zeroAndStep(minB, maxB)];
  const output = runOp<'int32'>('gemmInt8', [a, b], {
    aZeroPoint: inA.zero,
    bZeroPoint: inB.zero,
    transA: transposeA,
    transB: transposeB,
  });
  const step = Math.fround(inA.step * inB.step);
  const end = (limit: number) =>
    tensor(Float32Array.of(step * limit), { shape: [], device: a.device }) as Tensor<'float32'>;
  return { output, outputMin: end(-(2 ** 31)), outputMax: end(2 ** 31) };
}
