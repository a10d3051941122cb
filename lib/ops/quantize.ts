/** Real numbers to integer codes and back, and int32 sums to narrower codes. */

import type { QuantizeRounding, QuantizeScaling, RequantizeVariant } from '../../binding';
import { type DType, isDType, isStoredDType } from '../dtype';
import { DtypeError, ParamError } from '../errors';
import { runOp } from '../run';
import { scope } from '../scope';
import { type Quantization, Tensor } from '../tensor';
import {
  channelTensor,
  type CodeDType,
  type PerChannel,
  type QuantizedDType,
  requireScale,
  requireTensor,
} from './per-channel';

export type { CodeDType, PerChannel, QuantizedDType };
export type { QuantizeRounding, QuantizeScaling, RequantizeVariant };

/** Options of {@link quantize}. */
export interface QuantizeOptions<D extends QuantizedDType = QuantizedDType> {
  /** The step between two codes: positive numbers, or a float32 tensor ([] or [1], with `axis` [x.shape[axis]]). */
  readonly scale: PerChannel;
  /** The code of 0, as many as scales. Default 0. */
  readonly zeroPoint?: PerChannel | undefined;
  /** Type of the codes. Default int8. */
  readonly dtype?: D | undefined;
  /** The axis along which `scale` differs; may be negative. Default null: one scale for all. */
  readonly axis?: number | null | undefined;
  /** Where x / scale lies half-way between two integers. Default half-even, ONNX; half-away is std::round. */
  readonly rounding?: QuantizeRounding | undefined;
  /** 'multiply': `scale` is a factor, codes per unit, as in TensorFlow. Default 'divide', ONNX. */
  readonly scaling?: QuantizeScaling | undefined;
  /** Leave out the least code: [-127, 127] for int8. Default false. */
  readonly narrowRange?: boolean | undefined;
  /** float8: numbers beyond the range give the largest one; false: infinity, or NaN where there is none. Default true. */
  readonly saturate?: boolean | undefined;
  /** So many neighbours along `axis` share a scale, which is then a tensor of the rank of x. Default 0: no blocks. */
  readonly blockSize?: number | undefined;
}

/** Options of {@link dequantize}. Without a scale, what is missing comes from the codes' own `quantization`. */
export interface DequantizeOptions<D extends DType = DType> {
  readonly scale?: PerChannel | undefined;
  readonly zeroPoint?: PerChannel | undefined;
  readonly axis?: number | null | undefined;
  /** So many neighbours along `axis` share a scale. Default 0: no blocks. */
  readonly blockSize?: number | undefined;
  /** Type of the result: float32 (default), float16 or bfloat16. */
  readonly dtype?: D | undefined;
}

/** Options of {@link requantize}. */
export interface RequantizeOptions<D extends CodeDType = CodeDType> {
  /**
   * What one unit of x is worth in steps of the result: s_a * s_b / s_y. Numbers become float32 for the variants
   * half-even and half-away, and stay float64 for tflite-double and tosa. A float64 tensor makes the product float64.
   */
  readonly scale: PerChannel;
  /** The code of 0, as many as scales. Default 0. */
  readonly zeroPoint?: PerChannel | undefined;
  /** Type of the codes: int8 (default), uint8, int16 or uint16. */
  readonly dtype?: D | undefined;
  /** The axis along which `scale` differs; may be negative. Default null. */
  readonly axis?: number | null | undefined;
  /** How x * scale is rounded. Default half-even. */
  readonly variant?: RequantizeVariant | undefined;
  /** Least code, for a fused relu (then the zero point). Default: the type's. */
  readonly min?: number | null | undefined;
  /** Greatest code. Default: the type's. */
  readonly max?: number | null | undefined;
  /** The step of the result's codes, s_y, recorded for dequantize(). The arithmetic does not use it. */
  readonly outputScale?: PerChannel | undefined;
}

function zeroPointTensor(
  op: string,
  value: PerChannel | undefined,
  dtype: DType,
  like: Tensor,
): Tensor | undefined {
  if (value === undefined || value instanceof Tensor) return value;
  return channelTensor(op, 'zeroPoint', value, quantizedType(op, dtype), like);
}

