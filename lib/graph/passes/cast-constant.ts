import {
  bfloat16BitsToFloat,
  floatToBfloat16Bits,
  floatToHalfBits,
  halfBitsToFloat,
} from '../../dtype';
import type { Constant } from '../ir';

/** The float types that models are converted between. float64 stays as it is. */
export type Precision = 'float32' | 'float16' | 'bfloat16';

export const PRECISIONS: readonly string[] = [
  'float32',
  'float16',
  'bfloat16',
] satisfies Precision[];

export const isPrecision = (dtype: unknown): dtype is Precision =>
  PRECISIONS.includes(dtype as string);

const WIDEN = { float16: halfBitsToFloat, bfloat16: bfloat16BitsToFloat } as const;
const NARROW = { float16: floatToHalfBits, bfloat16: floatToBfloat16Bits } as const;

/** The values of a float constant as float32. Exact. */
function widen({ dtype, data }: Constant): Float32Array {
  if (!isPrecision(dtype)) throw new TypeError(`castConstant: ${dtype} is no float of a model`);
  if (dtype === 'float32') return data as Float32Array;
  return Float32Array.from(data as Uint16Array, WIDEN[dtype]);
}

/** A float constant in another float type: rounded once, to nearest, ties to even. For small ones: slow. */
export function castConstant(constant: Constant, to: Precision): Constant {
  if (constant.dtype === to) return constant;
  const wide = widen(constant);
  const { shape } = constant;
  if (to === 'float32') return { dtype: to, shape, data: wide };
  return { dtype: to, shape, data: Uint16Array.from(wide, NARROW[to]) };
}

/** What a conversion did to the values of a model's constants. */
export interface CastLoss {
  /** Constants that were converted, and their values. */
  constants: number;
  values: number;
  /** Finite values that became infinite. */
  overflowed: number;
  /** Values that became zero. */
  underflowed: number;
  /** Values that became subnormal: they keep less than the full number of bits. */
  subnormal: number;
}

export const noLoss = (): CastLoss => ({
  constants: 0,
  values: 0,
  overflowed: 0,
  underflowed: 0,
  subnormal: 0,
});

/** Adds what became of `from` in `to` to `loss`. */
export function countLoss(from: Constant, to: Constant, loss: CastLoss): void {
  loss.constants += 1;
  loss.values += from.data.length;
  if (to.dtype !== 'float16' && to.dtype !== 'bfloat16') return;
  const before = widen(from);
  const bits = to.data as Uint16Array;
  const infinity = to.dtype === 'float16' ? 0x7c00 : 0x7f80;
  for (let i = 0; i < bits.length; i++) {
    const value = before[i] as number;
    const magnitude = (bits[i] as number) & 0x7fff;
    if (magnitude === infinity) loss.overflowed += Math.abs(value) === Infinity ? 0 : 1;
    else if (magnitude === 0) loss.underflowed += value === 0 ? 0 : 1;
    else if ((magnitude & infinity) === 0) loss.subnormal += 1;
  }
}
