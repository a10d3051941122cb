/** Interpolation between elements of images, for references, and places that are exact in float32. */

import type { DType } from '../../binding';
import type { HostTensor } from './op-info';
import type { Rng } from './rng';
import { indexIn, positions } from './windows-nd';

export const wide = (dtype: DType): 'float64' | 'float32' =>
  dtype === 'float64' ? 'float64' : 'float32';

/** Multiples of 1/8 are exact in all that is done to them here, so that places are those of float64. */
export const eighths = (rng: Rng, n: number, low: number, high: number) =>
  Float64Array.from({ length: n }, () => rng.int(8 * low, 8 * high) / 8);

export type Tap = readonly [index: number, weight: number];

/** Elements around `at`; those outside of [0, size) are left out. */
export function linear(at: number, size: number): Tap[] {
  const low = Math.floor(at);
  const taps: Tap[] = [
    [low, 1 - (at - low)],
    [low + 1, at - low],
  ];
  return taps.filter(([i]) => i >= 0 && i < size);
}

/** The sum over a box of taps, and of the absolute values of its terms. */
export function boxSum(
  { shape, values }: HostTensor,
  lead: readonly number[],
  lists: readonly (readonly Tap[])[],
): { sum: number; magnitude: number } {
  let [sum, magnitude] = [0, 0];
  for (const choice of positions(lists.map(({ length }) => length))) {
    const chosen = choice.map((t, k) => lists[k]?.[t] as Tap);
    const value = values[indexIn(shape, [...lead, ...chosen.map(([i]) => i)])] as number;
    const term = chosen.reduce((all, [, weight]) => all * weight, value);
    sum += term;
    // A cubic weight is a difference of terms up to 8 * 0.75.
    magnitude += Math.abs(chosen.reduce((all, [, weight]) => all * (Math.abs(weight) + 6), value));
  }
  return { sum, magnitude };
}