const CODES: ReadonlySet<unknown> = new Set(['int8', 'uint8', 'int16', 'uint16', 'int32']);

/** The type of the codes, checked here because zero points are made from it before native code sees it. */
function codeType(op: string, dtype: unknown): CodeDType {
  if (!CODES.has(dtype)) {
    throw new DtypeError(
      `${op}: dtype must be int8, uint8, int16, uint16 or int32, got ${String(dtype)}`,
    );
  }
  return dtype as CodeDType;
}

function quantizedType(op: string, dtype: unknown): QuantizedDType {
  if (isDType(dtype) && isStoredDType(dtype) && dtype !== 'float8e8m0') return dtype;
  if (isDType(dtype) && CODES.has(dtype)) return dtype as CodeDType;
  throw new DtypeError(
    `${op}: dtype must be int8, uint8, int16, uint16, int32, int4, uint4, int2, uint2, float8 (not e8m0) or float4e2m1, got ${String(dtype)}`,
  );
}

const positiveAxis = (axis: number | null | undefined, rank: number): number | null =>
  axis === undefined || axis === null ? null : axis < 0 ? axis + rank : axis;

/**
 * Codes: y = saturate(round(x / scale) + zeroPoint). ONNX QuantizeLinear-25 with a float32 division.
 *
 * x / scale is one float32 division (16-bit x are widened exactly); the zero point is added after rounding. Infinities and
 * large numbers give the ends of the type, NaN gives its least code (as in ONNX Runtime). The result carries its
 * `quantization`, so that `dequantize(q)` needs no options.
 *
 * To float8 and float4 the quotient is rounded once to the type, to nearest even, as {@link cast} does; a zero point that
 * is not 0 is added before.
 *
 * @param x float32, float16 or bfloat16
 * @throws ParamError for a scale that is not positive or a zero point outside the type; ShapeError when there is not one
 *   scale for each index of `axis`; DtypeError for other types.
 * @example
 * const x = tensor([0.5, 1.5, -3, 400]);
 * await quantize(x, { scale: 1 }).data(); // Int8Array [0, 2, -3, 127]
 * await quantize(x, { scale: 1, rounding: 'half-away' }).data(); // Int8Array [1, 2, -3, 127]
 * await quantize(x, { scale: 1, dtype: 'int4' }).data(); // Int8Array [0, 2, -3, 7]
 * const scale = tensor([0.5, 100]); // one for each two neighbours
 * await quantize(x, { scale, axis: 0, blockSize: 2 }).data(); // Int8Array [1, 3, 0, 4]
 */
export function quantize<D extends QuantizedDType = 'int8'>(
  x: Tensor,
  options: QuantizeOptions<D>,
): Tensor<D> {
  requireTensor('quantize', 'x', x);
  const dtype = quantizedType('quantize', options?.dtype ?? 'int8') as D;
  const from = requireScale('quantize', options);
  const { axis, rounding, scaling, narrowRange, saturate, blockSize } = options;
  // The scope disposes what is made here when native code refuses the call.
  return scope(() => {
    const scale = channelTensor('quantize', 'scale', from, 'float32', x);
    const zeroPoint = zeroPointTensor('quantize', options.zeroPoint, dtype, x);
    const params = { dtype, axis, rounding, scaling, narrowRange, saturate, blockSize };
    const q = runOp<D>('quantize', [x, scale, zeroPoint], params);
    const step =
      scaling === 'multiply'
        ? runOp('div', [channelTensor('quantize', 'scale', 1, 'float32', x), scale], {})
        : scale;
    const along = positiveAxis(axis, x.rank);
    q.quantization = { ...quantizationOf(step, zeroPoint, along), ...(blockSize && { blockSize }) };
    return q;
  });
}

function quantizationOf(
  scale: Tensor,
  zeroPoint: Tensor | undefined,
  axis: number | null,
): Quantization {
  return zeroPoint ? { scale, zeroPoint, axis } : { scale, axis };
}

