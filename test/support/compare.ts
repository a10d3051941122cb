/** Compares a tensor with what it should be. */

import type { DType } from '../../lib/dtype';

/** What a result should be: float64 values, and how far each may be off (absent: not at all). */
export interface Expected {
  readonly shape: readonly number[];
  readonly dtype: DType;
  readonly values: ArrayLike<number>;
  /** Absolute, per element. */
  readonly bounds?: ArrayLike<number> | undefined;
  /** Whether 0 and -0 differ. Default: not. */
  readonly signedZeros?: boolean;
}

/** A result as read back. */
export interface Actual {
  readonly shape: readonly number[];
  readonly dtype: DType;
  readonly values: ArrayLike<number | bigint>;
}

/** Whether one element is right. NaN and infinities must be met exactly. */
export function isWithin(
  actual: number,
  expected: number,
  bound: number,
  signedZeros = false,
): boolean {
  if (Number.isNaN(expected) || Number.isNaN(actual))
    return Number.isNaN(expected) && Number.isNaN(actual);
  if (!Number.isFinite(expected) || !Number.isFinite(actual)) return actual === expected;
  if (bound === 0) return signedZeros ? Object.is(actual, expected) : actual === expected;
  return Math.abs(actual - expected) <= bound;
}

/** undefined when `actual` is right, else what is wrong: first the shape and dtype, then the worst element. */
export function difference(actual: Actual, expected: Expected): string | undefined {
  const shapes = [actual, expected].map(({ dtype, shape }) => `${dtype} [${shape.join(', ')}]`);
  if (shapes[0] !== shapes[1]) return `is ${shapes[0]}, must be ${shapes[1]}`;
  const n = expected.values.length;
  if (actual.values.length !== n) return `has ${actual.values.length} elements, must have ${n}`;
  let wrong = 0;
  let worst = -1;
  let worstExcess = -1;
  for (let i = 0; i < n; i++) {
    const [a, e] = [Number(actual.values[i]), expected.values[i] as number];
    const bound = expected.bounds?.[i] ?? 0;
    if (isWithin(a, e, bound, expected.signedZeros)) continue;
    wrong++;
    const error = Math.abs(a - e);
    const excess = Number.isFinite(error) ? (bound > 0 ? error / bound : error) : Infinity;
    if (excess > worstExcess) [worst, worstExcess] = [i, excess];
  }
  if (wrong === 0) return undefined;
  const [a, e] = [Number(actual.values[worst]), expected.values[worst]];
  return (
    `${wrong} of ${n} elements are wrong; worst: [${position(worst, expected.shape).join(', ')}] is ${a}, ` +
    `must be ${e} within ${expected.bounds?.[worst] ?? 0}`
  );
}

/** The indices of the element at `offset` in row-major order. */
function position(offset: number, shape: readonly number[]): number[] {
  const indices: number[] = [];
  let rest = offset;
  for (const size of [...shape].reverse()) {
    indices.unshift(rest % size);
    rest = Math.floor(rest / size);
  }
  return indices;
}
