/** Reproducible random numbers for tests. A failing test names the seed; HALFTONE_TEST_SEED runs it again. */

import {
  floatToBfloat16Bits,
  bfloat16BitsToFloat,
  type DType,
  floatToHalfBits,
  halfBitsToFloat,
  iinfo,
  isIntDType,
} from '../../lib/dtype';

/** The seed of this run: HALFTONE_TEST_SEED, else a fixed one. */
export const SEED = Number(process.env['HALFTONE_TEST_SEED'] ?? 20260101);

/** mulberry32: 32 bits of state, enough for test data. */
export class Rng {
  #state: number;

  constructor(readonly seed: number = SEED) {
    this.#state = seed >>> 0;
  }

  /** In [0, 1). */
  uniform(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let t = this.#state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  }

  /** A whole number in [low, high]. */
  int(low: number, high: number): number {
    return low + Math.floor(this.uniform() * (high - low + 1));
  }

  pick<T>(items: readonly T[]): T {
    return items[this.int(0, items.length - 1)] as T;
  }

  /** About standard normal. */
  normal(): number {
    const u = 1 - this.uniform();
    return Math.sqrt(-2 * Math.log(u)) * Math.cos(2 * Math.PI * this.uniform());
  }

  /** `n` values that `dtype` holds exactly: normal around 0 for floats, the whole range for integers. */
  values(dtype: DType, n: number, scale = 1): Float64Array {
    return Float64Array.from({ length: n }, () => {
      if (dtype === 'bool') return this.int(0, 1);
      if (isIntDType(dtype)) {
        if (dtype === 'int64') return this.int(-(2 ** 40), 2 ** 40);
        if (dtype === 'uint64') return this.int(0, 2 ** 40);
        const { min, max } = iinfo(dtype);
        return this.int(Number(min), Number(max));
      }
      return roundTo(this.normal() * scale, dtype);
    });
  }
}

/** `x` rounded once to `dtype` (floats), as a number. */
export function roundTo(x: number, dtype: DType): number {
  if (dtype === 'float16') return halfBitsToFloat(floatToHalfBits(x));
  if (dtype === 'bfloat16') return bfloat16BitsToFloat(floatToBfloat16Bits(x));
  return dtype === 'float32' ? Math.fround(x) : x;
}