/**
 * Real numbers of codes: y = (q - zeroPoint) * scale. ONNX DequantizeLinear-25.
 *
 * q - zeroPoint is exact (int32: rounded to float32 where it exceeds 2^24), the product is rounded once to `dtype`.
 *
 * @param q integer codes or a narrow float, as {@link quantize} makes them. Without a scale in `options`, it must carry its `quantization`.
 * @throws ParamError when there is no scale; ShapeError and DtypeError as for {@link quantize}.
 * @example
 * await dequantize(quantize(tensor([0.26, -1]), { scale: 0.25 })).data(); // Float32Array [0.25, -1]
 */
export function dequantize<D extends DType = 'float32'>(
  q: Tensor,
  options: DequantizeOptions<D> = {},
): Tensor<D> {
  requireTensor('dequantize', 'q', q);
  const own = options.scale === undefined ? q.quantization : undefined;
  if (options.scale === undefined && !own) {
    throw new ParamError(
      'dequantize: scale must be given, since q carries no quantization, got undefined',
    );
  }
  const axis = options.axis === undefined ? own?.axis : options.axis;
  const blockSize = options.blockSize ?? own?.blockSize;
  return scope(() => {
    const from = options.scale ?? own?.scale ?? 1;
    const scale = channelTensor('dequantize', 'scale', from, 'float32', q);
    const zeroPoint = zeroPointTensor(
      'dequantize',
      options.zeroPoint ?? own?.zeroPoint,
      q.dtype,
      q,
    );
    return runOp<D>('dequantize', [q, scale, zeroPoint], { dtype: options.dtype, axis, blockSize });
  });
}

/**
 * Narrower codes of the int32 sums of a quantized product: y = clamp(round(x * scale) + zeroPoint, min, max).
 *
 * Variants, which agree but for ties and products next to them, where they differ by one:
 * - `half-even`: float32(x) * scale in float32, ties to even: ONNX Runtime. With a float64 scale the product is float64.
 * - `half-away`: the same product, ties away from zero (std::round).
 * - `tflite-double`: int32 only, TensorFlow Lite's SaturatingRoundingDoublingHighMul, then RoundingDivideByPOT.
 * - `tosa`: int64 only, one rounding, ties up: TOSA RESCALE with scale32, TensorFlow Lite with TFLITE_SINGLE_ROUNDING.
 *
 * @param x int32
 * @throws ParamError, ShapeError and DtypeError as for {@link quantize}. A scale tensor outside a fixed-point variant's range
 *   ([0, 2^30) for tflite-double, [0, 2^29) for tosa) rejects when the result is read.
 * @example
 * const sums = tensor([-3, 1, 3, 1000], { dtype: 'int32' });
 * await requantize(sums, { scale: 0.5 }).data(); // Int8Array [-2, 0, 2, 127]
 * await requantize(sums, { scale: 0.5, variant: 'tosa' }).data(); // Int8Array [-1, 1, 2, 127]
 */
export function requantize<D extends CodeDType = 'int8'>(
  x: Tensor,
  options: RequantizeOptions<D>,
): Tensor<D> {
  requireTensor('requantize', 'x', x);
  const dtype = codeType('requantize', options?.dtype ?? 'int8') as D;
  const from = requireScale('requantize', options);
  const { axis, variant, min, max, outputScale } = options;
  const exact = variant === 'tflite-double' || variant === 'tosa';
  return scope(() => {
    const scale = channelTensor('requantize', 'scale', from, exact ? 'float64' : 'float32', x);
    const zeroPoint = zeroPointTensor('requantize', options.zeroPoint, dtype, x);
    const params = { dtype, axis, variant, min, max };
    const y = runOp<D>('requantize', [x, scale, zeroPoint], params);
    if (outputScale !== undefined) {
      const step = channelTensor('requantize', 'outputScale', outputScale, 'float32', x);
      const along = step.rank ? positiveAxis(axis, x.rank) : null;
      y.quantization = quantizationOf(step, zeroPoint, along);
    }
    return y;
  });
}
