/** What is counted over the values of one tensor, of one run after the other. */

/** How far values are from those that they should be. */
export interface ErrorStatistics {
  /** Signal to quantization noise: 10 log10(sum of the squares of the reference / of the differences); Infinity: equal. */
  readonly sqnr: number;
  /** The cosine of the angle between the two, as vectors. 1 for equal ones. */
  readonly cosine: number;
  /** Norm of the difference relative to the norm of the reference. */
  readonly relative: number;
  /** Largest absolute difference. */
  readonly largest: number;
  /** Values that are not finite where the reference is; they are left out of the figures above. */
  readonly lost: number;
}

type Values = ArrayLike<number | bigint>;

export class ErrorSum {
  #signal = 0;
  #noise = 0;
  #dot = 0;
  #norm = 0;
  #largest = 0;
  #lost = 0;
  #compared = 0;

  add(reference: Values, values: Values): void {
    for (let i = 0; i < reference.length; i++) {
      const expected = Number(reference[i]);
      const got = Number(values[i]);
      if (!Number.isFinite(expected)) continue;
      if (!Number.isFinite(got)) {
        this.#lost += 1;
        continue;
      }
      this.#compared += 1;
      const difference = got - expected;
      this.#signal += expected * expected;
      this.#norm += got * got;
      this.#dot += expected * got;
      this.#noise += difference * difference;
      if (Math.abs(difference) > this.#largest) this.#largest = Math.abs(difference);
    }
  }

  get result(): ErrorStatistics {
    // Where all are lost nothing is left to compare.
    if (this.#compared === 0 && this.#lost > 0) {
      const worst = Number.POSITIVE_INFINITY;
      return { sqnr: -worst, cosine: 0, relative: worst, largest: worst, lost: this.#lost };
    }
    const equal = this.#noise === 0;
    const norms = Math.sqrt(this.#signal) * Math.sqrt(this.#norm);
    return {
      sqnr: equal ? Number.POSITIVE_INFINITY : 10 * Math.log10(this.#signal / this.#noise),
      cosine: equal ? 1 : norms === 0 ? 0 : this.#dot / norms,
      relative: equal ? 0 : Math.sqrt(this.#noise / this.#signal),
      largest: this.#largest,
      lost: this.#lost,
    };
  }
}

/** Where the values of a tensor lie, and what float16 would make of them. */
export interface RangeStatistics {
  readonly count: number;
  readonly least: number;
  readonly greatest: number;
  /** Largest magnitude of a finite value, and its share of float16's 65504. */
  readonly largest: number;
  readonly share: number;
  /** Values not finite in float32 already. */
  readonly notFinite: number;
  /** Finite values beyond float16's largest, 65504: it rounds them to infinity, or just to 65504. */
  readonly overflow: number;
  /** Values other than 0 that float16 rounds to 0, and those that it holds as subnormals, with fewer bits. */
  readonly underflow: number;
  readonly subnormal: number;
  /** Counts of magnitudes by power of two: entry i holds those in [2^(i + FIRST_POWER), 2^(i + FIRST_POWER + 1)). */
  readonly histogram: readonly number[];
}

/** Powers of two of the histogram: from below float16's smallest subnormal 2^-24 to beyond its largest value. */
export const FIRST_POWER = -30;
const POWERS = 60;

/** float16's largest finite value. */
const LARGEST = 65504;
/** Below and at this it gives 0: half of its smallest subnormal; and below this a subnormal. */
const UNDERFLOW = 2 ** -25;
const SUBNORMAL = 2 ** -14;

export class RangeSum {
  #count = 0;
  #least = Number.POSITIVE_INFINITY;
  #greatest = Number.NEGATIVE_INFINITY;
  #largest = 0;
  #notFinite = 0;
  #overflow = 0;
  #underflow = 0;
  #subnormal = 0;
  readonly #histogram = new Array<number>(POWERS).fill(0);

  add(values: Values): void {
    this.#count += values.length;
    for (let i = 0; i < values.length; i++) {
      const value = Number(values[i]);
      if (!Number.isFinite(value)) {
        this.#notFinite += 1;
        continue;
      }
      if (value < this.#least) this.#least = value;
      if (value > this.#greatest) this.#greatest = value;
      const magnitude = Math.abs(value);
      if (magnitude === 0) continue;
      if (magnitude > this.#largest) this.#largest = magnitude;
      if (magnitude > LARGEST) this.#overflow += 1;
      else if (magnitude <= UNDERFLOW) this.#underflow += 1;
      else if (magnitude < SUBNORMAL) this.#subnormal += 1;
      const power = Math.floor(Math.log2(magnitude)) - FIRST_POWER;
      const at = Math.max(0, Math.min(POWERS - 1, power));
      this.#histogram[at] = (this.#histogram[at] as number) + 1;
    }
  }

  get result(): RangeStatistics {
    const none = this.#count === this.#notFinite;
    return {
      count: this.#count,
      least: none ? Number.NaN : this.#least,
      greatest: none ? Number.NaN : this.#greatest,
      largest: this.#largest,
      share: this.#largest / LARGEST,
      notFinite: this.#notFinite,
      overflow: this.#overflow,
      underflow: this.#underflow,
      subnormal: this.#subnormal,
      histogram: this.#histogram,
    };
  }
}

/** The middle value, or the mean of the two; 0 of none. */
export const median = (values: readonly number[]): number => {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1
    ? (sorted[middle] ?? 0)
    : ((sorted[middle - 1] ?? 0) + (sorted[middle] ?? 0)) / 2;
};
